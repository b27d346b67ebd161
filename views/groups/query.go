package groups

import (
	"slices"
)

// Hosts gives the ranks, rising, of the hosts with a member in the installed
// view of a group. It allocates nothing; the slice is read only and holds until
// the next input.
func (m *Machine) Hosts(group string) []int {
	if g := m.table.groups[group]; g != nil {
		return g.hosts
	}
	return nil
}

// LocalPorts gives the local ports in the installed view of a group, in join
// order. It allocates nothing; the slice is read only and holds until the next
// input.
func (m *Machine) LocalPorts(group string) []uint32 {
	if g := m.table.groups[group]; g != nil {
		return g.local
	}
	return nil
}

// MembersOf gives the installed view of a group: its id and members, read only;
// zero and nil where there is no such group, or no member of it in a view yet.
func (m *Machine) MembersOf(group string) (GroupViewID, []Member) {
	if g := m.table.groups[group]; g != nil {
		return g.id, g.members
	}
	return GroupViewID{}, nil
}

// GroupsOf gives the groups that a local port has joined or asked to join,
// sorted.
func (m *Machine) GroupsOf(port uint32) []string {
	wishes := m.local.clients[port]
	names := make([]string, 0, len(wishes))
	// order-free: sorted below
	for name := range wishes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Groups gives the names of all groups that have members or are about to, sorted.
func (m *Machine) Groups() []string { return m.table.names() }

// Bare reports whether no group is known, none is about to be, and no local port
// wants one.
func (m *Machine) Bare() bool {
	return len(m.table.groups) == 0 && len(m.local.clients) == 0 && len(m.held) == 0
}

// Entries is the number of memberships.
func (m *Machine) Entries() int { return m.table.entries }

// BlockersLocal gives, by group name, the local ports that want to be asked
// before a change and have not stopped for one under way: those that a driver
// asks before it lets a host view change.
func (m *Machine) BlockersLocal() []Block {
	var out []Block
	for _, name := range m.table.names() {
		g := m.table.groups[name]
		b := Block{Group: name}
		for i := range g.members {
			if mb := &g.members[i]; mb.Process == m.self && mb.Block && m.local.wants(mb, name) && !g.stopped(mb.Port) {
				b.Ports = append(b.Ports, mb.Port)
			}
		}
		if len(b.Ports) > 0 {
			out = append(out, b)
		}
	}
	return out
}

// stopped reports whether a blocking local port has answered a change under way.
func (g *group) stopped(port uint32) bool {
	return g.change != nil && !slices.Contains(g.change.asked, port)
}
