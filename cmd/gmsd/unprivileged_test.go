package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/internal/keys"
)

// nobody is a user without any right.
const nobody = 65534

// TestWithoutPrivileges: daemons of a user without capabilities are a group, on each
// transport that the loopback carries, and leave it. What they know no dump shows, while
// they still read of themselves what their metrics tell.
func TestWithoutPrivileges(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			home := homeOfNobody(t)
			at := freePorts(t, 4)
			h1 := startAsNobody(t, home, "h1", transport, at[0], at[1], at[2])
			h2 := startAsNobody(t, home, "h2", transport, at[1], at[0], at[3])
			awaitTwo(t, at[2])
			for _, h := range []*nobodys{h1, h2} {
				h.hasNoRight(t)
				h.leavesNoDump(t)
			}
			tellsOfItself(t, at[2])
			h2.leave(t)
			h1.leave(t)
		})
	}
}

// homeOfNobody has the program and the keys. Others may pass through, since what the
// daemons keep there is their own alone.
func homeOfNobody(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	// TestMain is gmsd under that name.
	if err := os.WriteFile(filepath.Join(home, "gmsd"), program, 0o755); err != nil { //nolint:gosec // others run it
		t.Fatal(err)
	}
	ring := filepath.Join(home, "ring")
	if err := keyfile.Create(ring, keys.NewRing(keys.KeyOf([keys.Size]byte{1}), 1)); err != nil {
		t.Fatal(err)
	}
	for _, mine := range []string{home, ring} {
		if err := os.Chown(mine, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	for dir := home; dir != filepath.Clean(os.TempDir()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // others pass
			t.Fatal(err)
		}
	}
	return home
}

// freePorts draws addresses of the loopback.
func freePorts(t *testing.T, n int) (at []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // kept until all are drawn, so that they differ
		at = append(at, l.Addr().String())
	}
	return at
}

// nobodys is a daemon of that user.
type nobodys struct {
	cmd *exec.Cmd
	log *bytes.Buffer
	// read is closed at the end of the log.
	read chan struct{}
}

func startAsNobody(t *testing.T, home, name, transport, bind, peer, adminAt string) *nobodys {
	t.Helper()
	h := &nobodys{log: &bytes.Buffer{}, read: make(chan struct{})}
	h.cmd = exec.Command(filepath.Join(home, "gmsd"), "run", "--key-file", filepath.Join(home, "ring"), "--data-dir", filepath.Join(home, name), //nolint:gosec // ourselves
		"--name", name, "--transport", transport, "--bind", bind, "--peers", peer, "--admin", adminAt)
	h.cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	said, err := h.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = h.cmd.Process.Kill() // ended by itself, if all went well
		<-h.read
		if t.Failed() {
			t.Logf("%s: %s", name, h.log)
		}
	})
	ready := make(chan struct{})
	go h.readLog(said, ready)
	select {
	case <-ready:
	case <-h.read:
		t.Fatalf("%s did not start", name)
	}
	return h
}

// readLog keeps the log, and closes ready at the line that says so.
func (h *nobodys) readLog(said io.Reader, ready chan<- struct{}) {
	defer close(h.read)
	for lines := bufio.NewScanner(said); lines.Scan(); {
		fmt.Fprintln(h.log, lines.Text())
		if ready != nil && strings.Contains(lines.Text(), "msg=ready") {
			close(ready)
			ready = nil
		}
	}
}

// awaitTwo waits for a view of both.
func awaitTwo(t *testing.T, adminAt string) {
	t.Helper()
	v := admin.ViewAnswer{View: &admin.View{}}
	for deadline := time.Now().Add(time.Minute); len(v.View.Members) != 2; {
		if time.Now().After(deadline) {
			t.Fatalf("no group of two: %+v", v)
		}
		if err := json.Unmarshal([]byte(ask(t, fmt.Sprintf("http://%s/v1/view?wait=%d&timeout=5s", adminAt, v.View.ID.Seq))), &v); err != nil {
			t.Fatal(err)
		}
	}
}

func ask(t *testing.T, url string) string {
	t.Helper()
	got, err := http.Get(url) //nolint:gosec,noctx // of our own daemon
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil || got.StatusCode != http.StatusOK && got.StatusCode != http.StatusGatewayTimeout {
		t.Fatalf("%s: %s, %v", url, got.Status, err)
	}
	return string(body)
}

// proc gives a file of the daemon's in /proc.
func (h *nobodys) proc(name string) string {
	return fmt.Sprintf("/proc/%d/%s", h.cmd.Process.Pid, name)
}

func (h *nobodys) hasNoRight(t *testing.T) {
	t.Helper()
	status, err := os.ReadFile(h.proc("status"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`Uid:\s65534\s65534\s`, `CapPrm:\s0+\n`, `CapEff:\s0+\n`, `CapAmb:\s0+\n`} {
		if !regexp.MustCompile(want).Match(status) {
			t.Errorf("%s has no %s: %s", h.proc("status"), want, status)
		}
	}
}

// leavesNoDump: no core file, and of a process that is not dumpable the files in /proc
// are root's.
func (h *nobodys) leavesNoDump(t *testing.T) {
	t.Helper()
	limits, err := os.ReadFile(h.proc("limits"))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`Max core file size +0 +0 `).Match(limits) {
		t.Errorf("core files are allowed: %s", limits)
	}
	info, err := os.Stat(h.proc("mem"))
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != 0 {
		t.Errorf("the memory is user %d's to read", owner)
	}
}

// tellsOfItself: a daemon reads in /proc what its metrics tell.
func tellsOfItself(t *testing.T, adminAt string) {
	t.Helper()
	metrics := ask(t, "http://"+adminAt+"/metrics")
	for _, name := range []string{"process_open_fds", "process_max_fds", "process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds"} {
		if !strings.Contains(metrics, "\n"+name+" ") {
			t.Errorf("no %s", name)
		}
	}
}

// leave ends the daemon as an operator would.
func (h *nobodys) leave(t *testing.T) {
	t.Helper()
	if err := h.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-h.read
	if err := h.cmd.Wait(); err != nil {
		t.Errorf("it did not leave: %v", err)
	}
}
