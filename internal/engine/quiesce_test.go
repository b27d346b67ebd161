package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// inGroups makes n hosts, each with its port 1 in groups a and b.
func inGroups(t *testing.T, seed uint64, n int, block bool) *lan {
	l := formed(t, seed, n)
	for _, h := range l.hosts {
		for _, group := range []string{"a", "b"} {
			h.step(engine.Join{Port: 1, Group: group, Name: "p", Block: block && h == l.hosts[0]})
			l.run(20 * time.Millisecond)
			h.step(engine.Ready{Port: 1, Group: group})
			l.hosts[0].step(engine.Ready{Port: 1, Group: group})
			l.run(20 * time.Millisecond)
		}
	}
	return l
}

func (h *lanHost) post(port uint32, token uint64, group, text string) {
	h.step(engine.Submit{{Token: token, Port: port, Group: group, Order: views.FIFO, Payload: []byte(text)}})
}

// While one comes and goes in one group, those who stay send in it and in another:
// they take the same between two views, and what a port sends keeps its order.
func TestFIFOAmongChangesOfAGroup(t *testing.T) {
	l := inGroups(t, 11, 3, false)
	const rounds = 400
	for i := range rounds {
		for n, h := range l.hosts {
			h.post(1, 0, []string{"a", "b"}[i%2], fmt.Sprintf("%d:%04d", n, i))
		}
		switch i % 10 {
		case 0:
			l.hosts[2].step(engine.Join{Port: uint32(10 + i), Group: "a", Name: "guest"}) //nolint:gosec // small
		case 5:
			l.hosts[2].step(engine.PortGone{Port: uint32(5 + i)}) //nolint:gosec // small
		}
		l.run(200 * time.Microsecond)
	}
	l.run(time.Second)
	steps, compared := map[string]string{}, 0
	for n, h := range l.hosts {
		if len(h.got) != 3*rounds {
			t.Errorf("host %d took %d of %d messages", n, len(h.got), 3*rounds)
		}
		for from := range l.hosts {
			mine := slices.DeleteFunc(slices.Clone(h.got), func(s string) bool { return s[0] != byte('0'+from) })
			if !slices.IsSorted(mine) {
				t.Errorf("host %d took what %d sent out of order", n, from)
			}
		}
		compared += h.compareFIFO(t, "a", steps)
	}
	if compared < 40 {
		t.Errorf("%d steps with messages were taken by more than one", compared)
	}
}

// compareFIFO holds what port 1 took between two views of a group against others.
func (h *lanHost) compareFIFO(t *testing.T, group string, steps map[string]string) (compared int) {
	var got []string
	for _, d := range h.delivered {
		switch d := d.(type) {
		case engine.Message:
			if d.Group == group {
				got = append(got, string(d.Payload))
			}
		case groups.GroupView:
			if d.Group != group || !slices.Contains(d.Ports, 1) {
				continue
			}
			slices.Sort(got)
			step, set := fmt.Sprint(d.Prev, " to ", d.ID), fmt.Sprint(got)
			other, ok := steps[step]
			if ok && other != set {
				t.Errorf("%s from %s: %s, another %s", h.process, step, set, other)
			}
			if ok && len(got) > 0 {
				compared++
			}
			steps[step], got = set, nil
		}
	}
	return compared
}

// holding has host 0's port asked and silent, so that the others hold back.
func holding(t *testing.T) (*lan, *lanHost) {
	l := inGroups(t, 12, 3, true)
	l.hosts[2].step(engine.Join{Port: 2, Group: "a", Name: "guest"})
	l.run(20 * time.Millisecond)
	return l, l.hosts[1]
}

func (h *lanHost) fates() (out []engine.Submitted) {
	for _, d := range h.delivered {
		if s, ok := d.(engine.Submitted); ok {
			out = append(out, s)
		}
	}
	return out
}

// What is held takes room; it goes in order once the view is there, and what other
// ports send to other groups is not held.
func TestHeldBack(t *testing.T) {
	l, h := holding(t)
	room := h.Room()
	h.post(1, 0, "a", "first")
	h.post(1, 0, "b", "second")
	h.post(2, 0, "b", "other")
	h.step(engine.Submit{{Port: 1, Group: "a", Order: views.Agreed, Payload: []byte("agreed")}})
	l.run(20 * time.Millisecond)
	if got := h.Room(); got >= room-len("firstsecond") {
		t.Errorf("room for %d bytes, %d before", got, room)
	}
	if want := []string{"other", "agreed"}; !slices.Equal(h.got, want) {
		t.Errorf("took %v, want %v", h.got, want)
	}
	l.hosts[0].step(engine.Ready{Port: 1, Group: "a"})
	l.run(20 * time.Millisecond)
	if want := []string{"other", "agreed", "first", "second"}; !slices.Equal(h.got, want) || h.Room() != room {
		t.Errorf("took %v, want %v; room %d, want %d", h.got, want, h.Room(), room)
	}
}

// A port that goes is not waited for, though what it sent is held back.
func TestHeldBackOfOneThatGoes(t *testing.T) {
	l, h := holding(t)
	h.post(1, 0, "a", "last words")
	h.step(engine.PortGone{Port: 1})
	l.run(20 * time.Millisecond)
	if len(h.got) > 0 {
		t.Errorf("took %v", h.got)
	}
	l.hosts[0].post(1, 0, "a", "before")
	l.hosts[0].step(engine.PortGone{Port: 1}) // this one was asked
	l.run(50 * time.Millisecond)
	if want := []string{"before", "last words"}; !slices.Equal(l.hosts[2].got, want) {
		t.Errorf("took %v, want %v", l.hosts[2].got, want)
	}
	last := groups.GroupView{}
	for _, d := range l.hosts[2].delivered {
		if v, ok := d.(groups.GroupView); ok && v.Group == "a" {
			last = v
		}
	}
	if len(last.Members) != 2 {
		t.Errorf("left in the group: %v", last.Members)
	}
}

// A host that stops gives back what it held, and refuses what is too much.
func TestHeldBackAtTheEnd(t *testing.T) {
	l, h := holding(t)
	long := make([]byte, views.PayloadMax)
	for i := range uint64(20) {
		h.step(engine.Submit{{Token: i + 1, Port: 1, Group: "a", Order: views.FIFO, Payload: long}})
	}
	full := len(h.fates())
	for _, f := range h.fates() {
		if !errors.Is(f.Err, views.ErrFull) {
			t.Errorf("message %d: %v, want ErrFull", f.Token, f.Err)
		}
	}
	h.step(engine.Leave{})
	l.run(3 * time.Second)
	fates := h.fates()
	if h.stop == nil || len(fates) != 20 || full == 0 || full == 20 {
		t.Fatalf("stopped: %v, %d fates, %d refused at once", h.stop != nil, len(fates), full)
	}
	for _, f := range fates[full:] {
		if !errors.Is(f.Err, views.ErrLeaving) {
			t.Errorf("message %d: %v, want ErrLeaving", f.Token, f.Err)
		}
	}
}
