package main

import (
	"context"
	"log/slog"
	"os/exec"
	"time"

	"github.com/gmsd/gmsd/views"
)

// The check command of started = "check:COMMAND" decides over the started bit:
// its first success sets it, checkFailures failures in a row take it back.
const (
	checkEvery    = 5 * time.Second
	checkTimeout  = 5 * time.Second
	checkFailures = 3
)

// bitSetter is what a check needs of a host.
type bitSetter interface {
	SetBits(ctx context.Context, mask, bits views.Bits) error
}

// checker runs a command again and again.
type checker struct {
	host     bitSetter
	log      *slog.Logger
	try      func(ctx context.Context) error
	started  bool
	failures int
}

func newChecker(host bitSetter, command string, log *slog.Logger) *checker {
	return &checker{host: host, log: log, try: func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		return exec.CommandContext(ctx, "/bin/sh", "-c", command).Run()
	}}
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
	err := c.try(ctx)
	if ctx.Err() != nil {
		return
	}
	want := c.started
	if err == nil {
		c.failures, want = 0, true
	} else if c.failures++; c.failures >= checkFailures {
		want = false
	}
	if want == c.started {
		return
	}
	var bits views.Bits
	if want {
		bits = views.Started
	}
	if err := c.host.SetBits(ctx, views.Started, bits); err != nil {
		c.log.Warn("the started bit could not be changed", "want", want, "error", err)
		return // the next round tries again
	}
	c.started = want
	c.log.Info("the check changed the started bit", "started", want)
}
