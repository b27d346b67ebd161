package members

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gmsd/gmsd/internal/netlab"
)

// Process is a program on a host of a lab.
type Process struct {
	cmd    *exec.Cmd
	stderr *os.File
	done   chan struct{}
}

// Start starts a daemon. It dies with the lab.
func Start(l *netlab.Lab, host int, argv ...string) (*Process, error) {
	p, err := newProcess(l, argv)
	if err != nil {
		return nil, err
	}
	if err := p.start(l, host); err != nil {
		return nil, err
	}
	go p.reap()
	return p, nil
}

func newProcess(l *netlab.Lab, argv []string) (*Process, error) {
	stderr, err := os.CreateTemp(l.Dir(), filepath.Base(argv[0])+"-")
	if err != nil {
		return nil, err
	}
	p := &Process{cmd: exec.Command(argv[0], argv[1:]...), stderr: stderr, done: make(chan struct{})}
	// A group of its own, so that an interrupt at the keyboard is ours alone.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.cmd.Stderr = stderr
	return p, nil
}

func (p *Process) start(l *netlab.Lab, host int) error {
	if err := l.Do(host, p.cmd.Start); err != nil {
		p.stderr.Close()
		return fmt.Errorf("%s on %s: %w", p.cmd.Args[0], netlab.Name(host), err)
	}
	return nil
}

func (p *Process) reap() {
	_ = p.cmd.Wait() // how it ended is in its ProcessState
	p.stderr.Close()
	close(p.done)
}

// Signal sends one, if it still runs.
func (p *Process) Signal(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s) // ended meanwhile: as good
}

// Kill ends it at once, and waits for that.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.done
}

// lastWords is the end of what it said to people.
func (p *Process) lastWords() string {
	raw, err := os.ReadFile(p.stderr.Name())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], " / ")
}
