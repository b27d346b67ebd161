package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/demo"
)

var demoCommand = &command{
	name: "demo", args: "[--hosts N] [--script FILE] [--links auto|netns|loopback] [--keep] [--json]",
	short: "five daemons on this machine, with a story",
	long: `Demo starts real daemons on this machine, lets one be killed, restarted, frozen
and woken, parts the network and heals it, and tells what happened with the time
from each act to the last survivor's new view, read from the event logs. Then it
runs the property checkers over those logs. It ends by itself and cleans up.

As root each daemon gets a network namespace of its own, on a bridge; otherwise
all use the loopback interface and cuts are lab faults inside the daemons. It
says which.

A script has one act a line; # begins a comment:
  start|kill|freeze|thaw|leave HOSTS    HOSTS: h1 h2, 1,2 or all
  cut 1,2 | 3,4,5                       only one side's hosts hear each other
  heal
  wait 1s                               go on 1 s after the last act began
  say TEXT`,
	examples: `  gmsd demo
  gmsd demo --hosts 7 --keep
  printf 'start all\nkill h1\n' | gmsd demo --script -`,
	flags: func(c *call) {
		c.set.IntVar(&c.hosts, "hosts", 5, "`N` daemons, 3 to 32")
		c.set.StringVar(&c.script, "script", "", "`file` with the story (- for standard input)")
		c.set.StringVar(&c.mode, "links", "auto", "`WORD`: auto, netns or loopback")
		c.set.BoolVar(&c.keep, "keep", false, "leave the daemons running at the end")
		c.set.BoolVar(&c.cleanOnly, "cleanup", false, "end kept daemons and remove what demos left, nothing else")
		c.set.BoolVar(&c.json, "json", false, "print one JSON object at the end")
	},
	run: runDemo,
}

func runDemo(c *call) error {
	if c.cleanOnly {
		removed, err := demo.Cleanup(true)
		for _, dir := range removed {
			fmt.Fprintln(c.out, "removed", dir)
		}
		return err
	}
	script, err := c.readScript()
	if err != nil {
		return err
	}
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(c.ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err = demo.Run(ctx, demo.Options{
		Binary: binary, Hosts: c.hosts, Script: script, Mode: c.mode, Keep: c.keep, JSON: c.json, Out: c.out,
	})
	var options *demo.OptionsError
	switch {
	case errors.Is(err, context.Canceled):
		return coded(exitRefused, "interrupted; everything was cleaned up")
	case errors.As(err, &options):
		return coded(exitRefused, "%w", err)
	}
	return err
}

// scriptMax bounds a script.
const scriptMax = 1 << 20

func (c *call) readScript() (string, error) {
	if c.script == "" {
		return "", nil
	}
	in := c.in
	if c.script != "-" {
		f, err := os.Open(c.script)
		if err != nil {
			return "", coded(exitRefused, "%w", err)
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, scriptMax+1))
	switch {
	case err != nil:
		return "", coded(exitRefused, "%w", err)
	case len(raw) > scriptMax:
		return "", coded(exitRefused, "the script is longer than %d bytes", scriptMax)
	case len(raw) == 0:
		return "", coded(exitRefused, "the script is empty")
	}
	return string(raw), nil
}
