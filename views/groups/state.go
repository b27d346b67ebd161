package groups

import (
	"slices"

	"github.com/gmsd/gmsd/views"
)

// Options say how a port joins.
type Options struct {
	// Block: it wants to be asked before the group's view changes.
	Block bool
	// State: it wants the application's state from a member that has it.
	State bool
}

// PortID names a port in all of a host view.
type PortID struct {
	views.Process
	Port uint32
}

// ask is a member that waits for a donor.
type ask struct {
	membership
	// not are those it does not want the state from: they have failed.
	not []PortID
	// again: it has asked before, so it is not the first of its group.
	again bool
}

// Handover says where the order of Group is cut for a joiner that wants the
// state: exactly what was delivered before is in the state it gets. It comes at
// the hosts of the joiner and of the donor; of a new member right behind the
// view in which it is new.
type Handover struct {
	Group string
	// View and K are the cut.
	View views.ViewID
	K    views.Position
	// Joiner wants the state; Donor is to give it. Where First is set nobody came before
	// Joiner, which makes its own. A zero Donor otherwise: nobody is left.
	Joiner, Donor Member
	First         bool
}

func (Handover) event() {}

// HasState reports whether a member has the application's state: that it has
// said so, or never wanted it.
func (m *Member) HasState() bool { return !m.Wants || m.Has }

// TookState tells all that a local port has the state it wanted.
func (m *Machine) TookState(port uint32, group string) {
	if w := m.local.wish(port, group); w != nil && w.wants && !w.has {
		w.has, w.asking = true, false
		m.sayHas(port, group, w)
	}
}

func (m *Machine) sayHas(port uint32, group string, w *wish) {
	m.out.operation(operation{kind: opHas, port: port, join: w.join, group: group})
}

// DonorFailed says that the donor which the last Handover to a local port named
// could not give the state. Another Handover follows, unless the port leaves.
func (m *Machine) DonorFailed(port uint32, group string) {
	w := m.local.wish(port, group)
	if w == nil || !w.wants || w.has || w.donor == (PortID{}) {
		return
	}
	w.failed = append(w.failed, w.donor)
	w.donor = PortID{}
	if len(w.failed) > FailedMax {
		m.events = append(m.events, Handover{Group: group, Joiner: Member{Process: m.self, Port: port, Join: w.join}})
		return
	}
	m.sayAsk(port, group, w)
}

func (m *Machine) sayAsk(port uint32, group string, w *wish) {
	w.asking = true
	m.out.operation(operation{kind: opAsk, port: port, join: w.join, group: group, not: slices.Clone(w.failed)})
}

// applyHas notes that a member has the state.
func (m *Machine) applyHas(from views.Process, op *operation) {
	if g := m.table.groups[op.group]; g != nil {
		g.setHas(membership{from, op.port, op.join}, true)
	}
}

// applyAsk lets a member wait for another donor.
func (m *Machine) applyAsk(from views.Process, op *operation) {
	g := m.table.groups[op.group]
	if g == nil {
		return
	}
	i := indexOf(g.latest(), membership{from, op.port, op.join})
	if i < 0 || !g.latest()[i].Wants {
		return
	}
	g.setHas(membership{from, op.port, op.join}, false)
	g.ask(ask{membership: keyOf(&g.latest()[i]), not: op.not, again: true})
	m.askedIn = append(m.askedIn, g)
}

// setHas changes what a member is said to have, in the installed membership and
// in the agreed one. Events share the old one: it stays as it is.
func (g *group) setHas(of membership, has bool) {
	set := func(list []Member) []Member {
		i := indexOf(list, of)
		if i < 0 || !list[i].Wants || list[i].Has == has {
			return list
		}
		list = slices.Clone(list)
		list[i].Has = has
		return list
	}
	g.members = set(g.members)
	if g.changed {
		g.next = set(g.next)
	}
}

// ask lets a member wait for a donor; of one member only the last word counts.
func (g *group) ask(a ask) {
	g.asks = slices.DeleteFunc(g.asks, func(o ask) bool { return o.port == a.port && o.Process == a.Process })
	g.asks = append(g.asks, a)
}

// handOverAsked finds donors for those who asked again in a control.
func (m *Machine) handOverAsked(k views.Position) {
	for _, g := range m.askedIn {
		m.handOver(g, m.view.ID, k)
	}
	m.askedIn = nil
}

// handOver finds donors for the installed members that wait for one, and lets
// those wait on that are not installed yet. The oldest member that has the state
// gives it; where nobody was there before, the oldest that is new makes its own.
func (m *Machine) handOver(g *group, view views.ViewID, k views.Position) {
	if len(g.asks) == 0 {
		return
	}
	asks := g.asks
	g.asks = nil
	slices.SortStableFunc(asks, func(a, b ask) int { return g.place(&a) - g.place(&b) })
	for i := range asks {
		a := &asks[i]
		at := g.place(a)
		switch {
		case at >= 0:
			m.handOverTo(g, a, at, Handover{Group: g.name, View: view, K: k, Joiner: g.members[at]})
		case indexOf(g.latest(), a.membership) >= 0:
			g.asks = append(g.asks, *a)
		}
	}
}

func (m *Machine) handOverTo(g *group, a *ask, at int, h Handover) {
	if d := g.donorFor(a, at); d >= 0 {
		h.Donor = g.members[d]
	} else if !a.again {
		h.First = true
		g.setHas(a.membership, true)
	}
	if h.Joiner.Process == m.self && !m.noteHandover(&h) {
		return
	}
	if h.Joiner.Process == m.self || h.Donor.Process == m.self {
		m.events = append(m.events, h)
	}
}

// noteHandover keeps who is to give the state to a local port. It reports whether
// the port still wants it.
func (m *Machine) noteHandover(h *Handover) bool {
	w := m.local.wish(h.Joiner.Port, h.Group)
	if w == nil || w.join != h.Joiner.Join {
		return false
	}
	w.asking, w.has = false, w.has || h.First
	w.donor = PortID{h.Donor.Process, h.Donor.Port}
	return true
}

// place gives where a member that asks stands in the installed view, or -1.
func (g *group) place(a *ask) int { return indexOf(g.members, a.membership) }

func indexOf(list []Member, of membership) int {
	return slices.IndexFunc(list, func(m Member) bool { return keyOf(&m) == of })
}

// donorFor gives the oldest member that has the state and has not failed who asks, whose
// place is at. Where nobody has said that it has it, one who came before may have it all
// the same, and refuses where it has not. None: -1.
func (g *group) donorFor(a *ask, at int) int {
	before := -1
	for i := range g.members {
		m := &g.members[i]
		switch {
		case i == at || slices.Contains(a.not, PortID{m.Process, m.Port}):
		case m.HasState():
			return i
		case i < at && before < 0:
			before = i
		}
	}
	return before
}

// mendState says again what all should know of the state of a local port.
func (m *Machine) mendState(port uint32, group string, w *wish, again bool) {
	g := m.table.groups[group]
	switch mb := g.latest()[g.find(m.self, port)]; {
	case w.has && mb.Wants && !mb.Has:
		m.sayHas(port, group, w)
	case again && w.asking:
		m.sayAsk(port, group, w)
	}
}
