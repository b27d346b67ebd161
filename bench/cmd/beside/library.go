package main

import (
	"context"
	"fmt"

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
	return e.Command(ctx, e.Gmsd, "bench", "--json", "--hosts", "4", "--runs", fmt.Sprint(e.Runs), "--duration", e.Window.String(),
		"--phases", "form,flood,rate,groups,leave", "--orders", "fifo,agreed,safe", "--sizes", "100,1024,8192", "--senders", "1,all", "--rate", "1000")
}

func libraryCrowd(ctx context.Context, e *stage.Env) error {
	for _, n := range crowds {
		err := e.Command(ctx, e.Gmsd, "bench", "--json", "--hosts", fmt.Sprint(n), "--runs", fmt.Sprint(e.Runs), "--phases", "form,leave")
		if err != nil {
			return err
		}
	}
	return nil
}
