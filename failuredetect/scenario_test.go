package failuredetect

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

func ranks(from, to int) []uint16 {
	var list []uint16
	for i := from; i < to; i++ {
		list = append(list, uint16(i))
	}
	return list
}

// settleIn runs a group that is well and wants no doubt at all.
func (l *lab) settleIn(t *testing.T) {
	t.Helper()
	l.run(5 * time.Second)
	if len(l.log) > 0 {
		t.Fatalf("doubts in a healthy group:\n%s", l.story())
	}
}

func TestBlackHoleIsFailedWithinBound(t *testing.T) {
	for _, n := range []int{2, 3, 5, 12, 13, 40} {
		for seed := range uint64(20) {
			l := newLab(n, seed)
			l.settleIn(t)
			l.run(time.Duration(seed) * 13 * time.Millisecond)
			bound := l.hosts[0].d.Bound()
			l.isolate(n - 1)
			took := l.failedAt(t, 4*time.Second, upTo(n-1), uint16(n-1))
			limit := 1500 * time.Millisecond
			if n > 12 {
				limit = bound
			}
			if took > limit || took > bound {
				t.Errorf("n=%d seed=%d: failed after %v, limit %v, bound %v", n, seed, took, limit, bound)
			}
		}
	}
}

func TestKillIsFailedAtOnce(t *testing.T) {
	l := newLab(5, 1)
	l.settleIn(t)
	l.kill(3)
	l.closed(3)
	if took := l.failedAt(t, time.Second, []int{0, 1, 2, 4}, 3); took > 10*time.Millisecond {
		t.Errorf("failed after %v", took)
	}
}

// All connections of a host are reset and made again at once: it gives up nobody, though
// it doubts all who could contradict it.
func TestConnectionsMadeAgainFailNobody(t *testing.T) {
	for _, n := range []int{2, 3, 5, 20} {
		l := newLab(n, 1)
		l.settleIn(t)
		h := l.hosts[0]
		for _, say := range []message.Evidence{message.EvidenceClosed, message.EvidenceNone} {
			for other := 1; other < n; other++ {
				h.d.HandleEvidence(l.now, process(other), say)
			}
			l.drain(h)
			for range 20 {
				l.run(time.Millisecond)
				if len(h.d.Failed()) > 0 {
					t.Fatalf("n=%d: %s", n, h.d.Describe())
				}
			}
		}
		l.run(time.Second)
		if len(h.d.Suspected()) > 0 || h.d.Unsettled() {
			t.Errorf("n=%d: in the end %s", n, h.d.Describe())
		}
	}
}

// Whom a host alone saw close, and who does not answer when it dials again, is gone once
// the guard is over, also where both its connections closed, one after the other; who is
// refused is gone at once.
func TestClosedAloneIsFailedBehindTheGuard(t *testing.T) {
	for _, refused := range []bool{false, true} {
		l := newLab(2, 1)
		l.settleIn(t)
		l.kill(1)
		l.closed(1)
		l.run(time.Millisecond)
		least, most := closedGuard/2-2*time.Millisecond, closedGuard/2+10*time.Millisecond
		if !refused {
			l.run(closedGuard / 2)
			l.closed(1)
		} else {
			least, most = 0, 10*time.Millisecond
			l.hosts[0].d.HandleEvidence(l.now, process(1), message.EvidenceRefused)
			l.drain(l.hosts[0])
		}
		if took := l.failedAt(t, time.Second, []int{0}, 1); took < least || took > most {
			t.Errorf("refused %v: failed after %v", refused, took)
		}
	}
}

func TestPauseOfASecondDoubtsNobody(t *testing.T) {
	for seed := range uint64(50) {
		l := newLab(5, seed)
		l.settleIn(t)
		l.run(time.Duration(seed) * 7 * time.Millisecond)
		l.freeze(2)
		l.run(time.Second)
		l.thaw(2)
		l.run(5 * time.Second)
		if len(l.log) != 1 { // the pause itself
			t.Fatalf("seed %d:\n%s", seed, l.story())
		}
	}
}

func TestPauseOfHalfAMinuteAccusesNobody(t *testing.T) {
	l := newLab(5, 3)
	l.settleIn(t)
	l.freeze(2)
	l.run(30 * time.Second)
	l.log = nil
	l.watch = func(h *labHost, out Output) {
		if h.rank == 2 && out.Accuse != nil && len(out.Accuse.Subjects) > 0 {
			t.Errorf("accuses %v after its own pause", out.Accuse.Subjects)
		}
		if h.rank == 2 && len(h.d.Suspected()) > 0 {
			t.Errorf("doubts %v after its own pause", h.d.Suspected())
		}
	}
	l.thaw(2)
	l.run(10 * time.Second)
	for _, h := range l.hosts {
		if len(h.d.Suspected()) > 0 {
			t.Errorf("h%d still: %s", h.rank, h.d.Describe())
		}
	}
}

