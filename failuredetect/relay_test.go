package failuredetect

import (
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// losesAt lets every living host that observes a member hear that its relay has lost it.
func (l *lab) losesAt(rank int) {
	for _, h := range l.hosts {
		if h.up && h.rank != rank {
			h.d.HandleEvidence(l.now, process(rank), message.EvidenceSilent)
			l.drain(h)
		}
	}
}

// Who was killed behind a relay is failed within a pace and a fifth and what opinions need, however
// rare beats are.
func TestLostByRelayIsFailedSoon(t *testing.T) {
	for _, beat := range append([]time.Duration{250 * time.Millisecond}, longBeats...) {
		for _, n := range []int{2, 5, 12, 40} {
			for seed := range uint64(20) {
				l := newLabAt(n, seed, beat)
				l.settleIn(t)
				l.run(time.Duration(seed) * beat / 20)
				l.kill(n - 1)
				l.losesAt(n - 1)
				pace := l.hosts[0].d.cfg.Pace
				took := l.failedAt(t, time.Second, upTo(n-1), uint16(n-1))
				if took < pace*6/5 || took > pace*6/5+80*time.Millisecond {
					t.Errorf("n=%d beat %v seed %d: failed after %v", n, beat, seed, took)
				}
			}
		}
	}
}

// Who lives answers: a relay that loses members again and again puts out nobody, though
// one frame of twenty is lost.
func TestLostByRelayAndAlive(t *testing.T) {
	for _, n := range []int{2, 5, 14} {
		for seed := range uint64(10) {
			l := newLabAt(n, seed, 950*time.Millisecond)
			l.loss = 50
			l.settleIn(t)
			for i := range 200 {
				l.losesAt(i % n)
				l.run(310 * time.Millisecond)
				for _, h := range l.hosts {
					if len(h.d.Failed()) > 0 {
						t.Fatalf("n=%d seed %d: %s\n%s", n, seed, h.d.Describe(), l.story())
					}
				}
			}
		}
	}
}

// A long way is given the time of a new connection over it.
func TestLostByRelayFarAway(t *testing.T) {
	d := New(Config{Self: process(0)}, 1)
	at := views.Instant(time.Hour)
	d.SetView(at, viewOf(3, 0, 1))
	d.Drain()
	const rtt = 200 * time.Millisecond
	for range 40 {
		d.members[1].link.pongArrived(rtt)
	}
	d.HandleEvidence(at, process(1), message.EvidenceSilent)
	if out := d.Drain(); len(out.Pings) != 1 {
		t.Fatalf("pings %v", out.Pings)
	}
	doubted := at
	for len(d.Suspected()) == 0 {
		doubted = d.Deadline()
		d.Advance(doubted)
		d.Drain()
	}
	if took := doubted.Sub(at); took < d.cfg.Pace+5*rtt-2*d.cfg.PingEvery || took > d.cfg.SilenceMin {
		t.Errorf("doubted after %v", took)
	}
}

// Who is not answered yet when a view begins is asked anew in it; where this host itself
// was paused nobody is.
func TestLostByRelayAcrossViews(t *testing.T) {
	for _, paused := range []bool{false, true} {
		l := newLab(3, 1)
		l.settleIn(t)
		l.kill(2)
		l.losesAt(2)
		l.run(200 * time.Millisecond)
		want := l.hosts[0].d.cfg.Pace
		if paused {
			l.freeze(0)
			l.run(time.Second)
			l.thaw(0)
			want = l.hosts[0].d.cfg.SilenceMin
		} else {
			l.view = viewOf(8, upTo(3)...)
			for _, h := range l.hosts[:2] {
				h.d.SetView(l.now, l.view)
				l.drain(h)
			}
		}
		h, began := l.hosts[0], l.now
		for h.d.members[2].phase != silent && l.now.Sub(began) < 10*time.Second {
			l.run(5 * time.Millisecond)
		}
		if took := l.now.Sub(began); took < want || took > want*3/2 {
			t.Errorf("paused %t: doubted after %v, want %v", paused, took, want)
		}
	}
}

// asked makes a detector of a view of n whose others were heard, and answer no ping but
// what a test says.
func asked(n int, cfg Config) (*Detector, views.Instant) {
	cfg.Self = process(0)
	d := New(cfg, 1)
	at := views.Instant(time.Hour)
	d.SetView(at, viewOf(3, upTo(n)...))
	d.Drain()
	return d, at
}

// goTo does all that is due until then.
func goTo(d *Detector, then views.Instant) {
	for d.Deadline() <= then {
		d.Advance(d.Deadline())
		d.Drain()
	}
}

// A relay that says again and again that it has lost one whose frames come, by it or by
// another way, does not make it silent.
func TestLostByRelayAgainAndAgain(t *testing.T) {
	l := newLab(3, 1)
	l.settleIn(t)
	for range 100 {
		l.losesAt(1)
		l.run(40 * time.Millisecond)
		if d := l.hosts[0].d; len(d.Suspected()) > 0 {
			t.Fatalf("%s\n%s", d.Describe(), l.story())
		}
	}
}

// A frame that comes within the guard counts as one of the moment of the loss: neither
// the silence that went before nor that it was data makes the time to answer shorter.
func TestLostByRelayLateInASilence(t *testing.T) {
	for _, data := range []bool{false, true} {
		d, at := asked(2, Config{Beat: 950 * time.Millisecond})
		lost := at.Add(d.cfg.SilenceMin - 20*time.Millisecond)
		if data {
			lost = at.Add(d.cfg.SilenceMin - 700*time.Millisecond - 20*time.Millisecond)
		}
		goTo(d, lost)
		d.HandleEvidence(lost, process(1), message.EvidenceSilent)
		d.Drain()
		heard := lost.Add(10 * time.Millisecond)
		goTo(d, heard)
		if data {
			d.HeardData(heard, process(1))
		} else {
			d.Heard(heard, process(1))
		}
		d.Drain()
		goTo(d, lost.Add(d.cfg.Pace-time.Millisecond))
		if len(d.Suspected()) > 0 {
			t.Errorf("data %t: doubted though it was heard after the loss: %s", data, d.Describe())
		}
	}
}

// Who is doubted too early for a loss teaches no shorter silence than was learned.
func TestLostByRelayUnlearnsNothing(t *testing.T) {
	d, at := asked(2, Config{})
	l := &d.members[1].link
	l.lesson, l.lessonAt = 3*time.Second, at
	d.HandleEvidence(at, process(1), message.EvidenceSilent)
	d.Drain()
	goTo(d, at.Add(300*time.Millisecond))
	if len(d.Suspected()) != 1 {
		t.Fatalf("not doubted: %s", d.Describe())
	}
	now := at.Add(310 * time.Millisecond)
	d.Heard(now, process(1))
	if got := l.silence(now, &d.cfg); got < 2900*time.Millisecond {
		t.Errorf("silence %v after a mistake, it was 3s", got)
	}
}

// A host that stood still for a moment, too short for a pause, reads first what came
// meanwhile.
func TestLostByRelayWhileWeStoodStill(t *testing.T) {
	for still := 60 * time.Millisecond; still < 400*time.Millisecond; still += 20 * time.Millisecond {
		for _, begins := range []time.Duration{1, 55, 130} {
			l := newLab(2, uint64(still))
			l.settleIn(t)
			h := l.hosts[0]
			h.d.HandleEvidence(l.now, process(1), message.EvidenceSilent)
			l.drain(h)
			l.cut[[2]int{1, 0}] = begins > 100 // it is away for a moment
			l.run(begins * time.Millisecond)
			clear(l.cut)
			l.freeze(0)
			l.run(still)
			h.d.Advance(l.now) // the timer before the sockets
			l.drain(h)
			l.thaw(0)
			l.run(300 * time.Millisecond)
			if len(l.log) > 0 {
				t.Errorf("still %v from %v: %s", still, begins*time.Millisecond, l.story())
			}
		}
	}
}

// Who was lost while it was observed, and is observed again later, is pinged at once.
func TestLostByRelayThenObservedAgain(t *testing.T) {
	d, at := asked(30, Config{})
	r := d.watched[0]
	m := &d.members[r]
	d.HandleEvidence(at.Add(100*time.Millisecond), m.Process, message.EvidenceSilent)
	m.role, m.phase, m.pingAt = roleNone, steady, 0
	now := at.Add(400 * time.Millisecond)
	d.observeNow(now, r)
	if due := d.silenceDue(now, r, d.stretch(now)); due > now {
		t.Errorf("asked %v late", due.Sub(now))
	}
}

// However fast a group beats, who lives has time to answer.
func TestLostByRelayInAFastGroup(t *testing.T) {
	for _, beat := range []time.Duration{10, 20, 50, 100} {
		l := newLabAt(3, 1, beat*time.Millisecond)
		l.settleIn(t)
		for range 20 {
			l.losesAt(2)
			l.run(time.Second)
		}
		if len(l.log) > 0 {
			t.Errorf("beat %d ms: %s", beat, l.story())
		}
	}
}

// Soon after a view began it is known of every member how long it needs to register anew.
func TestRoundTripsAreKnownSoon(t *testing.T) {
	for _, n := range []int{2, 12, 40} {
		l := newLabAt(n, 1, 950*time.Millisecond)
		cfg := &l.hosts[0].d.cfg
		l.run(cfg.RTTEvery + 14*cfg.Pace)
		for _, h := range l.hosts {
			for _, r := range h.d.watched {
				if h.d.members[r].link.rtt == 0 {
					t.Fatalf("n=%d: h%d has not measured h%d", n, h.rank, r)
				}
			}
		}
	}
}
