package failuredetect

import (
	"flag"
	"slices"
	"sort"
	"testing"
	"time"
)

// Each run is 10 simulated minutes of 5 hosts.
var (
	mcRuns = flag.Int("mc-runs", 200, "Monte Carlo runs of 10 simulated minutes")
	mcSeed = flag.Uint64("mc-seed", 1, "seed of the first Monte Carlo run")
)

// mcTotals is what the runs came to.
type mcTotals struct {
	minutes, doubts, falseFailures int
	found                          []time.Duration
	frames                         int
}

// TestLossRemovesNobody: every host loses 20 % of what it sends, a multicast
// as a whole, and 20 % of what it receives, so that 0.64 of heartbeats and 0.41
// of pings with their pongs get through; delays reorder. After 5 minutes one
// host falls into a black hole and stays in the view, so three observers are
// left for each other member. Nobody else may be failed by anybody, ever; the
// one must be by all in 2.5 s.
func TestLossRemovesNobody(t *testing.T) {
	runs := *mcRuns
	if testing.Short() {
		runs = min(runs, 10)
	}
	var all mcTotals
	for i := range runs {
		lossyRun(t, *mcSeed+uint64(i), 0, &all)
	}
	all.report(t)
}

func (all *mcTotals) report(t *testing.T) {
	t.Helper()
	sort.Slice(all.found, func(i, j int) bool { return all.found[i] < all.found[j] })
	n := len(all.found)
	t.Logf("%d simulated minutes, %d frames: %d doubts of single hosts that were wrong, %d wrong failures; black hole found by all after %v (median), %v (worst of %d)",
		all.minutes, all.frames, all.doubts, all.falseFailures, all.found[n/2], all.found[n-1], n)
}

func lossyRun(t *testing.T, seed uint64, beat time.Duration, all *mcTotals) {
	l := newLabAt(5, seed, beat)
	l.loss, l.jitter = 200, 20*time.Millisecond
	hole := -1
	l.watch = func(h *labHost, _ Output) {
		if h.rank == hole {
			return
		}
		for _, r := range h.d.Failed() {
			if int(r) != hole {
				all.falseFailures++
				t.Fatalf("seed %d: h%d fails h%d (black hole: h%d)\n%s\n%s", seed, h.rank, r, hole, h.d.Describe(), l.story())
			}
		}
	}
	l.run(5 * time.Minute)
	all.doubts += len(l.log) / 2
	hole = int(l.random.next() % 5)
	l.isolate(hole)
	others := slices.DeleteFunc(upTo(5), func(i int) bool { return i == hole })
	all.found = append(all.found, l.failedAt(t, 2500*time.Millisecond, others, uint16(hole)))
	l.run(5*time.Minute - 2500*time.Millisecond)
	all.minutes += 10
	all.frames += l.frames
}

// TestAdaptiveDeadlines: a link with much jitter gets longer deadlines, says so
// in Bound, and gives them back when it is calm again.
func TestAdaptiveDeadlines(t *testing.T) {
	l := newLab(5, 4)
	l.run(time.Minute)
	calm := l.hosts[0].d.Bound()
	l.jitter = 800 * time.Millisecond
	l.run(2 * time.Minute)
	rough := l.hosts[0].d.Bound()
	if rough < calm+300*time.Millisecond || rough > 6*time.Second {
		t.Errorf("bound %v with jitter, %v without", rough, calm)
	}
	for _, h := range l.hosts {
		if len(h.d.Failed()) > 0 {
			t.Errorf("h%d: %s\n%s", h.rank, h.d.Describe(), l.story())
		}
	}
	l.jitter = time.Millisecond
	l.run(10 * time.Minute)
	if again := l.hosts[0].d.Bound(); again > calm+50*time.Millisecond {
		t.Errorf("bound stays at %v", again)
	}
	if calm > 1700*time.Millisecond {
		t.Errorf("bound on a good link: %v", calm)
	}
}
