package groups

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/views"
)

func TestJoinAndLeave(t *testing.T) {
	s := together(t, 3)
	s.join(0, 1, "g", false)
	s.rest()
	s.expect(0, "g [1]: {1:1} joined {1:1}")
	s.join(1, 1, "other", false)
	s.hosts[1].ports[2] = map[string]*seat{"g": {}}
	s.hosts[1].ports[1]["g"] = &seat{}
	for _, port := range []uint32{1, 2} { // two joins of one step
		if err := s.hosts[1].m.Join(port, "g", "", Options{}); err != nil {
			t.Fatal(err)
		}
	}
	s.hosts[1].act()
	s.rest()
	s.expect(0, "g [1]: {1:1 2:1 2:2} joined {2:1 2:2}")
	s.expect(1, "other [1]: {2:1} joined {2:1}", "g [1]: {1:1 2:1 2:2} joined {1:1 2:1 2:2}", "g [2]: {1:1 2:1 2:2} joined {1:1 2:1 2:2}")
	s.expect(2)
	s.hosts[1].leave(1, "g", Cut)
	s.rest()
	s.expect(0, "g [1]: {1:1 2:2} cut {2:1}")
	s.expect(1, "g [1]: parted, cut", "g [2]: {1:1 2:2} cut {2:1}")
	if got := s.hosts[2].m.Hosts("g"); !slices.Equal(got, []int{0, 1}) {
		t.Errorf("hosts of g: %v", got)
	}
	if got := s.hosts[1].m.LocalPorts("g"); !slices.Equal(got, []uint32{2}) {
		t.Errorf("local ports of g: %v", got)
	}
	s.judge()
}

// A client that goes takes one control, whatever it was a member of; so do the
// joins of one step.
func TestOneControl(t *testing.T) {
	s := together(t, 2)
	for i := range 50 {
		s.joinQuietly(0, 1, fmt.Sprintf("g%02d", i))
	}
	if o := s.hosts[0].m.Drain(); len(o.Controls) != 1 {
		t.Errorf("50 joins made %d controls", len(o.Controls))
	} else {
		s.say(0, o.Controls[0])
	}
	s.settleQuietly()
	s.hosts[0].m.PortGone(1)
	o := s.hosts[0].m.Drain()
	if len(o.Controls) != 1 || len(o.Controls[0]) > 8 {
		t.Fatalf("a client that is gone made %d controls", len(o.Controls))
	}
	if got := len(s.hosts[1].m.Groups()); got != 50 {
		t.Fatalf("%d groups", got)
	}
	s.say(0, o.Controls[0])
	s.settleQuietly()
	if got := s.hosts[1].m.Groups(); len(got) != 0 || s.hosts[1].m.Entries() != 0 {
		t.Errorf("left over: %v", got)
	}
}

// settleQuietly delivers all without a look at the events.
func (s *stage) settleQuietly() {
	for busy := true; busy; {
		busy = false
		for i, h := range s.hosts {
			busy = s.sayQuietly(i, h.m.Drain()) || busy
		}
		for _, h := range s.hosts {
			for h.delivered < len(h.at.order) {
				c := h.at.order[h.delivered]
				h.delivered++
				if err := h.m.HandleControl(h.at.view.RankOf(c.from), views.Position(h.delivered), false, c.body); err != nil {
					s.t.Error(err)
				}
			}
		}
	}
}

// sayQuietly puts what a machine wants said into the order; what it waits for has
// happened.
func (s *stage) sayQuietly(host int, o Output) bool {
	for _, c := range o.Controls {
		s.say(host, c)
	}
	for _, e := range o.Events {
		if q, ok := e.(Quiesce); ok {
			s.hosts[host].m.Drained(q.Group)
		}
	}
	return len(o.Controls)+len(o.Events) > 0
}

// A view that only loses hosts is applied at its install; groups that lost
// nobody hear nothing, and nothing is said.
func TestShrink(t *testing.T) {
	s := together(t, 4)
	for host, group := range map[int]string{0: "both", 1: "both", 2: "both", 3: "both"} {
		s.join(host, 1, group, false)
		s.rest()
	}
	s.join(0, 2, "alone", false)
	s.rest()
	s.forget()
	_, before := s.hosts[0].m.MembersOf("both")
	s.why = func(p views.Process) Why {
		return map[byte]Why{3: HostLeft, 4: HostCrashed, 2: Left}[p.Host[0]]
	}
	s.hosts[2].crash()
	s.view([]*host{s.hosts[0], s.hosts[1], s.hosts[3]}, nil)
	if !s.hosts[0].m.Settled() || len(s.hosts[0].unsent) > 0 {
		t.Error("an exchange where nothing is to be exchanged")
	}
	e := s.hosts[0].heard()
	if len(e) != 1 || draw1(e[0]) != strings.Replace("both [1]: M host-left {3:1} at install", "M", short(without(before, 3)), 1) {
		t.Errorf("told %v", e)
	}
	s.view([]*host{s.hosts[0], s.hosts[3]}, nil)
	s.expect(0, strings.Replace("both [1]: M partitioned {2:1} at install", "M", short(without(without(before, 3), 2)), 1))
	s.view([]*host{s.hosts[0]}, nil)
	s.expect(0, "both [1]: {1:1} host-crashed {4:1} at install")
}

func without(members []Member, host byte) []Member {
	return slices.DeleteFunc(slices.Clone(members), func(m Member) bool { return m.Host[0] == host })
}

