package failuredetect

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/views/message"
)

// Who is heard by multicast and answers nothing is failed by the others a few measurings
// later, and takes part again when it answers.
func TestWhoAnswersNothingIsFailed(t *testing.T) {
	for _, n := range []int{3, 5, 12, 40} {
		var sum, worst time.Duration
		const runs = 20
		for seed := range uint64(runs) {
			l := newLab(n, seed)
			l.settleIn(t)
			mute := int(seed) % n
			l.run(time.Duration(seed) * 250 * time.Millisecond)
			l.divide(l.noWay, mute)
			l.watch = func(h *labHost, _ Output) {
				if failed := h.d.Failed(); h.rank != mute && len(failed) > 0 && !slices.Equal(failed, []uint16{uint16(mute)}) {
					t.Errorf("n=%d seed %d: h%d gives up %v, h%d answers nothing", n, seed, h.rank, failed, mute)
				}
			}
			var others []int
			for i := range n {
				if i != mute {
					others = append(others, i)
				}
			}
			took := l.failedAt(t, time.Minute, others, uint16(mute))
			sum, worst = sum+took, max(worst, took)
			clear(l.noWay)
			l.run(10 * time.Second)
			for _, h := range l.hosts {
				if len(h.d.Suspected()) > 0 {
					t.Fatalf("n=%d seed %d: h%d still %s", n, seed, h.rank, clip(h.d.Describe()))
				}
			}
		}
		t.Logf("n=%d: failed after %v in the mean, %v at worst", n, sum/runs, worst)
		if worst > 10*time.Second {
			t.Errorf("n=%d: failed after %v", n, worst)
		}
	}
}

// Who answers one ping of several is not doubted, whatever else is lost.
func TestAnswersUnderLoss(t *testing.T) {
	for _, n := range []int{2, 5, 14} {
		l := newLab(n, 1)
		l.loss = 200
		l.settleIn(t)
		l.run(20 * time.Minute)
		for _, h := range l.hosts {
			if len(h.d.Failed()) > 0 {
				t.Fatalf("n=%d: %s\n%s", n, h.d.Describe(), clip(l.story()))
			}
		}
		for _, line := range l.log {
			if strings.Contains(line, "answers nothing") {
				t.Errorf("n=%d: %s", n, line)
			}
		}
	}
}

// A long way that loses frames is no reason to doubt: who is far away is asked as often as
// one who is near.
func TestAnswersFromFarUnderLoss(t *testing.T) {
	for _, n := range []int{2, 5} {
		for _, far := range []time.Duration{150 * time.Millisecond, 500 * time.Millisecond, 800 * time.Millisecond} {
			l := newLab(n, 1)
			l.far[0], l.jitter = far, far/5
			l.run(time.Minute) // so that round trips are known
			l.log, l.loss = nil, 50
			l.run(20 * time.Minute)
			if len(l.log) > 0 {
				t.Errorf("n=%d, %v away:\n%s", n, far, clip(l.story()))
			}
		}
	}
}

// A way that has become long at once, or within seconds, is no reason to doubt who is heard:
// the answer is as late as both directions together.
func TestWhoIsSuddenlyFarAnswers(t *testing.T) {
	for _, n := range []int{2, 3, 5, 12} {
		for seed := range uint64(20) {
			l := newLab(n, seed)
			l.settleIn(t)
			l.run(time.Duration(seed) * 250 * time.Millisecond)
			l.log = nil
			steps := 1 + int(seed%2)*20
			for step := range steps {
				l.far[int(seed)%n] = time.Duration(step+1) * 800 * time.Millisecond / time.Duration(steps)
				l.run(250 * time.Millisecond)
			}
			l.run(time.Minute)
			if len(l.log) > 0 {
				t.Errorf("n=%d seed %d:\n%s", n, seed, clip(l.story()))
			}
		}
	}
}

