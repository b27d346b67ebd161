package netlab

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// SlowDisk delays every sync of a host's daemon: strace stands between it and the kernel.
type SlowDisk struct {
	Host   int
	By     time.Duration
	tracer *daemon
}

// Describe gives a line.
func (f *SlowDisk) Describe() string {
	return fmt.Sprintf("syncs of %s take %s longer", Name(f.Host), f.By)
}

// Hosts gives the one.
func (f *SlowDisk) Hosts() []int { return []int{f.Host} }

// Start makes it, once the tracer has the process.
func (f *SlowDisk) Start(l *Lab) error {
	pid := l.Pid(f.Host)
	cmd := exec.Command("strace", "-f", "--seccomp-bpf", "-q", "-o", "/dev/null", "-e", "trace=fsync,fdatasync",
		"-e", fmt.Sprintf("inject=fsync,fdatasync:delay_exit=%d", f.By.Microseconds()), "-p", strconv.Itoa(pid))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := l.host(f.Host).space.do(cmd.Start); err != nil {
		return err
	}
	f.tracer = reaped(cmd)
	return l.WaitFor(commandTimeout, "strace to trace "+Name(f.Host), func() bool {
		return strings.Contains(procStatus(pid, "TracerPid"), strconv.Itoa(cmd.Process.Pid))
	})
}

// Stop lets the process go.
func (f *SlowDisk) Stop(*Lab) error {
	if f.tracer == nil {
		return nil
	}
	err := f.tracer.cmd.Process.Signal(syscall.SIGTERM)
	<-f.tracer.done
	f.tracer = nil
	return err
}

// procStatus gives a line of /proc/PID/status, empty where there is none.
func procStatus(pid int, key string) string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}
