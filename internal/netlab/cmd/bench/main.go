package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/internal/figures"
	"github.com/gmsd/gmsd/internal/netlab"
	"github.com/gmsd/gmsd/internal/netlab/attack"
)

// settings are the flags.
type settings struct {
	runs     int
	only     *regexp.Regexp
	json     string
	rest     time.Duration
	turmoil  time.Duration
	seeds    int
	profile  string
	crowd    int
	crowdDir string
	verbose  bool
	onlyText string
	// transport is that of the processes.
	transport string
	record    time.Duration
	attacker  bool
}

func main() {
	var s settings
	flag.IntVar(&s.runs, "runs", 5, "runs of each figure")
	flag.StringVar(&s.onlyText, "only", "", "measure only what this regular `expression` finds in the names of the measurements")
	flag.StringVar(&s.json, "json", "", "write the records to this `file`, - for the standard output")
	flag.StringVar(&s.transport, "transport", "mcast", "`transport` of the processes in namespaces; relay: router, where hosts reach the routers alone")
	flag.DurationVar(&s.rest, "rest", time.Minute, "how long the group at rest is watched")
	flag.DurationVar(&s.turmoil, "turmoil", time.Minute, "how long loss, reorder and duplication last")
	flag.DurationVar(&s.record, "record", time.Minute, "how long an attacker records traffic, of which ten minutes are sent again: ten for all of it at once")
	flag.BoolVar(&s.attacker, "attacker", false, "be the attacker (the benchmark starts it itself)")
	flag.IntVar(&s.seeds, "seeds", 30, "seeds of the simulator")
	flag.StringVar(&s.profile, "profile", "", "write a processor profile of the hosts in one process to this `file`")
	flag.IntVar(&s.crowd, "crowd", 0, "be the process of that many hosts (the benchmark starts it itself)")
	flag.StringVar(&s.crowdDir, "dir", ".", "where that process keeps its data")
	flag.BoolVar(&s.verbose, "v", false, "print each figure as it is measured")
	flag.Parse()
	if err := s.run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (s *settings) run() error {
	if s.crowd > 0 {
		return beCrowd(s.crowd, s.crowdDir, s.profile)
	}
	if s.attacker {
		return attack.Serve(context.Background(), os.Stdin, os.Stdout)
	}
	var err error
	if s.record < time.Second || s.record > tenMinutes {
		return fmt.Errorf("-record %s: want 1s to %s", s.record, tenMinutes)
	}
	if s.only, err = regexp.Compile(s.onlyText); err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if err := netlab.Available(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "gmsd-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{settings: s, dir: dir}
	if b.binary, err = netlab.Build(ctx, dir); err != nil {
		return err
	}
	err = b.all(ctx)
	fmt.Print(b.table())
	return errors.Join(err, b.writeRecords())
}

// bench holds what was measured.
type bench struct {
	*settings
	binary  string
	dir     string
	records figures.Set
	// missing names the runs that gave no figure.
	missing []string
}

// measurement is a piece of work that adds figures.
type measurement struct {
	name string
	// once: its runs are its own.
	once bool
	run  func(ctx context.Context, b *bench, run int) error
}

func measurements() []measurement {
	var out []measurement
	out = append(out, processMeasurements()...)
	out = append(out, restMeasurements()...)
	out = append(out, doctorMeasurements()...)
	out = append(out, sealingMeasurements()...)
	out = append(out, attackMeasurements()...)
	for _, n := range []int{100, 300} {
		out = append(out, measurement{name: fmt.Sprintf("crowd-%d", n), run: func(ctx context.Context, b *bench, run int) error {
			return b.crowdOf(ctx, n, run)
		}})
	}
	return append(out, measurement{name: "simulator", once: true, run: simulate})
}

// all runs what was asked for. A measurement that fails is told, and the others go on.
func (b *bench) all(ctx context.Context) error {
	failed := 0
	for _, m := range measurements() {
		if !b.only.MatchString(m.name) {
			continue
		}
		runs := b.runs
		if m.once {
			runs = 1
		}
		fmt.Fprintf(os.Stderr, "%s: %d runs\n", m.name, runs)
		for run := 1; run <= runs && ctx.Err() == nil; run++ {
			if err := m.run(ctx, b, run); err != nil {
				failed++
				b.missing = append(b.missing, fmt.Sprintf("%s, run %d of %d", m.name, run, runs))
				fmt.Fprintf(os.Stderr, "%s, run %d: %v\n", m.name, run, err)
			}
		}
	}
	if failed > 0 {
		return errors.Join(fmt.Errorf("%d runs gave no figure", failed), ctx.Err())
	}
	return ctx.Err()
}