// It is none either where another host is lost at the same time, and all say so, as where
// the way that is left leads far round.
func TestWhoIsSuddenlyFarWhileAnotherIsLostAnswers(t *testing.T) {
	for _, n := range []int{3, 5, 12} {
		for seed := range uint64(20) {
			l := newLab(n, seed)
			l.settleIn(t)
			l.run(time.Duration(seed) * 250 * time.Millisecond)
			l.far[0] = time.Second
			l.isolate(n - 1)
			l.run(12 * time.Second)
			for _, h := range l.hosts[:n-1] {
				if got := h.d.Failed(); !slices.Equal(got, []uint16{uint16(n - 1)}) {
					t.Errorf("n=%d seed %d: h%d gives up %v", n, seed, h.rank, got)
				}
			}
			for _, line := range l.log {
				if strings.Contains(line, "answers nothing") {
					t.Errorf("n=%d seed %d: %s", n, seed, line)
				}
			}
		}
	}
}

// Who was cut off and is heard again is not doubted for what it could not answer before.
func TestWhoComesBackIsAskedAfresh(t *testing.T) {
	for _, n := range []int{2, 5, 12, 40} {
		for seed := range uint64(10) {
			l := newLab(n, seed)
			l.settleIn(t)
			l.isolate(n - 1)
			l.run(10*time.Second + time.Duration(seed)*40*time.Millisecond)
			l.log = nil
			clear(l.cut)
			l.run(5 * time.Second)
			for _, line := range l.log {
				if strings.Contains(line, "answers nothing") {
					t.Fatalf("n=%d seed %d: %s", n, seed, line)
				}
			}
		}
	}
}

// An answer that is lost has all asked, and not again for each that is lost of those.
func TestPingsUnderLossAreBounded(t *testing.T) {
	for _, n := range []int{5, 12, 40} {
		l := newLab(n, 1)
		l.loss = 100
		l.run(10 * time.Second)
		l.pings = 0
		const span = 2 * time.Minute
		l.run(span)
		least := l.hosts[0].d.cfg.SilenceMin
		most := n * l.hosts[0].d.ring.k * int(span/least)
		t.Logf("n=%d: %.1f pings a second from each", n, float64(l.pings)/span.Seconds()/float64(n))
		if l.pings > most {
			t.Errorf("n=%d: %d pings in %v, want at most %d", n, l.pings, span, most)
		}
	}
}

// Hosts that answer nobody accuse all, and put out nobody: neither where they are half of
// the group, nor where unicast works within each half.
func TestWhoAnswersNobodyPutsOutNobody(t *testing.T) {
	for _, n := range []int{3, 4, 5, 8, 12} {
		for seed := range uint64(40) {
			l := newLab(n, seed)
			l.settleIn(t)
			half := n / 2
			parted := seed%2 == 0
			if parted {
				l.divide(l.noWay, upTo(half)...)
			} else {
				for i := range half {
					l.divide(l.noWay, i)
				}
			}
			with := func(i, j int) bool { return !l.noWay[[2]int{i, j}] }
			l.watch = func(h *labHost, _ Output) {
				for _, r := range h.d.Failed() {
					if with(h.rank, int(r)) {
						t.Fatalf("n=%d seed %d: h%d gives up h%d: %s\n%s", n, seed, h.rank, r, clip(h.d.Describe()), l.story())
					}
				}
			}
			l.run(12 * time.Second)
			for _, h := range l.hosts {
				for r := range l.hosts {
					if !with(h.rank, r) && !slices.Contains(h.d.Failed(), uint16(r)) {
						t.Errorf("n=%d seed %d: h%d holds on to h%d: %s", n, seed, h.rank, r, clip(h.d.Describe()))
					}
				}
			}
		}
	}
}