func TestBothSidesOfAPartitionDecide(t *testing.T) {
	cases := []struct{ n, small int }{{3, 1}, {5, 2}, {5, 1}, {5, 4}, {4, 2}, {2, 1}, {9, 3}, {12, 2}}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%d of %d", c.small, c.n), func(t *testing.T) {
			l := newLab(c.n, 11)
			l.settleIn(t)
			l.isolate(upTo(c.small)...)
			l.run(1800 * time.Millisecond)
			for _, h := range l.hosts {
				want := ranks(c.small, c.n)
				if h.rank >= c.small {
					want = ranks(0, c.small)
				}
				if got := h.d.Failed(); !slices.Equal(got, want) {
					t.Errorf("h%d: failed %v, want %v: %s", h.rank, got, want, h.d.Describe())
				}
				if h.d.Unsettled() {
					t.Errorf("h%d: still unsettled", h.rank)
				}
			}
		})
	}
}

// In a large group a host knows most others by hearsay only; still the small
// side, down to one host, finds out that it is alone.
func TestPartitionOfALargeGroup(t *testing.T) {
	sizes := []int{1, 2, 30}
	if testing.Short() {
		sizes = sizes[:2]
	}
	for _, small := range sizes {
		t.Run(fmt.Sprint(small), func(t *testing.T) {
			l := newLab(100, uint64(small))
			l.settleIn(t)
			side := make([]int, small)
			for i := range side {
				side[i] = i * 100 / small
			}
			l.isolate(side...)
			began := l.now
			l.watch = func(h *labHost, _ Output) {
				mine := slices.Contains(side, h.rank)
				for _, r := range h.d.Failed() {
					if slices.Contains(side, int(r)) == mine {
						t.Errorf("%v h%d fails h%d of its own side", l.now.Sub(began), h.rank, r)
						l.watch = nil
					}
				}
			}
			l.run(8 * time.Second)
			for _, h := range l.hosts {
				mine := slices.Contains(side, h.rank)
				want := 100 - small
				if !mine {
					want = small
				}
				if got := len(h.d.Failed()); got != want {
					t.Errorf("h%d (small side %v): failed %d, want %d", h.rank, mine, got, want)
				}
			}
		})
	}
}

func TestThirtyOfAHundredCrashAtOnce(t *testing.T) {
	seeds := uint64(5)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		l := newLab(100, seed)
		l.settleIn(t)
		var dead []uint16
		for len(dead) < 30 {
			dead = withRank(dead, uint16(l.random.next()%100), true)
		}
		var living []int
		for i := range l.hosts {
			if slices.Contains(dead, uint16(i)) {
				l.kill(i)
			} else {
				living = append(living, i)
			}
		}
		// What a coordinator would see each time it need not wait.
		seen := map[string]bool{}
		l.watch = func(h *labHost, _ Output) {
			if len(h.d.Failed()) > 0 && !h.d.Unsettled() && h.rank == living[0] {
				seen[fmt.Sprint(h.d.Failed())] = true
			}
		}
		took := l.failedAt(t, 6*time.Second, living, dead...)
		l.run(time.Second)
		t.Logf("seed %d: all %d found everywhere after %v, in %d view(s)", seed, len(dead), took, len(seen))
		if len(seen) > 2 {
			t.Errorf("seed %d: %d views", seed, len(seen))
		}
		if took > 4*time.Second {
			t.Errorf("seed %d: %v", seed, took)
		}
	}
}

func TestCrashesAtOnceAreOneView(t *testing.T) {
	for seed := range uint64(20) {
		l := newLab(12, seed)
		l.settleIn(t)
		for i := 8; i < 12; i++ {
			l.kill(i)
		}
		l.watch = func(h *labHost, _ Output) {
			if n := len(h.d.Failed()); n > 0 && n < 4 && !h.d.Unsettled() {
				t.Errorf("seed %d h%d: failed %v and settled", seed, h.rank, h.d.Failed())
			}
		}
		l.failedAt(t, 2*time.Second, upTo(8), 8, 9, 10, 11)
	}
}

// One direction of one link is cut: nobody but the receiver notices. The band
// ends, and all hosts name the same one.
func TestOneWayCutIsSettledOnce(t *testing.T) {
	for _, n := range []int{3, 5, 12, 30} {
		l := newLab(n, uint64(n))
		l.settleIn(t)
		l.cut[[2]int{0, 1}] = true // h1 does not hear h0
		l.run(2 * time.Second)
		for _, h := range l.hosts {
			if len(h.d.Failed()) > 0 {
				t.Fatalf("n=%d: failed before the band ends: h%d %s", n, h.rank, h.d.Describe())
			}
			if !h.d.Unsettled() && h.rank > 1 {
				t.Errorf("n=%d: h%d does not wait", n, h.rank)
			}
		}
		l.run(4500 * time.Millisecond)
		for _, h := range l.hosts {
			want := []uint16{1}
			if h.rank == 1 {
				want = nil
			}
			if !slices.Equal(h.d.Failed(), want) {
				t.Errorf("n=%d h%d: %s", n, h.rank, h.d.Describe())
			}
			if h.d.Unsettled() {
				t.Errorf("n=%d h%d: unsettled", n, h.rank)
			}
		}
		if !l.hosts[1].d.Condemned() {
			t.Errorf("n=%d: h1 does not know", n)
		}
	}
}

