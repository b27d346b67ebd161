package sim

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
)

// seedFlag replays one seed: go test ./internal/sim -run Seeds -seed 42.
var (
	seedFlag  = flag.Uint64("seed", 0, "replay this seed alone")
	seedsFlag = flag.Int("seeds", 60, "how many seeds TestSeeds runs")
)

// firstSeed keeps the seeds of the tests apart from those of batches.
const firstSeed = 1_000_000

func TestSeeds(t *testing.T) {
	from, count := uint64(firstSeed), uint64(*seedsFlag)
	if *seedFlag != 0 {
		from, count = *seedFlag, 1
	}
	if testing.Short() && count > 10 {
		count = 10
	}
	var cover Coverage
	for seed := from; seed < from+count; seed++ {
		res := Run(Task{Options: Swarm(seed, 0), Maker: Shipped, Oracle: Judged})
		if res.Failure != nil {
			t.Errorf("seed %d: %v\nagain: go run ./internal/sim/cmd/simulate -seed %d -v", seed, res.Failure, seed)
		}
		cover.Add(&res.Cover)
	}
	if missing := cover.Missing(); len(missing) > 0 && count >= 60 {
		t.Logf("not reached by these seeds: %v", missing)
	}
}

func TestShippedEngineIsDeterministic(t *testing.T) {
	for seed := uint64(firstSeed); seed < firstSeed+6; seed++ {
		o := Swarm(seed, 0)
		o.Safety = 2 * time.Minute
		a := Run(Task{Options: o, Maker: Shipped, Oracle: Judged})
		b := Run(Task{Options: o, Maker: Shipped, Oracle: Judged})
		if a.Hash != b.Hash || a.Stats != b.Stats {
			t.Errorf("seed %d: two runs differ: %x and %x\n%+v\n%+v", seed, a.Hash, b.Hash, a.Stats, b.Stats)
		}
		c := Run(Task{Options: a.Options, Schedule: a.Schedule, Maker: Shipped, Oracle: Judged})
		if a.Failure == nil && c.Failure != nil {
			t.Errorf("seed %d: with its schedule given it fails: %v", seed, c.Failure)
		}
	}
}

// TestKeptSeeds replays every seed that once failed.
func TestKeptSeeds(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "seeds", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			r, err := ReadSeed(file)
			if err != nil {
				t.Fatal(err)
			}
			res := Run(r.Task())
			if res.Over != "" {
				t.Errorf("proves nothing any more: %s", res.Over)
			}
			if res.Failure != nil {
				t.Errorf("%v\nonce %s, found by %s\nagain: go run ./internal/sim/cmd/simulate -record testdata/seeds/%s -v",
					res.Failure, r.Property, r.FoundBy, filepath.Base(file))
			}
		})
	}
}

func TestShrinkKeepsTheFailureAndItsRecordReplays(t *testing.T) {
	o := Swarm(11, 5)
	o.Profile = Mixed
	for k := range o.Rates {
		o.Rates[k] = 20
	}
	o.Safety = 3 * time.Minute
	oracle := func(Options) Oracle { return &coward{} }
	res := Run(Task{Options: o, Schedule: drawSchedule(&o, 0, 0), Maker: newFake, Oracle: oracle})
	if res.Failure == nil {
		t.Fatal("the run did not fail")
	}
	rec := Shrink(res, newFake, oracle, func(string) {})
	if len(rec.Schedule) != 1 {
		t.Fatalf("%d faults left, one would do: %v (it was %v)", len(rec.Schedule), rec.Schedule, res.Failure)
	}
	rec.Stays = Stays{2: Deaf, 4: CutOff}
	path := filepath.Join(t.TempDir(), "seed.txt")
	if err := rec.Write(path); err != nil {
		t.Fatal(err)
	}
	back, err := ReadSeed(path)
	if err != nil {
		t.Fatal(err)
	}
	if back.String() != rec.String() {
		t.Fatalf("kept as\n%vread as\n%v", rec, back)
	}
	again := Run(Task{Options: back.Options, Schedule: back.Schedule, Maker: newFake, Oracle: oracle})
	if again.Failure == nil || again.Failure.Property != res.Failure.Property {
		t.Fatalf("the kept seed gives %v", again.Failure)
	}
}

// coward is an oracle that fails when a process ends without a word after a
// fault has begun.
type coward struct {
	blind
	crashes   int
	disturbed bool
}

func (c *coward) Disturb(begins bool, _ []views.HostID) { c.disturbed = c.disturbed || begins }

func (c *coward) Crash(uint32, views.Process) {
	if c.disturbed {
		c.crashes++
	}
}

func (c *coward) Broken() *Failure {
	if c.crashes == 0 {
		return nil
	}
	return &Failure{Property: "TEST", Witness: "somebody crashed"}
}

func TestReadSeedSaysWhatIsWrong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bad.txt")
	for _, text := range []string{"", "options: seed=1 hosts=99\n", "options: seed=1 hosts=3 colour=4\n", "fault: frost at=1s\n", "stays: 2=gone\n", "what: ever\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSeed(path); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// BenchmarkSeed runs worlds of five hosts with faults, load and checkers on and
// prints simulated cluster-hours a minute.
func BenchmarkSeed(b *testing.B) {
	var hours float64
	var steps uint64
	seed := uint64(firstSeed)
	for b.Loop() {
		res := Run(Task{Options: Swarm(seed, 5), Maker: Shipped, Oracle: Judged})
		hours += res.Time.Hours()
		steps += res.Stats.Steps
		seed++
	}
	b.ReportMetric(hours/b.Elapsed().Minutes(), "sim-hours/min")
	b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "inputs/s")
}
