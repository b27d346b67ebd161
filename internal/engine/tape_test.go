package engine_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views/message"
)

// startAgain kills a host and gives it a new life.
func (l *lan) startAgain(h *lanHost) {
	l.t.Helper()
	l.kill(h)
	l.expectOneView(5*time.Second, "killed")
	h.process.Incarnation++
	h.dead, h.armed, h.delivered = false, 0, nil
	h.boot()
	l.expectOneView(5*time.Second, "back")
}

// A report that was said in an earlier life of a host, or to all before this one started,
// is not news: whoever has the tape could have anybody diagnosed, and answered, at will.
func TestOldReportsAreNoNews(t *testing.T) {
	l := newLAN(t, 3)
	l.ring = ringN(1)
	var tape []engine.Received
	for range 3 {
		l.add(0)
	}
	l.expectOneView(2*time.Second, "form")
	l.wire = func(from *lanHost, p engine.Packet) {
		tape = append(tape, engine.Received{Frame: slices.Clone(p.Frame)})
	}
	teller, target := l.hosts[0], l.hosts[2]
	teller.step(engine.SendReport{Addr: target.addr, Report: &message.Report{Kind: message.ReportWanted, Token: 1, Wall: 5, Body: []byte("old")}})
	l.run(5 * time.Second)
	l.wire = nil
	for _, h := range []*lanHost{teller, target} { // both start again, hours later
		l.startAgain(h)
	}
	l.run(time.Hour)
	target.delivered = nil
	attacker := netip.MustParseAddrPort("10.9.9.9:1")
	for _, in := range tape {
		in.From, in.Frame = attacker, slices.Clone(in.Frame)
		target.step(in)
	}
	for _, d := range target.delivered {
		if r, ok := d.(engine.ReportCame); ok {
			t.Errorf("a report of an hour ago, of a life that is over, is taken as one of %v at %v, who is to be answered", r.From, r.Addr)
		}
		if r, ok := d.(engine.Refused); ok {
			t.Errorf("refused: %+v", r)
		}
		if r, ok := d.(engine.Met); ok {
			t.Errorf("met: %+v", r)
		}
	}
}

// Whoever has the tape of earlier lives, and no key, has nobody slandered and gets hardly
// an answer: that a life is over is told now and then.
func TestTapeOfEarlierLives(t *testing.T) {
	l := newLAN(t, 3)
	l.ring = ringN(1)
	var tape []engine.Received
	l.wire = func(from *lanHost, p engine.Packet) {
		tape = append(tape, engine.Received{Frame: slices.Clone(p.Frame), Multicast: p.Scope != engine.Direct})
	}
	for range 3 {
		l.add(0)
	}
	l.expectOneView(2*time.Second, "form")
	l.run(20 * time.Second)
	l.wire = nil
	for _, h := range l.hosts { // each starts again
		l.startAgain(h)
	}
	l.run(time.Minute)
	target, member := l.hosts[2], l.hosts[1]
	target.delivered = nil
	attacker := netip.MustParseAddrPort("10.9.9.9:1")
	in, answered := 0, 0
	for i, from := range []netip.AddrPort{attacker, member.addr} {
		for _, f := range tape[i*len(tape)/2 : (i+1)*len(tape)/2] {
			target.look = func(o *engine.Output) {
				for _, p := range o.Send {
					if p.Scope == engine.Direct && p.To[0] == attacker {
						answered += len(p.Frame)
					}
				}
			}
			target.step(engine.Received{From: from, Frame: slices.Clone(f.Frame), Multicast: f.Multicast})
			if from == attacker {
				in += len(f.Frame)
			}
			target.look = nil
			l.run(time.Millisecond)
		}
	}
	l.run(3 * time.Second)
	if answered > in/10 {
		t.Errorf("%d bytes of old frames had %d bytes of answers", in, answered)
	}
	told := map[string]int{}
	for _, d := range target.delivered {
		switch d := d.(type) {
		case engine.Met:
			told["met"]++
		case engine.Refused:
			told["refused "+d.Code.String()]++
		case engine.ReportCame:
			told["report"]++
		}
	}
	if len(told) > 0 {
		t.Errorf("the doctor is told: %v", told)
	}
}
