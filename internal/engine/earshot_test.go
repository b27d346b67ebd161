package engine_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// outOf says with whom multicast does not work for a host: u unheard, d deaf.
func (l *lan) outOf(h *lanHost) string {
	out := ""
	for _, m := range h.Status().OutOfEarshot {
		for i, o := range l.hosts {
			if o.process.Host == m.Host {
				out += fmt.Sprintf(" %d", i)
			}
		}
		if m.Unheard {
			out += "u"
		}
		if m.Deaf {
			out += "d"
		}
	}
	return out
}

func (l *lan) expectOutOf(when string, want ...string) {
	l.t.Helper()
	for i, h := range l.hosts {
		if got := l.outOf(h); got != want[i] {
			l.t.Errorf("%s: host %d is out of earshot with%q, want%q", when, i, got, want[i])
		}
	}
}

// earshots are the lists that a host was told.
func (h *lanHost) earshots() (sizes []int) {
	for _, d := range h.delivered {
		if e, ok := d.(engine.Earshot); ok {
			sizes = append(sizes, len(e.Members))
		}
	}
	return sizes
}

// Two hosts: rank decides nothing, each direction stands for itself.
func TestOneDirectionOfOnePair(t *testing.T) {
	l := newLAN(t, 21)
	for range 3 {
		l.add(0)
	}
	l.expectOneView(time.Second, "three form")
	l.unheard = func(from, to *lanHost) bool { return from == l.hosts[0] && to == l.hosts[1] }
	l.run(3 * time.Second)
	l.expectOutOf("one direction is cut", " 1d", " 0u", "")
	l.unheard = nil
	l.run(time.Second)
	l.expectOutOf("it is mended", "", "", "")
	if got := l.hosts[0].earshots(); !slices.Equal(got, []int{1, 0}) {
		t.Errorf("the sender's driver was told of %v, want of one and then of none", got)
	}
}

// What goes to all comes to a deaf member without any repair.
func TestTheDeafGetCopies(t *testing.T) {
	l := newLAN(t, 22)
	for range 4 {
		l.add(0)
	}
	l.expectOneView(time.Second, "four form")
	l.unheard = func(_, to *lanHost) bool { return to == l.hosts[3] }
	l.run(3 * time.Second)
	l.expectOutOf("h3 is deaf", " 3d", " 3d", " 3d", l.outOf(l.hosts[3]))
	before := l.hosts[3].Status().Traffic.Out[message.TypeResend]
	for i := range 20 {
		got := len(l.hosts[3].got)
		l.hosts[i%3].step(engine.Submit{{Group: "a", Order: views.Agreed, Payload: []byte("x")}})
		if took := l.until(time.Second, func() bool { return len(l.hosts[3].got) > got }); took > 5*time.Millisecond {
			t.Fatalf("message %d took %v to the deaf one", i, took)
		}
	}
	if asked := l.hosts[3].Status().Traffic.Out[message.TypeResend] - before; asked > 0 {
		t.Errorf("the deaf one asked %d times for repair", asked)
	}
	// Copies end with the multicast that is heard, and with the member.
	l.unheard = nil
	l.run(time.Second)
	copies := 0
	l.hosts[0].look = func(out *engine.Output) {
		for i := 1; i < len(out.Send); i++ {
			if out.Send[i].Scope == engine.Direct && out.Send[i-1].Scope == engine.All && slices.Equal(out.Send[i].Frame, out.Send[i-1].Frame) {
				copies++
			}
		}
	}
	l.run(2 * time.Second)
	if copies > 0 {
		t.Errorf("%d copies to nobody who is deaf", copies)
	}
}

// Without any multicast a view stays, and says what it is that does not work.
func TestNoMulticastAtAll(t *testing.T) {
	l := newLAN(t, 23)
	for range 4 {
		l.add(0)
	}
	l.expectOneView(time.Second, "four form")
	id := l.hosts[0].View().ID
	l.unheard = func(_, _ *lanHost) bool { return true }
	l.run(30 * time.Second)
	for i, h := range l.hosts {
		if h.View().ID != id || len(h.Status().OutOfEarshot) != 3 {
			t.Errorf("host %d: view %v, out of earshot with%s", i, h.View(), l.outOf(h))
		}
	}
	l.kill(l.hosts[1])
	l.expectOneView(time.Second, "one is killed")
	if n := len(l.hosts[0].Status().OutOfEarshot); n != 2 {
		t.Errorf("%d are out of earshot of the two who are left", n)
	}
}

// A healthy group says nothing, a lossy one no untruth, and a large quiet one, in
// which nobody multicasts, asks ever more rarely.
func TestHealthyGroupsAreNotDeaf(t *testing.T) {
	for _, c := range []struct {
		hosts int
		loss  float64
		asks  uint64 // at most, by one host in ten minutes
	}{{5, 0, 0}, {5, 0.05, 2}, {20, 0, 190}, {20, 0.05, 190}} {
		t.Run(fmt.Sprint(c.hosts, c.loss), func(t *testing.T) {
			l := newLAN(t, 24)
			for range c.hosts {
				l.add(0)
			}
			l.expectOneView(3*time.Second, "they form")
			l.loss = c.loss
			l.run(10 * time.Minute)
			most := uint64(0)
			defer func() { t.Logf("at most %d questions by one host in ten minutes", most) }()
			for i, h := range l.hosts {
				if told := h.earshots(); len(told) > 0 {
					t.Errorf("host %d was told of %v", i, told)
				}
				asks := h.Status().Traffic.Out[message.TypeUnheard]
				most = max(most, asks)
				if asks > c.asks {
					t.Errorf("host %d asked %d times, at most %d are right", i, asks, c.asks)
				}
			}
		})
	}
}

// A small group that knows of absent hosts goes on seeking them, one that does not
// leaves it to the heartbeats.
func TestAbsentAreSought(t *testing.T) {
	l := newLAN(t, 25)
	for range 3 {
		l.add(0)
	}
	l.expectOneView(time.Second, "three form")
	l.run(3 * time.Second)
	seeks := 0
	for _, h := range l.hosts {
		h.look = func(out *engine.Output) {
			for _, p := range out.Send {
				if p.Scope == engine.Seek {
					seeks++
				}
			}
		}
	}
	l.run(10 * time.Second)
	if seeks != 0 {
		t.Errorf("%d seeks of a small group that lacks nobody", seeks)
	}
	for _, h := range l.hosts {
		h.step(engine.Absent{Some: true})
	}
	l.run(10 * time.Second)
	if seeks < 4 || seeks > 12 {
		t.Errorf("%d seeks in 10 s for absent hosts, want one in 1.6 s or so, by the coordinator alone", seeks)
	}
}