// A host that sends but hears nobody is itself the one removed.
func TestDeafHostIsRemovedByTheOthers(t *testing.T) {
	for _, n := range []int{4, 5, 12, 50} {
		l := newLab(n, uint64(n))
		l.settleIn(t)
		deaf := 2
		for i := range n {
			l.cut[[2]int{i, deaf}] = true
		}
		l.run(8 * time.Second)
		for _, h := range l.hosts {
			switch {
			case h.rank == deaf && n <= 12:
				if len(h.d.Failed()) != n-1 {
					t.Errorf("n=%d: the deaf host decides nothing: %s", n, h.d.Describe())
				}
			case h.rank != deaf && !slices.Equal(h.d.Failed(), []uint16{uint16(deaf)}):
				t.Errorf("n=%d h%d: %s", n, h.rank, h.d.Describe())
			}
		}
	}
}

func TestMuteHostIsRemoved(t *testing.T) {
	l := newLab(5, 9)
	l.settleIn(t)
	for i := range 5 {
		l.cut[[2]int{4, i}] = true
	}
	if took := l.failedAt(t, 3*time.Second, upTo(4), 4); took > 1500*time.Millisecond {
		t.Errorf("took %v", took)
	}
}

// Doubts of an older view do not enter a new one; what was learned of links does.
func TestSetViewForgetsDoubts(t *testing.T) {
	l := newLab(5, 1)
	l.run(40 * time.Second) // long enough to measure every round trip
	l.kill(4)
	l.failedAt(t, 2*time.Second, upTo(4), 4)
	d := l.hosts[0].d
	l.run(time.Second)
	old := &message.Accuse{View: l.view.ID, Version: 99, Subjects: []message.Accusation{{Rank: 1, Evidence: message.EvidenceRefused}}}
	rtt := d.members[1].link.rtt
	v := viewOf(8, 0, 2, 1, 4, 3)
	d.SetView(l.now, v)
	if out := d.Drain(); !out.Changed || len(d.Failed()) > 0 || len(d.Suspected()) > 0 {
		t.Errorf("changed=%v %s", out.Changed, d.Describe())
	}
	if d.members[2].link.rtt != rtt || rtt == 0 {
		t.Errorf("round trip %v, was %v", d.members[2].link.rtt, rtt)
	}
	d.HandleAccuse(l.now, process(3), old)
	d.Drain()
	if len(d.Failed()) > 0 {
		t.Errorf("an old accusation counts: %s", d.Describe())
	}
	d.SetView(l.now, viewOf(9, 0))
	if d.Deadline() != 0 || d.Drain().Beat {
		t.Error("a host alone beats")
	}
	d.Advance(l.now.Add(time.Hour))
	if out := d.Drain(); len(out.Events) > 0 {
		t.Errorf("a host alone cannot tell a pause from nothing to do: %v", out.Events)
	}
}

func TestHoldOff(t *testing.T) {
	d := New(Config{Self: process(0)}, 1)
	at := views.Instant(time.Hour)
	host := process(5).Host
	var holds []time.Duration
	for range 9 {
		d.Removed(at, host)
		until := d.HoldOff(at, host)
		if until == 0 {
			holds = append(holds, 0)
			continue
		}
		holds = append(holds, until.Sub(at))
		at = until
		if d.HoldOff(at, host) != 0 {
			t.Errorf("held at its end")
		}
	}
	want := []time.Duration{0, 0, 0, 1, 2, 4, 8, 10, 10}
	for i := range want {
		want[i] *= time.Second
	}
	if !slices.Equal(holds, want) {
		t.Errorf("holds %v, want %v", holds, want)
	}
	d.Removed(at.Add(5*time.Minute), host)
	if d.HoldOff(at.Add(5*time.Minute), host) != 0 {
		t.Error("five quiet minutes do not forget")
	}
	for i := range 3 * flapsMax {
		d.Removed(at, process(i).Host)
	}
	if len(d.flaps) > flapsMax {
		t.Errorf("%d remembered", len(d.flaps))
	}
}

