package groups

import (
	"maps"
	"slices"
)

// mend compares what the local ports want with the settled table and says again
// what is missing there, in both directions. It finds nothing to do unless a
// peer has announced what is not so, operations were dropped in an exchange, or
// there was no room (short): then the wish has failed. In strange groups what
// the ports have seen is not what the table says: they join anew.
func (m *Machine) mend(short bool, strange map[string]bool) {
	again := m.local.overrun
	m.local.overrun = false
	if again {
		m.local.waiting = 0
		clear(m.local.leaving)
	}
	m.mendSurplus()
	for _, port := range slices.Sorted(maps.Keys(m.local.clients)) {
		wishes := m.local.clients[port]
		for _, name := range slices.Sorted(maps.Keys(wishes)) {
			w := wishes[name]
			switch {
			case w.agreed && !strange[name] && m.holds(port, name, w):
				m.mendState(port, name, w, again)
			case w.agreed && short && !strange[name]:
				m.failJoin(port, name)
			case w.agreed || again:
				m.sayJoin(port, name, w)
			}
		}
	}
}

// holds reports whether the table has what a port wants.
func (m *Machine) holds(port uint32, name string, w *wish) bool {
	g := m.table.groups[name]
	if g == nil {
		return false
	}
	i := g.find(m.self, port)
	return i >= 0 && g.latest()[i].Join == w.join
}

// mendSurplus takes out memberships of this host that none of its ports wants,
// and sees to it that new joins have higher numbers than all that are known.
func (m *Machine) mendSurplus() {
	h := m.table.hosts[m.self]
	if h == nil {
		return
	}
	for _, port := range slices.Sorted(maps.Keys(h.ports)) {
		for _, g := range h.ports[port] {
			m.local.number = max(m.local.number, g.latest()[g.find(m.self, port)].Join)
			if m.local.wish(port, g.name) == nil && !m.local.isLeaving(port, g.name) {
				m.sayLeave(port, g.name, Left)
			}
		}
	}
}
