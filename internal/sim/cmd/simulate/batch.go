package main

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/internal/sim"
)

// totals sum a batch.
type totals struct {
	mu    sync.Mutex
	seeds int
	idle  int
	over  int
	// ends counts why runs ended early.
	ends   map[string]int
	failed []sim.Result
	time   time.Duration
	stats  sim.Stats
	cover  sim.Coverage
	core   time.Duration
	all    time.Duration
}

func (t *totals) add(r *sim.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seeds++
	t.time += r.Time
	t.stats.Add(&r.Stats)
	t.cover.Add(&r.Cover)
	t.core, t.all = max(t.core, r.Core), max(t.all, r.All)
	switch {
	case r.Failure != nil:
		t.failed = append(t.failed, *r)
		fmt.Printf("seed %d FAILED %v\n", r.Options.Seed, r.Failure)
	case r.Over != "":
		t.over++
		if t.ends == nil {
			t.ends = make(map[string]int)
		}
		t.ends[r.Over]++
	case r.Idle != "":
		t.idle++
		fmt.Printf("seed %d proves too little: %s\n", r.Options.Seed, r.Idle)
	}
}

// failuresMax ends a batch early: the first failures are the ones to read.
const failuresMax = 20

// batch runs seeds side by side; each is one thread from start to end. A signal has it
// begin no more of them and tell what those showed that ran.
func (f *flags) batch() int {
	ended, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var t totals
	var next atomic.Uint64
	next.Store(f.from)
	begin, cpu := time.Now(), cpuTime()
	var workers sync.WaitGroup
	for range max(1, f.workers) {
		workers.Go(func() {
			for ended.Err() == nil && !t.enough(f) {
				seed := next.Add(1) - 1
				if f.hours == 0 && seed >= f.from+uint64(f.seeds) {
					return
				}
				res := sim.Run(sim.Task{Options: f.options(seed), Maker: sim.Shipped, Oracle: f.judge})
				t.add(&res)
			}
		})
	}
	workers.Wait()
	t.print(time.Since(begin), cpuTime()-cpu)
	if ended.Err() != nil {
		fmt.Printf("ended by hand: go on with -from %d\n", next.Load())
	}
	if len(t.failed) == 0 {
		return t.activity()
	}
	for _, r := range t.failed {
		fmt.Printf("again: go run ./internal/sim/cmd/simulate -seed %d%s -v\n", r.Options.Seed, f.again())
	}
	if f.shrink {
		f.shrinkAndKeep(t.failed[0])
	}
	return exitFailed
}

// provenFrom is from how many seeds on a batch must have done some of everything.
const provenFrom = 200

// activity fails a batch that proves too little.
func (t *totals) activity() int {
	if lacking := t.stats.Lacking(); len(lacking) > 0 && t.seeds >= provenFrom {
		fmt.Printf("the batch proves too little: no %s\n", strings.Join(lacking, ", no "))
		return exitFailed
	}
	return 0
}

// again repeats the flags that change what a seed means.
func (f *flags) again() string {
	text := ""
	if f.hosts > 0 {
		text += fmt.Sprintf(" -n %d", f.hosts)
	}
	if f.minutes > 0 {
		text += fmt.Sprintf(" -minutes %d", f.minutes)
	}
	if f.sealed {
		text += " -sealed"
	}
	return text
}

func (t *totals) enough(f *flags) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.failed) >= failuresMax || f.hours > 0 && t.time.Hours() >= f.hours
}

func (t *totals) print(wall, cpu time.Duration) {
	n := float64(max(1, t.seeds))
	fmt.Printf("%d seeds in %s, %s of CPU: %.1f simulated cluster-hours, %.1f a CPU-minute\n",
		t.seeds, wall.Round(time.Millisecond), cpu.Round(time.Millisecond), t.time.Hours(), t.time.Hours()/cpu.Minutes())
	fmt.Printf("%.0f inputs handled a CPU-second, %.0f frames received; a seed: %.1f minutes, %.1f views, %.0f installs, %.0f messages, %.0f deliveries\n",
		float64(t.stats.Steps)/cpu.Seconds(), float64(t.stats.FramesReceived)/cpu.Seconds(), t.time.Minutes()/n,
		float64(t.stats.Views)/n, float64(t.stats.Installs)/n, float64(t.stats.Messages)/n, float64(t.stats.Delivered)/n)
	fmt.Printf("a seed: %.0f group views, %.0f deliveries as safe, %.0f of messages in parts, %.1f times a sender stopped by a slow receiver\n",
		float64(t.stats.GroupViews)/n, float64(t.stats.Safe)/n, float64(t.stats.Long)/n, float64(t.stats.Stopped)/n)
	fmt.Printf("a seed: %.1f states taken, %.0f bytes each; %d in all from a second donor\n",
		float64(t.stats.States)/n, float64(t.stats.StateBytes)/float64(max(1, t.stats.States)), t.stats.Resumed)
	fmt.Printf("longest way to one view: core %s, all %s. %d seeds proved too little, %d ended early, %d failed\n",
		t.core, t.all, t.idle, t.over, len(t.failed))
	for _, why := range slices.Sorted(maps.Keys(t.ends)) {
		fmt.Printf("ended early %d times: %s\n", t.ends[why], why)
	}
	fmt.Print(t.cover.String())
	if missing := t.cover.Missing(); len(missing) > 0 && t.seeds >= 200 {
		fmt.Printf("never reached: %v\n", missing)
	}
}

// cpuTime is the processor time this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		fmt.Fprintln(os.Stderr, "no processor time:", err)
		return math.MaxInt64
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
