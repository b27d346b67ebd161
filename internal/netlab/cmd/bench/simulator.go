package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
)

// simulated finds the figures in what the simulator says of a batch.
var simulated = []struct {
	metric string
	in     *regexp.Regexp
}{
	{"sim_hours_cpu_min", regexp.MustCompile(`cluster-hours, ([0-9.]+) a CPU-minute`)},
	{"sim_inputs_cpu_s", regexp.MustCompile(`([0-9.]+) inputs handled a CPU-second`)},
	{"sim_views_seed", regexp.MustCompile(`([0-9.]+) views,`)},
	{"sim_messages_seed", regexp.MustCompile(`([0-9.]+) messages,`)},
}

// simulate runs the shipped simulator on one processor.
func simulate(ctx context.Context, b *bench, run int) error {
	cmd := exec.CommandContext(ctx, "go", "run", "./internal/sim/cmd/simulate", "-n", "5", "-workers", "1", "-seeds", strconv.Itoa(b.seeds))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("simulate: %w: %s", err, out)
	}
	for _, s := range simulated {
		found := s.in.FindSubmatch(out)
		if found == nil {
			return fmt.Errorf("simulate: no %s in: %s", s.metric, out)
		}
		value, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			return err
		}
		b.add("sim", 5, s.metric, value, run)
	}
	return nil
}
