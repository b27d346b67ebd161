package groups

import (
	"maps"
	"slices"

	"github.com/gmsd/gmsd/views"
)

// group is one light group: what was installed last, and what comes next.
type group struct {
	name string
	// id and members are the installed view; members is never changed in place.
	id      GroupViewID
	members []Member
	// hosts are the ranks of members, local the ports of this host among them.
	hosts []int
	local []uint32
	// next is the membership as agreed, where it differs from members; it
	// belongs to the group alone until it is installed.
	next    []Member
	changed bool
	// gone are the departures since the last install.
	gone []Departure
	// asks are members that wait for one who gives them the state.
	asks []ask
	// change, if not nil, waits for blocked ports.
	change *change
	// merged: its membership comes from several sides and needs a new id, while an
	// exchange ends.
	merged bool
}

// latest is the membership as agreed.
func (g *group) latest() []Member {
	if g.changed {
		return g.next
	}
	return g.members
}

// edit makes next a membership that may be changed.
func (g *group) edit() {
	if !g.changed {
		g.changed = true
		g.next = append(make([]Member, 0, len(g.members)+1), g.members...)
	}
}

// find gives the place of a port in the agreed membership, or -1.
func (g *group) find(p views.Process, port uint32) int {
	return slices.IndexFunc(g.latest(), func(m Member) bool { return m.Port == port && m.Process == p })
}

// table is the groups of those who share it, with an index by port. The index
// follows the agreed membership, not the installed one.
type table struct {
	groups  map[string]*group
	hosts   map[views.Process]*hosted
	entries int
}

// hosted is what the ports of one process are members of.
type hosted struct {
	entries int
	ports   map[uint32][]*group
}

func newTable() table {
	return table{groups: make(map[string]*group), hosts: make(map[views.Process]*hosted)}
}

// names gives the names of all groups, sorted.
func (t *table) names() []string { return slices.Sorted(maps.Keys(t.groups)) }

// groupsOf gives the groups that a port is in; they belong to the table.
func (t *table) groupsOf(p views.Process, port uint32) []*group {
	if h := t.hosts[p]; h != nil {
		return h.ports[port]
	}
	return nil
}

// room reports whether one more membership of p in the named group fits.
func (t *table) room(p views.Process, name string) bool {
	if h := t.hosts[p]; h != nil && h.entries >= HostEntriesMax {
		return false
	}
	g := t.groups[name]
	if g == nil {
		return len(t.groups) < GroupsMax && t.entries < EntriesMax
	}
	return len(g.latest()) < GroupMembersMax && t.entries < EntriesMax
}

// open gives the named group, new where there was none.
func (t *table) open(name string) *group {
	g := t.groups[name]
	if g == nil {
		g = &group{name: name}
		t.groups[name] = g
	}
	return g
}

// index notes a membership.
func (t *table) index(g *group, m *Member) {
	h := t.hosts[m.Process]
	if h == nil {
		h = &hosted{ports: make(map[uint32][]*group)}
		t.hosts[m.Process] = h
	}
	h.ports[m.Port] = append(h.ports[m.Port], g)
	h.entries++
	t.entries++
}

// forget takes a membership out of the index.
func (t *table) forget(g *group, m *Member) {
	h := t.hosts[m.Process]
	if h == nil {
		return
	}
	in := h.ports[m.Port]
	i := len(in) - 1
	for i >= 0 && in[i] != g { // from behind: a port that is gone goes so
		i--
	}
	if i < 0 {
		return
	}
	h.ports[m.Port] = slices.Delete(in, i, i+1)
	if len(h.ports[m.Port]) == 0 {
		delete(h.ports, m.Port)
	}
	h.entries--
	t.entries--
	if h.entries == 0 {
		delete(t.hosts, m.Process)
	}
}

// add puts a member at the end of a group.
func (t *table) add(g *group, m Member) {
	g.edit()
	g.next = append(g.next, m)
	t.index(g, &m)
}

// remove takes the member at place i out of a group.
func (t *table) remove(g *group, i int, why Why) {
	g.edit()
	m := g.next[i]
	g.next = slices.Delete(g.next, i, i+1)
	g.gone = append(g.gone, Departure{m, why})
	t.forget(g, &m)
}

// removeAll takes all members out of a group for which why gives a reason.
func (t *table) removeAll(g *group, why func(*Member) Why) {
	for i := 0; i < len(g.latest()); {
		if w := why(&g.latest()[i]); w != WhyNone {
			t.remove(g, i, w)
			continue
		}
		i++
	}
}
