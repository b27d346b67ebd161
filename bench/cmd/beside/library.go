package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"

	"github.com/gmsd/gmsd/bench/internal/stage"
)

// crowds are the sizes at which gossip is measured.
var crowds = []int{10, 50}

// libraryStages are gmsd in library mode.
func libraryStages() []stage.Stage {
	return []stage.Stage{
		{Name: "gmsd-library", EachRun: loadsLimit, Run: library},
		{Name: "gmsd-library-crowd", EachRun: loadsLimit, Run: libraryCrowd},
	}
}

// library measures all that `gmsd bench` knows to measure in a group of 4.
func library(ctx context.Context, e *stage.Env) error {
	orders, err := ordersOf(ctx, e)
	if err != nil {
		return err
	}
	return e.Command(ctx, e.Gmsd, "bench", "--json", "--hosts", "4", "--runs", fmt.Sprint(e.Runs), "--duration", e.Window.String(),
		"--phases", "form,flood,rate,leave", "--orders", orders, "--sizes", "100,1024,8192", "--senders", "1,all", "--rate", "1000")
}

// ordersOf gives the orders that the binary knows.
func ordersOf(ctx context.Context, e *stage.Env) (string, error) {
	const known = "fifo,agreed"
	err := exec.CommandContext(ctx, e.Gmsd, "bench", "--json", "--hosts", "2", "--runs", "1", "--phases", "form", "--orders", "safe").Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return known + ",safe", nil
	case errors.As(err, &exit) && exit.ExitCode() == exitUsage:
		e.Told("this gmsd knows no safe order yet")
		return known, nil
	}
	return "", fmt.Errorf("gmsd bench: %w", err)
}

// exitUsage is what gmsd ends with where it does not know a word.
const exitUsage = 1

func libraryCrowd(ctx context.Context, e *stage.Env) error {
	for _, n := range crowds {
		err := e.Command(ctx, e.Gmsd, "bench", "--json", "--hosts", fmt.Sprint(n), "--runs", fmt.Sprint(e.Runs), "--phases", "form,leave")
		if err != nil {
			return err
		}
	}
	return nil
}

// knows reports whether a command of gmsd has a flag.
func knows(ctx context.Context, gmsd, command, flag string) (bool, error) {
	help, err := exec.CommandContext(ctx, gmsd, command, "--help").CombinedOutput()
	if err != nil && len(help) == 0 {
		return false, fmt.Errorf("gmsd %s --help: %w", command, err)
	}
	return bytes.Contains(help, []byte("\n  --"+flag+" ")), nil
}
