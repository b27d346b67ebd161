package groups

import (
	"cmp"
	"slices"

	"github.com/gmsd/gmsd/views"
)

// unite makes one table of the sides, at place k, with what was agreed since
// the install, and shows what that changed.
func (m *Machine) unite(k views.Position) {
	x, old := m.exchange, m.table
	m.exchange, m.table = nil, x.union()
	for r := range m.side {
		m.side[r] = true
	}
	strange := make(map[string]bool)
	for _, name := range m.table.names() {
		if !m.carryOver(m.table.groups[name], old.groups[name]) {
			strange[name] = true
		}
	}
	m.applyHeld(func(views.Process) bool { return true })
	m.touched, m.askedIn = nil, nil
	for _, name := range m.table.names() {
		g := m.table.groups[name]
		m.place(g)
		m.install(g, GroupViewID{View: m.view.ID, K: k}, g.merged)
		g.merged = false
	}
	m.mend(x.short, strange)
}

// union adds up the sides: the larger first, then the one with the lowest rank.
// A group that one side alone knows stays as it is there; any other is changed.
func (x *exchange) union() table {
	slices.SortStableFunc(x.sides, func(a, b *side) int {
		return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.first, b.first))
	})
	t := newTable()
	for _, s := range x.sides {
		for i := range s.groups {
			x.short = !t.merge(&s.groups[i]) || x.short
		}
	}
	return t
}

// merge adds what one side says of a group. It reports whether there was room
// for all of it.
func (t *table) merge(a *announced) bool {
	if len(a.members) == 0 {
		return true
	}
	if t.groups[a.name] == nil && len(t.groups) >= GroupsMax {
		return false
	}
	g := t.open(a.name)
	g.merged = g.merged || a.changed || !g.id.IsZero()
	g.id = a.id
	was := len(g.members)
	for i := range a.members {
		mb := &a.members[i]
		h := t.hosts[mb.Process]
		full := len(g.members) >= GroupMembersMax || (h != nil && h.entries >= HostEntriesMax)
		in := t.groupsOf(mb.Process, mb.Port)
		if full || (len(in) > 0 && in[len(in)-1] == g) { // no room, or named twice
			continue
		}
		g.members = append(g.members, *mb)
		t.index(g, mb)
	}
	whole := len(g.members)-was == len(a.members)
	g.merged = g.merged || !whole
	return whole
}

// carryOver prepares a group of the union to be shown: what this host's ports
// have seen of it is its view before. One that is as it was stays. It reports
// false where the group was announced otherwise than it is known here, under an
// id that this host's ports have seen, or should have.
func (m *Machine) carryOver(g, was *group) bool {
	switch {
	case g.merged:
		g.changed, g.next = true, g.members
		g.id, g.members = GroupViewID{}, nil
		if was != nil {
			g.id, g.members = was.id, was.members
		}
	case was == nil:
		return !slices.ContainsFunc(g.members, func(mb Member) bool { return mb.Process == m.self })
	default:
		if was.id != g.id || !sameMembers(was.members, g.members) {
			return false
		}
		if slices.Equal(was.members, g.members) { // what is said of a member may differ
			g.members = was.members
		}
		g.hosts, g.local = was.hosts, was.local
	}
	return true
}
