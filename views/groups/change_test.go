package groups

import (
	"errors"
	"fmt"
	"testing"
)

// blocking has a member that blocks at hosts 1 and 2, and one that does not at 3.
func blocking(t *testing.T) *stage {
	s := together(t, 4)
	for host := range 3 {
		s.join(host, 1, "g", host < 2)
		s.rest()
	}
	s.forget()
	return s
}

func TestBlockBeforeAJoin(t *testing.T) {
	s := blocking(t)
	s.join(3, 1, "g", false)
	s.settle()
	s.expect(0, "g [1]: block")
	s.expect(1, "g [1]: block")
	s.expect(2)
	if got := s.hosts[0].m.BlockersLocal(); len(got) != 1 {
		t.Errorf("to be asked: %v", got)
	}
	s.hosts[0].ready(membershipName{1, "g"})
	if got := s.hosts[0].m.BlockersLocal(); len(got) != 0 {
		t.Errorf("to be asked though it has stopped: %v", got)
	}
	s.settle()
	s.join(3, 2, "g", false) // comes into the same change
	s.settle()
	s.expect(0)
	s.expect(3)
	if s.hosts[1].m.Ready(7, "g") || s.hosts[0].m.Ready(1, "g") || s.hosts[0].m.Ready(1, "other") {
		t.Error("an answer nobody asked for")
	}
	s.hosts[1].ready(membershipName{1, "g"})
	s.settle()
	s.expect(0, "g [1]: {1:1 2:1 3:1 4:1 4:2} joined {4:1 4:2}")
	s.expect(3, "g [1]: {1:1 2:1 3:1 4:1 4:2} joined {1:1 2:1 3:1 4:1 4:2}", "g [2]: {1:1 2:1 3:1 4:1 4:2} joined {1:1 2:1 3:1 4:1 4:2}")
	s.judge()
}

// A port that does not answer is cut, and holds up nobody; so does one that
// goes by itself, and one whose going is the change.
func TestBlockEndsWithThePort(t *testing.T) {
	s := blocking(t)
	s.join(3, 1, "g", false)
	s.settle()
	s.hosts[0].leave(1, "g", Cut)
	s.hosts[1].portGone(1)
	s.settle()
	s.expect(0, "g [1]: block", "g [1]: parted, cut")
	s.expect(2, "g [1]: {3:1 4:1} joined {4:1} cut {1:1} crashed {2:1}")
	s.judge()

	s = blocking(t)
	s.hosts[1].leave(1, "g", Left)
	s.settle()
	s.expect(1)
	s.expect(0, "g [1]: block")
	s.hosts[0].leave(1, "g", Left)
	s.settle()
	s.expect(2, "g [1]: {3:1} left {1:1} left {2:1}")

	s = together(t, 2)
	s.join(0, 1, "g", true)
	s.rest()
	s.join(1, 1, "g", false)
	s.rest()
	answers := s.hosts[0].controls(kindReady)
	s.hosts[0].leave(1, "g", Left)
	s.settle()
	if got := s.hosts[0].controls(kindReady); got != answers+1 {
		t.Errorf("%d answers to a leave that leaves one host with members", got-answers)
	}
	s.expect(1, "g [1]: {1:1 2:1} joined {1:1 2:1}", "g [1]: {2:1} left {1:1}")
}

// What comes to nothing ends with a view all the same: somebody waits for it.
func TestBlockForNothing(t *testing.T) {
	s := blocking(t)
	s.join(3, 1, "g", false)
	s.settle()
	s.hosts[3].portGone(1)
	s.rest()
	s.expect(0, "g [1]: block", "g [1]: {1:1 2:1 3:1}")
	s.judge()
}

// A host view ends all changes under way; answers to them mean nothing after.
func TestBlockOverAHostView(t *testing.T) {
	s := blocking(t)
	s.join(3, 1, "g", false)
	s.settle()
	s.forget()
	s.hosts[0].ready(membershipName{1, "g"}) // not placed any more
	s.hosts[2].crash()
	s.view(s.alive(), nil)
	s.expect(0, "g [1]: {1:1 2:1 4:1} joined {4:1} host-crashed {3:1} at install")
	s.join(3, 2, "other", false)
	s.settle()
	if len(s.dropped) == 0 || !errors.Is(s.dropped[len(s.dropped)-1], ErrStale) {
		t.Errorf("dropped: %v", s.dropped)
	}
	s.rest()
	s.judge()
}

// The answer to a change of an earlier view does not end one of the same place
// in this view.
func TestStaleAnswer(t *testing.T) {
	s := together(t, 3)
	s.join(0, 1, "g", true)
	s.rest()
	s.view(s.hosts[:2], nil) // nothing is exchanged: places begin at 1
	s.join(1, 1, "g", false)
	s.settle()
	s.hosts[0].ready(membershipName{1, "g"})
	stale := s.hosts[0].unsent[0]
	s.hosts[0].unsent = nil
	s.hosts[1].crash()
	s.view(s.hosts[:1], nil)
	s.hosts[0].start0()
	s.forget()
	s.say(0, ops(operation{kind: opJoin, port: 5, join: 99, group: "g"}))
	s.say(0, stale)
	s.hosts[0].deliver(false)
	s.hosts[0].deliver(false)
	s.expect(0, "g [1]: block")
}

// start0 forgets what was said, for a test that says it by hand.
func (h *host) start0() { h.unsent = nil; h.m.Drain() }

// ops makes a control of operations by hand.
func ops(list ...operation) []byte {
	var o outbox
	for _, op := range list {
		o.operation(op)
	}
	o.flush()
	if len(o.done) != 1 {
		panic(fmt.Sprint("test: ", len(o.done), " controls"))
	}
	return o.done[0]
}
