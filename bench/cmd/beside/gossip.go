package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/gmsd/gmsd/bench/internal/stage"
)

// gossipStages are memberlist and serf, each run a process of cmd/gossip.
func gossipStages() []stage.Stage {
	var out []stage.Stage
	for _, peer := range []string{"memberlist", "serf"} {
		out = append(out, stage.Stage{Name: peer, EachRun: 7 * time.Minute, Run: func(ctx context.Context, e *stage.Env) error {
			return gossip(ctx, e, peer)
		}})
	}
	return out
}

func gossip(ctx context.Context, e *stage.Env, peer string) error {
	program := filepath.Join(e.Scratch, "gossip")
	if err := stage.Build(ctx, "go", "build", "-o", program, "./cmd/gossip"); err != nil {
		return err
	}
	for _, n := range crowds {
		for run := 1; run <= e.Runs; run++ {
			e.Told(fmt.Sprintf("%d members, run %d of %d", n, run, e.Runs))
			if err := e.Command(ctx, program, "-peer", peer, "-members", fmt.Sprint(n), "-run", fmt.Sprint(run)); err != nil {
				return err
			}
		}
	}
	return nil
}
