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

// Who was killed behind a relay is failed within a pace and what opinions need, however
// rare beats are.
func TestLostByRelayIsFailedWithinAPace(t *testing.T) {
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
				if took < pace || took > pace+80*time.Millisecond {
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
