package groups

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// joinerState is what a port knows of the state that it wanted.
type joinerState struct {
	// due: it is new and was told no cut yet.
	due bool
	// donor is who is to give it, has: it has it.
	donor *Handover
	has   bool
	// failed are those that could not.
	failed []PortID
	// stuck: nobody was left.
	stuck bool
}

// cut checks a handover against the table and against what others were told.
func (h *host) cut(e *Handover) {
	fault := func(format string, args ...any) {
		h.w.fault("host %d, %+v: "+format, append([]any{h.id[0], *e}, args...)...)
	}
	key := fmt.Sprint(e.Group, e.View, e.K, e.Joiner)
	if was, ok := h.w.cuts[key]; ok && was != *e {
		fault("elsewhere %+v", was)
	}
	h.w.cuts[key] = *e
	if e.First != (e.Donor.Port == 0) && e.First {
		fault("the first has a donor")
	}
	if e.Donor.is(&e.Joiner) {
		fault("its own donor")
	}
	if e.Joiner.Process != h.p {
		return
	}
	s := h.ports[e.Joiner.Port][e.Group]
	if s == nil {
		return // it leaves
	}
	// The table may be ahead of this event by other controls' words, never behind.
	place := func(of *Member) int { return slices.IndexFunc(s.members, func(m Member) bool { return m.is(of) }) }
	switch at := place(&e.Joiner); {
	case at < 0:
		fault("the joiner is not in its view")
	case e.First && at > 0:
		fault("others came before the first")
	case e.Donor.Port != 0 && !e.Donor.HasState() && place(&e.Donor) > at:
		fault("the donor has no state")
	}
	if slices.Contains(s.failed, PortID{e.Donor.Process, e.Donor.Port}) && !s.due {
		fault("one that failed")
	}
	s.due = false
	switch {
	case e.First:
		s.has = true
	case e.Donor.Port == 0:
		s.stuck = true
	default:
		copied := *e
		s.donor = &copied
	}
}

// allCut checks that every new member that wants the state was told its cut
// right behind its view.
func (h *host) allCut(shown []GroupView) {
	for _, v := range shown {
		for _, port := range v.Ports {
			if s := h.ports[port][v.Group]; s != nil && s.due {
				h.w.fault("host %d: port %d in %s was told no cut", h.id[0], port, v.Group)
			}
		}
	}
}

// judgeState checks, at rest, that the table says of a port what it has, and that
// one that has not got the state knows from whom it comes.
func (h *host) judgeState(port uint32, group string, s *seat) {
	_, members := h.m.MembersOf(group)
	i := slices.IndexFunc(members, func(m Member) bool { return m.Process == h.p && m.Port == port })
	switch {
	case i < 0:
		h.w.fault("host %d: port %d is not in %s", h.id[0], port, group)
	case members[i].Wants != s.state || members[i].HasState() != (!s.state || s.has):
		h.w.fault("host %d: port %d in %s is %+v, has the state: %v", h.id[0], port, group, members[i], s.has)
	case s.state && !s.has && !s.stuck && s.donor == nil:
		h.w.fault("host %d: port %d in %s waits for nobody", h.id[0], port, group)
	}
}

// took lets a port have the state, failed lets its donor fail.
func (h *host) took(port uint32, group string) {
	s := h.ports[port][group]
	s.has, s.donor = true, nil
	h.m.TookState(port, group)
	h.act()
}

func (h *host) failed(port uint32, group string) {
	s := h.ports[port][group]
	s.failed = append(s.failed, PortID{s.donor.Donor.Process, s.donor.Donor.Port})
	s.donor = nil
	h.m.DonorFailed(port, group)
	h.act()
}

func (h *host) chanceOfState(t *rapid.T) {
	port, ok := draw(t, h.ports)
	if !ok {
		return
	}
	group, ok := draw(t, h.ports[port])
	if s := h.ports[port][group]; ok && s.donor != nil {
		if rapid.Bool().Draw(t, "fails") {
			h.failed(port, group)
		} else {
			h.took(port, group)
		}
	}
}

func (s *stage) joinState(host int, port uint32, group string) {
	s.t.Helper()
	if err := s.hosts[host].joinWith(port, group, Options{State: true}); err != nil {
		s.t.Fatal(err)
	}
}

func TestStateFromTheOldest(t *testing.T) {
	s := together(t, 4)
	s.joinState(0, 1, "g")
	s.rest()
	s.expect(0, "g [1]: {1:1} joined {1:1}", "g: cut for {1:1} from first")
	s.join(1, 1, "g", false)
	s.rest()
	s.forget()
	s.joinState(2, 1, "g")
	s.rest()
	s.expect(0, "g [1]: {1:1 2:1 3:1} joined {3:1}", "g: cut for {3:1} from {1:1}")
	s.expect(1, "g [1]: {1:1 2:1 3:1} joined {3:1}")
	s.expect(2, "g [1]: {1:1 2:1 3:1} joined {1:1 2:1 3:1}", "g: cut for {3:1} from {1:1}")
	s.hosts[2].failed(1, "g")
	s.rest()
	s.expect(0)
	s.expect(1, "g: cut for {3:1} from {2:1}")
	s.expect(2, "g: cut for {3:1} from {2:1}")
	s.hosts[2].took(1, "g")
	s.hosts[0].leave(1, "g", Left)
	s.hosts[1].leave(1, "g", Left)
	s.rest()
	s.forget()
	s.joinState(3, 1, "g") // from one that was a joiner itself
	s.rest()
	s.expect(3, "g [1]: {3:1 4:1} joined {3:1 4:1}", "g: cut for {4:1} from {3:1}")
	s.hosts[3].failed(1, "g")
	s.rest()
	s.expect(3, "g: cut for {4:1} from nobody")
	s.judge()
}

