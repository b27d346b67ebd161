package stage

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/bench/internal/table"
	"github.com/gmsd/gmsd/internal/figures"
)

// Stage is a part of the benchmark.
type Stage struct {
	Name string
	// Needs names programs without which it cannot run, Root whether it makes
	// namespaces.
	Needs []string
	Root  bool
	// EachRun bounds a run, beside what the windows of its loads take.
	EachRun time.Duration
	Run     func(ctx context.Context, e *Env) error
}

// loads is more than the loads that a run of any stage has.
const loads = 20

// Limit is when a stage is given up.
func (s *Stage) Limit(e *Env) time.Duration {
	return 2*time.Minute + time.Duration(e.Runs)*(s.EachRun+loads*e.Window)
}

// Env is what a stage works with.
type Env struct {
	// Runs of each figure; Window is how long a load is measured.
	Runs   int
	Window time.Duration
	// Scratch is a directory for what is built, Gmsd the binary.
	Scratch, Gmsd string
	Put           func(figures.Record)
	// Told gets a line about a step.
	Told func(string)
}

// Command runs a program that prints records to its end. An end of the context
// is an interrupt to it first.
func (e *Env) Command(ctx context.Context, argv ...string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	// An interrupt at the keyboard comes to us, and to it through us.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	raw, err := cmd.Output()
	set, unread := table.Read(bytes.NewReader(raw))
	for _, r := range set {
		e.Put(r)
	}
	return errors.Join(unread, describe(argv, err, &stderr))
}

func describe(argv []string, err error, stderr *bytes.Buffer) error {
	if err == nil {
		return nil
	}
	last := ""
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		last = lines.Text()
	}
	return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, last)
}

// Build runs a compiler.
func Build(ctx context.Context, argv ...string) error {
	if out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, bytes.TrimSpace(out))
	}
	return nil
}