// Whoever changes its list of doubts again and again has nobody asked without end.
func TestAskedForAListOnceInAPace(t *testing.T) {
	for _, n := range []int{5, 12, 100} {
		d, at := asked(n, Config{})
		var all []uint16
		for i := range n {
			all = append(all, uint16(i))
		}
		pings := 0
		for i := range 5000 { // a list every millisecond; who is asked answers at once
			at = at.Add(time.Millisecond)
			goTo(d, at)
			d.HandleAccuse(at, process(1), accuse(d.view, uint64(i+1), message.EvidenceSilent, all...))
			out := d.Drain()
			pings += len(out.Pings)
			for _, p := range out.Pings {
				d.HandlePong(at, process(int(p.Rank)), p.Token)
			}
		}
		most := 2 * len(d.watched) * int(5*time.Second/d.cfg.Pace)
		if pings > most {
			t.Errorf("n=%d: %d pings in 5 s, want at most %d", n, pings, most)
		}
	}
}

// Who is found to owe an answer while it is settled whom to watch is doubted, and said to be.
func TestDoubtedWhileItIsSettledWhomToWatch(t *testing.T) {
	d, at := asked(14, Config{})
	at = at.Add(time.Millisecond)
	r := d.watched[0]
	d.askFor(at, r)
	now := at.Add(2 * d.cfg.SilenceMin)
	for at < now { // heard, but in the end later than it is pinged
		at = min(at.Add(100*time.Millisecond), now)
		goTo(d, at-1)
		for i := range d.members[1:] {
			d.Heard(at, process(i+1))
		}
	}
	d.HandleEvidence(now, process(int(d.watched[1])), message.EvidenceClosed)
	d.Drain()
	if d.members[r].phase != silent {
		t.Fatalf("h%d is not doubted: %s", r, d.Describe())
	}
	goTo(d, now.Add(2*settleEvery))
	if !accuses(d.members[d.self].accuses, r) {
		t.Errorf("doubts h%d and says nothing: %s", r, d.Describe())
	}
}

// Who owed an answer when this host ceased to watch it owes none when it is watched again.
func TestNothingIsOwedToWhoDoesNotWatch(t *testing.T) {
	d, at := asked(30, Config{})
	var others []uint16
	for version := range uint64(2) {
		d.HandleAccuse(at, process(1), accuse(d.view, 2*version+1, message.EvidenceSilent, ranks(0, 30)...))
		d.Drain()
		goTo(d, at.Add(20*time.Millisecond))
		others = others[:0]
		for _, r := range d.watched {
			if d.members[r].phase == silent {
				t.Errorf("h%d is doubted as soon as it is watched: %s", r, clip(d.Describe()))
			}
			others = append(others, r)
		}
		at = at.Add(30 * time.Millisecond)
		d.HandleAccuse(at, process(1), accuse(d.view, 2*version+2, message.EvidenceNone))
		d.Drain()
		for until := at.Add(5 * time.Second); at < until; at = at.Add(100 * time.Millisecond) {
			goTo(d, at)
			for i := 1; i < 30; i++ {
				if d.members[i].role == roleNone {
					d.Heard(at, process(i))
				} else {
					d.HandlePong(at, process(i), 0)
				}
			}
			d.Drain()
		}
		if len(d.watched) >= len(others) {
			t.Fatalf("watches %d still", len(d.watched))
		}
	}
}

// Who is silent is failed as soon on a long way as on a short one, counted in what each of
// them needs: that an accuser is just being measured delays nothing where the accused is not
// heard here either.
func TestBlackHoleFarAwayIsFailedWithinBound(t *testing.T) {
	for _, n := range []int{3, 5, 12} {
		for _, far := range []time.Duration{50 * time.Millisecond, 300 * time.Millisecond, 600 * time.Millisecond} {
			for seed := range uint64(20) {
				l := newLab(n, seed)
				for i := range n {
					l.far[i] = far / 2
				}
				l.run(time.Minute + time.Duration(seed)*130*time.Millisecond) // so that round trips are known
				bound := 2 * far                                              // of the last beat, and of a list
				for _, h := range l.hosts[:n-1] {
					bound = max(bound, 2*far+h.d.Bound())
				}
				l.isolate(n - 1)
				if took := l.failedAt(t, 10*time.Second, upTo(n-1), uint16(n-1)); took > bound {
					t.Errorf("n=%d, %v away, seed %d: failed after %v, want %v", n, far, seed, took, bound)
				}
			}
		}
	}
}
