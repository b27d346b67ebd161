package check

import (
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// Light groups: what the ports of hosts were told. All ports of a host that are in
// a view of a group are in the same one, so a life has one stay a group. What was
// delivered in a group view is what its host delivered between two group events.

// groupKey names a group view within the host view it was made in.
type groupKey struct {
	group string
	k     views.Position
	side  uint16
}

// groupView is one view of a light group.
type groupView struct {
	group   string
	id      trace.GroupID
	members []trace.Port
	// holds has the members without their join numbers.
	holds map[portKey]struct{}
	// by was told first.
	by *proc
	// steps lead here; cameBy is the step by which a member was said to come.
	steps  []*groupStep
	cameBy map[trace.Port]*groupStep
}

type portKey struct {
	views.Process
	port uint32
}

// groupStep is the way from one group view to the next that some ports took.
type groupStep struct {
	from, to *groupView
	trans    []trace.Port
	// first took it first, and had delivered that.
	first  *proc
	placed tally
	fifo   tally
}

// tally is what was delivered in a group view.
type tally []trace.MsgID

// groupStay is the time the ports of a life spend in one view of a group.
type groupStay struct {
	cur *groupView
	// ports have cur; behind were not given it, since they are on their way out.
	ports, behind []uint32
	placed, fifo  tally
	stranger      *stranger
}

// groupPort is a port in a group.
type groupPort struct {
	group string
	port  uint32
}

// lightSpan says that a visit had members of a group from one place to another.
type lightSpan struct {
	group       string
	from, until views.Position
}

const openEnd = ^views.Position(0)

// groupView takes the record of a group view through all checks.
func (c *Checker) groupView(l *life, e *trace.GroupView) {
	c.groupViews++
	if l.cur == nil || !sameID(e.ID.View, l.cur.view.id) {
		c.fail(GroupRises, l.viewID(), []*proc{l.proc}, "a view of %q was made in %s, which is not its view", e.Group, c.viewName(e.ID.View))
		return
	}
	c.light[e.Group] = struct{}{}
	g := c.groupViewOf(l, e)
	c.checkGroupSelf(l, g, e)
	s := l.groups[e.Group]
	c.checkGroupRises(l, s, g, e)
	c.checkGroupParted(l, e)
	if e.Prev == (trace.GroupID{}) {
		c.checkGroupJoiner(l, g, e)
	} else if s != nil && s.cur != g {
		c.takeGroupStep(l, s, g, e)
	}
	c.enterGroup(l, s, g, e)
}

// groupViewOf finds the group view that e tells of and holds e against it, or makes it.
func (c *Checker) groupViewOf(l *life, e *trace.GroupView) *groupView {
	v := l.cur.view
	key := groupKey{e.Group, e.ID.K, e.ID.Side}
	if g := v.groups[key]; g != nil {
		c.checkGroupAgreement(l, g, e)
		return g
	}
	g := &groupView{group: e.Group, id: e.ID, members: slices.Clone(e.Members), by: l.proc, holds: make(map[portKey]struct{}, len(e.Members))}
	for _, m := range g.members {
		g.holds[portKey{m.Process, m.Port}] = struct{}{}
	}
	if v.groups == nil {
		v.groups = make(map[groupKey]*groupView)
	}
	v.groups[key] = g
	return g
}

// member gives a port of a process as g lists it.
func (g *groupView) member(p views.Process, port uint32) (trace.Port, bool) {
	for _, m := range g.members {
		if m.Process == p && m.Port == port {
			return m, true
		}
	}
	return trace.Port{}, false
}

// takeGroupStep makes or joins the step that ports take together (GV4, GV5).
func (c *Checker) takeGroupStep(l *life, s *groupStay, g *groupView, e *trace.GroupView) {
	c.checkStranger(l, s)
	i := slices.IndexFunc(g.steps, func(o *groupStep) bool { return o.from == s.cur })
	if i < 0 {
		st := &groupStep{from: s.cur, to: g, trans: slices.Clone(e.Trans), first: l.proc, placed: s.placed, fifo: s.fifo}
		s.placed, s.fifo = nil, nil
		g.steps = append(g.steps, st)
		c.checkNewGroupTrans(l, st)
		c.checkGroupComers(l, st, e)
		return
	}
	c.checkSameGroupTrans(l, g.steps[i], e)
	c.checkGroupComers(l, g.steps[i], e)
	c.checkGroupSynchrony(l, s, g.steps[i])
}

// enterGroup begins a stay in g, or lets further ports into it.
func (c *Checker) enterGroup(l *life, s *groupStay, g *groupView, e *trace.GroupView) {
	if s == nil {
		s = &groupStay{}
		if l.groups == nil {
			l.groups = make(map[string]*groupStay)
		}
		l.groups[e.Group] = s
		l.cur.beginSpan(e.Group, e.ID.K)
	}
	if s.cur != g {
		s.behind = append(s.behind, s.ports...)
		s.stranger = nil
		s.cur, s.ports, s.placed, s.fifo = g, nil, s.placed[:0], s.fifo[:0]
	}
	for _, port := range e.Ports {
		s.behind = slices.DeleteFunc(s.behind, func(o uint32) bool { return o == port })
		s.ports = append(s.ports, port)
	}
}

// groupLeft takes the record that a port is out.
func (c *Checker) groupLeft(l *life, e *trace.GroupLeft) {
	c.light[e.Group] = struct{}{}
	s := l.groups[e.Group]
	if l.cur == nil || s == nil {
		return // it never came in, or came and went as its view ended
	}
	if m, in := s.cur.member(l.proc.Process, e.Port); in {
		if l.parted == nil {
			l.parted = make(map[groupPort]uint64)
		}
		l.parted[groupPort{e.Group, e.Port}] = m.Join
	}
	out := func(o uint32) bool { return o == e.Port }
	s.ports, s.behind = slices.DeleteFunc(s.ports, out), slices.DeleteFunc(s.behind, out)
	if len(s.ports)+len(s.behind) == 0 {
		delete(l.groups, e.Group)
		l.cur.endSpan(e.Group)
	}
}

// noteGroupDelivery counts a message into the group view it is delivered in.
func (c *Checker) noteGroupDelivery(l *life, e *trace.Deliver) {
	s := l.groups[e.Group]
	if s == nil {
		return
	}
	c.checkGroupSender(s, e)
	if e.Order.Placed() {
		s.placed = append(s.placed, e.Msg)
	} else if _, member := s.cur.holds[portKey{e.Msg.From, e.Port}]; member {
		s.fifo = append(s.fifo, e.Msg)
	}
}

// carrySpans goes on with the groups of a life in its next view.
func (l *life) carrySpans() {
	for group := range l.groups {
		l.cur.beginSpan(group, 0)
	}
}

func (s *visit) beginSpan(group string, from views.Position) {
	s.light = append(s.light, lightSpan{group, from, openEnd})
}

func (s *visit) endSpan(group string) {
	for i := range s.light {
		if o := &s.light[i]; o.group == group && o.until == openEnd {
			o.until = s.lastK
		}
	}
}

// hadMembers reports whether a visit had members of a group at a place.
func (s *visit) hadMembers(group string, k views.Position) bool {
	return slices.ContainsFunc(s.light, func(o lightSpan) bool { return o.group == group && o.from < k && k <= o.until })
}