// A host whose multicasts are lost and that hears nothing of another gets its
// word through all the same: the others answer for it.
func TestListsReachOthersWithoutMulticast(t *testing.T) {
	for _, n := range []int{4, 12} {
		l := newLab(n, uint64(n))
		l.settleIn(t)
		l.noMulticast[2] = true
		l.cut[[2]int{0, 2}], l.cut[[2]int{0, 1}] = true, true
		l.run(4 * time.Second)
		for _, h := range l.hosts {
			if h.d.voteOf(0, 2) == message.EvidenceNone {
				t.Errorf("n=%d h%d: never heard of h2: %s", n, h.rank, clip(h.d.Describe()))
			}
		}
		// And its withdrawal.
		clear(l.cut)
		l.run(time.Second)
		for _, h := range l.hosts {
			if h.d.voteOf(0, 2) != message.EvidenceNone {
				t.Errorf("n=%d h%d: h2 took it back: %s", n, h.rank, clip(h.d.Describe()))
			}
		}
	}
}

// One host is cut off from all others in different ways, so that nobody is
// there to remove it: 1 does not hear it, 2 is not heard by it, 3 is gone. It
// waits, then goes on with whom it can talk to.
func TestCondemnedHostDecidesAlone(t *testing.T) {
	l := newLab(5, 9)
	l.settleIn(t)
	l.cut[[2]int{0, 1}] = true
	l.cut[[2]int{2, 0}] = true
	l.kill(3)
	h := l.hosts[0]
	l.run(6 * time.Second)
	if !h.d.Condemned() {
		t.Fatalf("not condemned: %s", h.d.Describe())
	}
	l.failedAt(t, 7*time.Second, []int{0}, 1, 2, 3)
	if h.d.Condemned() || h.d.Unsettled() {
		t.Errorf("still waits: %s", h.d.Describe())
	}
	l.run(20 * time.Second)
	if got := h.d.Failed(); !slices.Equal(got, []uint16{1, 2, 3}) || h.d.Condemned() {
		t.Errorf("changed its mind: %s", h.d.Describe())
	}
}

// A condemned host whose links heal gives nobody up.
func TestCondemnedHostIsHealed(t *testing.T) {
	l := newLab(4, 9)
	l.settleIn(t)
	l.cut[[2]int{0, 1}] = true
	l.run(5 * time.Second)
	if !l.hosts[1].d.Condemned() {
		t.Fatalf("not condemned: %s", l.hosts[1].d.Describe())
	}
	clear(l.cut)
	l.run(7 * time.Second)
	for _, h := range l.hosts {
		if len(h.d.Failed()) > 0 || h.d.Condemned() {
			t.Errorf("h%d: %s", h.rank, h.d.Describe())
		}
	}
}

// What a kernel said of a process outlives a view that has it, and nobody says
// it again; a life that is heard, or another life, is not blamed for it.
func TestKernelEvidenceOutlivesAView(t *testing.T) {
	for _, ev := range []message.Evidence{message.EvidenceClosed, message.EvidenceRefused, message.EvidenceReplaced} {
		d := New(Config{Self: process(0)}, 1)
		at := views.Instant(time.Hour)
		d.SetView(at, viewOf(3, 1, 0, 2, 3))
		d.Drain()
		d.HandleEvidence(at, process(1), ev)
		d.HandleEvidence(at, process(2), ev)
		d.HandleEvidence(at, process(2), message.EvidenceNone)
		d.HandleEvidence(at, process(3), message.EvidenceDeparted)
		v := viewOf(4, 2, 3, 1, 0)
		d.SetView(at, v)
		out := d.Drain()
		want := []message.Accusation{{Rank: 2, Evidence: ev}}
		if out.Accuse == nil || out.Accuse.View != v.ID || !slices.Equal(out.Accuse.Subjects, want) {
			t.Fatalf("%v: says %+v", ev, out.Accuse)
		}
		if len(out.Pings) != 1 || out.Pings[0].Rank != 2 {
			t.Errorf("%v: pings %v", ev, out.Pings)
		}
		if !slices.Equal(d.Suspected(), []uint16{2}) {
			t.Errorf("%v: %s", ev, d.Describe())
		}
		d.Heard(at.Add(strongGuard/2), process(1))
		d.Drain()
		if len(d.Suspected()) != 1 {
			t.Errorf("%v: a frame that was on the way cleared it", ev)
		}
		d.Heard(at.Add(2*strongGuard), process(1))
		d.Drain()
		if cleared := len(d.Suspected()) == 0; cleared == lasting(ev) {
			t.Errorf("%v: heard: %s", ev, d.Describe())
		}
		next := viewOf(5, 2, 3, 1, 0)
		next.Members[2].Incarnation++
		d.SetView(at.Add(time.Second/4), next)
		d.Drain()
		if len(d.Suspected()) > 0 {
			t.Errorf("%v: another life is blamed: %s", ev, d.Describe())
		}
	}
}
