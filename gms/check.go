package gms

import (
	"context"
	"errors"
	"log/slog"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/views"
)

// The command of Config.Started = "check:COMMAND" decides over the started bit:
// its first success sets it, checkFailures failures in a row take it back.
const (
	checkEvery    = 5 * time.Second
	checkTimeout  = 5 * time.Second
	checkFailures = 3
)

// checkCommand gives the command of a way to start, "" where it is another way.
func checkCommand(started string) string {
	command, _ := strings.CutPrefix(started, StartedCheck)
	if command == started {
		return ""
	}
	return strings.TrimSpace(command)
}

// checker runs a command again and again.
type checker struct {
	set      func(ctx context.Context, mask, bits views.Bits) error
	log      *slog.Logger
	try      func(ctx context.Context) error
	started  bool
	failures int
}

// startCheck lets the check command, if there is one, decide from the first
// view on until end is called.
func (l *loop) startCheck() (end func()) {
	ctx, end := context.WithCancel(context.Background())
	if l.check != nil {
		l.workers.Go(func() {
			select {
			case <-l.host.first:
				l.check.run(ctx)
			case <-ctx.Done():
			}
		})
	}
	return end
}

// run checks until ctx ends.
func (c *checker) run(ctx context.Context) {
	ticker := time.NewTicker(checkEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		c.once(ctx)
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

func (c *checker) once(ctx context.Context) {
	trying, cancel := context.WithTimeout(ctx, checkTimeout)
	err := c.try(trying)
	cancel()
	want := c.started
	if err == nil {
		c.failures, want = 0, true
	} else if c.failures++; c.failures >= checkFailures {
		want = false
	}
	if want == c.started || ctx.Err() != nil {
		return
	}
	var bits views.Bits
	if want {
		bits = views.Started
	}
	switch failed := c.set(ctx, views.Started, bits); {
	case failed == nil:
		c.started = want
		c.log.Info("the check changed the started bit", "started", want, "check", err)
	case !errors.Is(failed, context.Canceled): // that is our own end
		// The next round tries again.
		c.log.Warn("the started bit could not be changed", "want", want, "err", failed)
	}
}

// runShell runs a command as a shell does, and ends it, with what it started,
// when ctx does.
func runShell(ctx context.Context, command string) error {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd.Run()
}
