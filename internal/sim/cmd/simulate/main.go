package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gmsd/gmsd/internal/sim"
	"github.com/gmsd/gmsd/internal/sim/check"
)

// exitFailed says that a property did not hold.
const exitFailed = 2

type flags struct {
	seed    uint64
	one     bool
	seeds   int
	from    uint64
	hours   float64
	workers int
	hosts   int
	minutes int
	sealed  bool
	shrink  bool
	verbose bool
	loud    bool
	record  string
	out     string
	found   string
	skip    string
	judge   func(sim.Options) sim.Oracle
}

func main() {
	var f flags
	flag.Uint64Var(&f.seed, "seed", 0, "replay this seed alone")
	flag.IntVar(&f.seeds, "seeds", 100, "how many seeds to run")
	flag.Uint64Var(&f.from, "from", 1, "first seed of the batch")
	flag.Float64Var(&f.hours, "hours", 0, "run until so many simulated cluster-hours instead of a number of seeds")
	flag.IntVar(&f.workers, "workers", runtime.NumCPU(), "seeds run at once")
	flag.IntVar(&f.hosts, "n", 0, "hosts of every world; 0 draws them")
	flag.IntVar(&f.minutes, "minutes", 0, "length of the safety phase in simulated minutes; 0 draws it")
	flag.BoolVar(&f.sealed, "sealed", false, "seal the worlds that are drawn plain, too")
	flag.BoolVar(&f.shrink, "shrink", false, "make a failing seed short and keep it")
	flag.BoolVar(&f.verbose, "v", false, "tell what happens, one line an event")
	flag.BoolVar(&f.loud, "vv", false, "as -v, with every message")
	flag.StringVar(&f.record, "record", "", "replay a kept seed from this file")
	flag.StringVar(&f.out, "o", "", "the file for the shrunk seed; default testdata/seeds/SEED.txt")
	flag.StringVar(&f.found, "found-by", "simulate", "what found the seed, for its record")
	flag.StringVar(&f.skip, "skip", "", "properties to leave out, such as P15,B3: to see past a known fault")
	flag.Parse()
	flag.Visit(func(g *flag.Flag) { f.one = f.one || g.Name == "seed" })
	os.Exit(f.run())
}

func (f *flags) run() int {
	if err := f.chooseProperties(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if f.hosts < 0 || f.hosts > sim.HostsMost {
		fmt.Fprintf(os.Stderr, "-n %d: want 0 to %d\n", f.hosts, sim.HostsMost)
		return 1
	}
	switch {
	case f.record != "":
		return f.replayRecord()
	case f.one:
		return f.replay(sim.Task{Options: f.options(f.seed)})
	}
	return f.batch()
}

// chooseProperties reads -skip.
func (f *flags) chooseProperties() error {
	var skip []check.Property
	for code := range strings.SplitSeq(f.skip, ",") {
		if code == "" {
			continue
		}
		p, ok := check.ParseProperty(code)
		if !ok {
			return fmt.Errorf("-skip: property %q is not known", code)
		}
		skip = append(skip, p)
	}
	f.judge = func(o sim.Options) sim.Oracle { return sim.NewOracle(o, skip...) }
	return nil
}

// options draws a seed's options and applies the flags.
func (f *flags) options(seed uint64) sim.Options {
	o := sim.Swarm(seed, f.hosts)
	if f.minutes > 0 {
		o.Safety = time.Duration(f.minutes) * time.Minute
	}
	if f.sealed {
		o.EnsureSealed()
	}
	return o
}

func (f *flags) replayRecord() int {
	r, err := sim.ReadSeed(f.record)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return f.replay(r.Task())
}

// replay runs one task, tells it if asked, and shrinks it if asked.
func (f *flags) replay(t sim.Task) int {
	t.Maker, t.Oracle = sim.Shipped, f.judge
	if f.verbose || f.loud {
		t.Prepare = sim.Transcript(os.Stdout, f.loud)
	}
	res := sim.Run(t)
	fmt.Printf("options: %v\n%v", res.Options, &res.Cover)
	fmt.Printf("%s simulated, %+v\nhash %016x\n", res.Time, res.Stats, res.Hash)
	if res.Failure == nil {
		fmt.Printf("ok, core converged in %s, all in %s. %s%s\n", res.Core, res.All, res.Idle, res.Over)
		return 0
	}
	fmt.Printf("FAILED %v\n", res.Failure)
	if f.shrink {
		f.shrinkAndKeep(res)
	}
	return exitFailed
}

// shrinkAndKeep makes a failing run short and writes it down.
func (f *flags) shrinkAndKeep(res sim.Result) {
	rec := sim.Shrink(res, sim.Shipped, f.judge, func(text string) { fmt.Println("shrink:", text) })
	rec.FoundBy = f.found
	path := f.out
	if path == "" {
		path = filepath.Join("testdata", "seeds", fmt.Sprintf("%d.txt", rec.Options.Seed))
	}
	if err := rec.Write(path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Printf("kept as %s; see it with\n  go run ./internal/sim/cmd/simulate -record %s -v\n", path, path)
}