// Several that come at once to a group without the state: the oldest makes its
// own and gives it to the others.
func TestStateOfTheFirst(t *testing.T) {
	s := together(t, 2)
	for port := range uint32(3) {
		if err := s.hosts[0].m.Join(port+1, "g", "", Options{State: true}); err != nil {
			t.Fatal(err)
		}
		s.hosts[0].ports[port+1] = map[string]*seat{"g": {state: true}}
	}
	s.hosts[0].act()
	s.rest()
	s.expect(0, "g [1]: {1:1 1:2 1:3} joined {1:1 1:2 1:3}", "g [2]: {1:1 1:2 1:3} joined {1:1 1:2 1:3}",
		"g [3]: {1:1 1:2 1:3} joined {1:1 1:2 1:3}", "g: cut for {1:1} from first",
		"g: cut for {1:2} from {1:1}", "g: cut for {1:3} from {1:1}")
	s.judge()
}

// Where nobody has said that it has the state, those who came before are asked, who may
// have it: who made its own beside them would have another one.
func TestStateOfOneThatHasNotSaidSo(t *testing.T) {
	s := together(t, 3)
	s.joinState(0, 1, "g")
	s.rest()
	s.joinState(1, 1, "g")
	s.rest()
	s.hosts[0].leave(1, "g", Left)
	s.rest()
	s.forget()
	s.joinState(2, 1, "g")
	s.rest()
	s.expect(2, "g [1]: {2:1 3:1} joined {2:1 3:1}", "g: cut for {3:1} from {2:1}")
	s.hosts[2].failed(1, "g") // it did not have it
	s.hosts[1].failed(1, "g")
	s.rest()
	s.expect(2, "g: cut for {3:1} from nobody")
	s.expect(1, "g [1]: {2:1 3:1} joined {3:1}", "g: cut for {3:1} from {2:1}", "g: cut for {2:1} from nobody")
	s.judge()
}

// A joiner that waits for blocked ports is cut where it is installed, not where
// its join was agreed.
func TestStateBehindABlock(t *testing.T) {
	s := blocking(t)
	s.joinState(3, 1, "g")
	s.settle()
	s.expect(3)
	s.rest()
	s.expect(3, "g [1]: {1:1 2:1 3:1 4:1} joined {1:1 2:1 3:1 4:1}", "g: cut for {4:1} from {1:1}")
	s.judge()
}

// A donor that goes with its host is asked for no more, and what is known of
// the state survives a parting and a merge.
func TestStateOverViews(t *testing.T) {
	s := together(t, 4)
	for host := range 2 {
		s.join(host, 1, "g", false)
	}
	s.joinState(2, 1, "g")
	s.rest()
	s.hosts[2].took(1, "g")
	s.joinState(3, 1, "g")
	s.rest()
	s.forget()
	s.hosts[0].crash()
	s.view(s.hosts[1:], nil)
	s.hosts[3].failed(1, "g")
	s.rest()
	s.expect(3, "g [1]: {2:1 3:1 4:1} host-crashed {1:1} at install", "g: cut for {4:1} from {2:1}")
	s.judge()
	s.view(s.hosts[1:2], nil)
	s.view(s.hosts[2:], nil)
	s.hosts[3].failed(1, "g")
	s.view(s.hosts[1:], nil) // the word is under way
	s.rest()
	s.forget()
	s.judge()
	s.joinState(1, 2, "g")
	s.rest()
	s.expect(1, "g [1]: {3:1 4:1 2:1 2:2} joined {2:2}", "g [2]: {3:1 4:1 2:1 2:2} joined {3:1 4:1 2:1 2:2}", "g: cut for {2:2} from {3:1}")
}

// What a peer says of others' state does not count in the end, and malformed
// words change nothing.
func TestHostileState(t *testing.T) {
	s := together(t, 2)
	s.hostile = true
	s.join(0, 1, "g", false)
	s.joinState(0, 2, "g")
	s.rest()
	s.hosts[0].took(2, "g")
	s.rest()
	for _, body := range [][]byte{
		ops(operation{kind: opHas, port: 9, join: 1, group: "g"}),
		ops(operation{kind: opAsk, port: 2, join: 2, group: "g"}), // not its own
		ops(operation{kind: opAsk, port: 2, join: 2, group: "none"}),
		ops(operation{kind: opAsk, port: 2, join: 2, group: "g", not: make([]PortID, FailedMax+1)}),
		ops(operation{kind: opJoin, port: 2, join: 2, has: true, group: "g"}),
	} {
		s.say(1, body)
	}
	s.rest()
	s.judge()
	if n := s.events["Handover"]; n != 1 {
		t.Errorf("%d handovers", n)
	}
	if len(s.dropped) != 4 { // two at each host
		t.Errorf("dropped: %v", s.dropped)
	}
	for range FailedMax + 1 { // whoever fails for ever ends
		s.hosts[0].m.local.wish(2, "g").has = false
		s.hosts[0].m.local.wish(2, "g").donor = PortID{s.hosts[0].p, 1}
		s.hosts[0].m.DonorFailed(2, "g")
	}
	events := s.hosts[0].m.Drain().Events
	if len(events) != 1 {
		t.Fatalf("told %v", events)
	}
	if h, ok := events[0].(Handover); !ok || h.First || h.Donor.Port != 0 {
		t.Errorf("told %v", events)
	}
}
