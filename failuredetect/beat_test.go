package failuredetect

import (
	"fmt"
	"testing"
	"time"
)

// longBeats are those of groups in which a heartbeat is a frame to each member.
var longBeats = []time.Duration{700 * time.Millisecond, 950 * time.Millisecond}

// eachLongBeat runs a test for each of them.
func eachLongBeat(t *testing.T, test func(t *testing.T, beat time.Duration)) {
	t.Helper()
	for _, beat := range longBeats {
		t.Run(fmt.Sprint(beat), func(t *testing.T) { test(t, beat) })
	}
}

// A longer beat delays what waits for a beat by as much, and nothing else.
func TestLongBeatIsPaidOnce(t *testing.T) {
	usual := Config{Self: process(1)}
	usual.EnsureDefaults()
	eachLongBeat(t, func(t *testing.T, beat time.Duration) {
		c := Config{Self: process(1), Beat: beat}
		c.EnsureDefaults()
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		more := beat - usual.Beat
		for _, d := range []struct {
			name      string
			got, want time.Duration
		}{
			{"LateMin", c.LateMin, usual.LateMin + more},
			{"LateMax", c.LateMax, usual.LateMax + more},
			{"SilenceMin", c.SilenceMin, usual.SilenceMin + more},
			{"SilenceMax", c.SilenceMax, usual.SilenceMax + more},
			{"PingEvery", c.PingEvery, usual.PingEvery},
			{"AccuseEvery", c.AccuseEvery, usual.AccuseEvery},
			{"BandDeadline", c.BandDeadline, usual.BandDeadline},
			{"PauseAfter", c.PauseAfter, usual.PauseAfter},
			{"QuietAfterPause", c.QuietAfterPause, usual.QuietAfterPause},
		} {
			if d.got != d.want {
				t.Errorf("%s is %v, want %v", d.name, d.got, d.want)
			}
		}
	})
}

// A group that is well says a beat to all, and next to nothing else: a beat that is
// a little late is not asked for.
func TestLongBeatAtRest(t *testing.T) {
	eachLongBeat(t, func(t *testing.T, beat time.Duration) {
		l := newLabAt(5, 3, beat)
		l.settleIn(t)
		frames, pings := l.frames, l.pings
		const rest = 10 * time.Minute
		l.run(rest)
		each := float64(l.frames-frames) / 5
		most := 4 * float64(rest) / float64(beat) * 1.06
		if asked := l.pings - pings; asked > 5*int(rest/(15*beat)) || each > most {
			t.Errorf("each host sent %.0f frames, at most %.0f are right; %d pings", each, most, asked)
		}
	})
}

func TestLongBeatBlackHole(t *testing.T) {
	eachLongBeat(t, func(t *testing.T, beat time.Duration) {
		for _, n := range []int{2, 5, 12} {
			var sum time.Duration
			const runs = 40
			for seed := range uint64(runs) {
				l := newLabAt(n, seed, beat)
				l.settleIn(t)
				l.run(time.Duration(seed) * beat / runs)
				bound := l.hosts[0].d.Bound()
				l.isolate(n - 1)
				took := l.failedAt(t, 4*time.Second, upTo(n-1), uint16(n-1))
				sum += took
				if took > beat+1250*time.Millisecond || took > bound {
					t.Errorf("n=%d seed=%d: failed after %v, bound %v", n, seed, took, bound)
				}
			}
			if mean := sum / runs; mean > beat/2+1300*time.Millisecond {
				t.Errorf("n=%d: failed after %v in the mean", n, mean)
			}
		}
	})
}

// Wherever in the beat it begins, a pause of a second is forgiven.
func TestLongBeatPauseOfASecond(t *testing.T) {
	eachLongBeat(t, func(t *testing.T, beat time.Duration) {
		const phases = 40
		for seed := range uint64(phases) {
			l := newLabAt(5, seed, beat)
			l.settleIn(t)
			l.run(time.Duration(seed) * beat / phases)
			l.freeze(2)
			l.run(time.Second)
			l.thaw(2)
			l.run(5 * time.Second)
			for _, h := range l.hosts {
				if h.rank != 2 && len(h.d.Failed()) > 0 {
					t.Errorf("seed %d: %s\n%s", seed, h.d.Describe(), l.story())
				}
			}
		}
	})
}

// The loss of TestLossRemovesNobody.
func TestLongBeatLossRemovesNobody(t *testing.T) {
	runs := *mcRuns / 10
	eachLongBeat(t, func(t *testing.T, beat time.Duration) {
		var all mcTotals
		for i := range runs {
			lossyRun(t, *mcSeed+uint64(i), beat, &all)
		}
		all.report(t)
	})
}

// A group in which hosts differ pings more, and doubts nobody.
func TestBeatsMayDiffer(t *testing.T) {
	l := newLab(5, 9)
	for i, h := range l.hosts {
		if i%2 == 1 {
			h.d = New(Config{Self: process(i), Beat: longBeats[0]}, uint64(i))
			h.d.SetView(l.now, l.view)
			l.drain(h)
		}
	}
	l.run(5 * time.Minute)
	if len(l.log) > 0 {
		t.Errorf("doubts:\n%s", l.story())
	}
}

// Data that h4 sends makes it beat at the pace, and a black hole found as fast as
// where all beats come so, unless a beat was its very last word; and it is forgiven
// a pause of a second, when it stops speaking, too.
func TestSpeechShortensLongBeat(t *testing.T) {
	eachLongBeat(t, func(t *testing.T, beat time.Duration) {
		slow := 0
		for seed := range uint64(40) {
			after := time.Duration(seed) * 25 * time.Millisecond
			l := speaking(t, seed, beat)
			l.run(after)
			l.freeze(4)
			l.run(time.Second)
			l.thaw(4)
			l.run(5 * time.Second)
			if got := l.hosts[0].d.Failed(); len(got) > 0 {
				t.Errorf("seed %d: stopped for a second %v after it spoke: failed\n%s", seed, after, l.story())
			}
			l = speaking(t, seed, beat)
			l.run(5 * time.Millisecond)
			l.isolate(4)
			if took := l.failedAt(t, 4*time.Second, upTo(4), 4); took > 1500*time.Millisecond {
				slow++
			}
		}
		if slow > 13 {
			t.Errorf("%d of 40 black holes took more than 1.5 s", slow)
		}
	})
}

// speaking is a group in which h4 has just spoken for three seconds.
func speaking(t *testing.T, seed uint64, beat time.Duration) *lab {
	t.Helper()
	l := newLabAt(5, seed, beat)
	l.settleIn(t)
	for range 60 {
		l.run(50 * time.Millisecond)
		for i, h := range l.hosts[:4] {
			h.d.HeardData(l.now, process(4))
			h.d.Advance(l.now)
			l.drain(l.hosts[i])
		}
		h := l.hosts[4]
		h.d.Advance(l.now)
		h.d.Spoke(l.now)
		l.drain(h)
	}
	return l
}