// When sides merge, the first of each speaks for all of it; the larger side's
// members stand first; a group that one side alone has hears nothing.
func TestMerge(t *testing.T) {
	s := &stage{newWorld(5, t.Errorf), t}
	small := []*host{s.hosts[0], s.hosts[1]}
	large := []*host{s.hosts[2], s.hosts[3], s.hosts[4]}
	s.view(small, nil)
	s.view(large, nil)
	s.rest()
	s.join(0, 1, "g", false)
	s.join(4, 1, "g", false)
	s.join(3, 1, "large", false)
	s.rest()
	s.forget()
	s.view([]*host{s.hosts[0], s.hosts[1], s.hosts[2], s.hosts[3], s.hosts[4]}, nil)
	if s.hosts[1].m.Settled() || !slices.Equal(s.hosts[1].m.Waiting(), []int{0, 1, 2, 3, 4}) {
		t.Error("settled before anything was exchanged")
	}
	s.rest()
	s.expect(0, "g [1]: {5:1 1:1} joined {5:1}")
	s.expect(4, "g [1]: {5:1 1:1} joined {1:1}")
	s.expect(3)
	if got := s.hosts[0].controls(kindAnnounce); got != 2 {
		t.Errorf("%d announcements of two sides", got)
	}
	s.judge()
	// A fresh host changes no group.
	before := describe(s.hosts[0].m)
	s.hosts[4].crash()
	s.view(s.alive(), nil)
	s.rest()
	s.forget()
	s.hosts[4].start()
	s.view(s.hosts, nil)
	s.rest()
	s.expect(0)
	if before == describe(s.hosts[0].m) {
		t.Error("a crash changed nothing")
	}
	s.judge()
}

// Who went another way to the same view is out and in again, in one group view,
// at both: nobody keeps an id that somebody else has left.
func TestAnotherWay(t *testing.T) {
	s := together(t, 2)
	s.join(0, 1, "g", false)
	s.rest()
	s.join(1, 1, "g", false)
	s.rest()
	s.forget()
	s.view(s.hosts, map[*host]bool{s.hosts[1]: true})
	s.expect(0, "g [1]: {1:1} partitioned {2:1} at install of side 1")
	s.expect(1, "g [1]: {2:1} partitioned {1:1} at install of side 2")
	s.rest()
	s.expect(0, "g [1]: {1:1 2:1} joined {2:1}")
	s.expect(1, "g [1]: {1:1 2:1} joined {1:1}")
	s.judge()
}

// What is agreed in an exchange waits for its end; where another view comes
// first, it counts for those who were one side, at the install.
func TestChangeInTheMiddle(t *testing.T) {
	s := &stage{newWorld(4, t.Errorf), t}
	s.view(s.hosts[:2], nil)
	s.rest()
	s.join(1, 1, "g", false)
	s.rest()
	s.forget()
	s.join(0, 2, "g", false) // under way when the view changes
	s.hosts[1].leave(1, "g", Left)
	s.view(s.hosts[:3], nil)
	for _, h := range s.hosts[:2] {
		h.send()
	}
	for _, h := range s.hosts[:3] {
		for h.delivered < len(h.at.order) {
			h.deliver(false)
		}
	}
	s.expect(0)
	s.expect(1)
	s.view([]*host{s.hosts[0], s.hosts[1], s.hosts[3]}, nil)
	s.expect(0, "g [2]: {1:2} joined {1:2} at install of side 1")
	s.expect(1, "g [1]: parted, left")
	s.rest()
	s.expect(0)
	s.view(s.hosts, nil)
	s.rest()
	s.judge()
}

// A side of many groups speaks in several controls, each of bounded size, and
// one group may go on in the next.
func TestAnnouncementInParts(t *testing.T) {
	s := &stage{newWorld(3, t.Errorf), t}
	s.view(s.hosts[:2], nil)
	s.rest()
	for port := range uint32(3000) {
		s.joinQuietly(0, port+1, "large")
	}
	for i := range 300 {
		s.joinQuietly(1, 1, fmt.Sprintf("%s%03d", strings.Repeat("g", 40), i))
	}
	s.settleQuietly()
	s.view(s.hosts, nil)
	s.rest()
	if got := s.hosts[2].controls(kindAnnounce); got < 3 {
		t.Errorf("%d announcements", got)
	}
	if a, c := describe(s.hosts[0].m), describe(s.hosts[2].m); a != c || s.hosts[2].m.Entries() != 3300 {
		t.Errorf("%d entries, tables alike: %v", s.hosts[2].m.Entries(), a == c)
	}
}

// joinQuietly joins without the model's look; settleQuietly delivers it.
func (s *stage) joinQuietly(host int, port uint32, group string) {
	h := s.hosts[host]
	if err := h.m.Join(port, group, "", Options{}); err != nil {
		s.t.Fatal(err)
	}
}

func TestNames(t *testing.T) {
	m := New(views.Process{Incarnation: 1})
	for _, c := range []struct {
		group, name string
		want        error
	}{
		{"", "", views.ErrGroupName},
		{strings.Repeat("g", views.GroupNameMax+1), "", views.ErrGroupName},
		{"g", strings.Repeat("n", NameMax+1), ErrName},
		{strings.Repeat("g", views.GroupNameMax), strings.Repeat("n", NameMax), nil},
		{"g", "", nil},
		{"g", "", ErrMember},
	} {
		if err := m.Join(1, c.group, c.name, Options{}); !errors.Is(err, c.want) {
			t.Errorf("join %q as %q: %v, want %v", c.group, c.name, err, c.want)
		}
	}
	if err := m.Leave(2, "g", Left); !errors.Is(err, ErrNotMember) {
		t.Errorf("leave of a stranger: %v", err)
	}
	if got := m.GroupsOf(1); !slices.Equal(got, []string{"g", strings.Repeat("g", views.GroupNameMax)}) {
		t.Errorf("groups of 1: %v", got)
	}
}
