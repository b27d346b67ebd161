package groups

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/gmsd/gmsd/views"
)

// describe draws what hosts in one view agree on: the exchange as far as it
// went, or the whole table; and it checks what is kept beside it.
func describe(m *Machine) string {
	var b strings.Builder
	fmt.Fprintf(&b, "held %d %d\n", len(m.held), m.heldOps)
	if x := m.exchange; x != nil {
		fmt.Fprintf(&b, "covered %v, %d sides, %d entries, short %v\n", x.covered, len(x.sides), x.entries, x.short)
		return b.String()
	}
	entries := 0
	for _, name := range m.table.names() {
		g := m.table.groups[name]
		fmt.Fprintf(&b, "%s %v hosts=%v changed=%v\n", name, g.id, g.hosts, g.changed)
		for _, mb := range g.latest() {
			fmt.Fprintf(&b, "  %v #%d %q %v %v %v\n", mb, mb.Join, mb.Name, mb.Block, mb.Wants, mb.Has)
			if !slices.Contains(m.table.groupsOf(mb.Process, mb.Port), g) {
				fmt.Fprintf(&b, "  not indexed\n")
			}
			entries++
		}
		fmt.Fprintf(&b, "  asks %v\n", g.asks)
		if c := g.change; c != nil {
			fmt.Fprintf(&b, "  change %d awaiting %v\n", c.k, c.awaiting)
		}
	}
	fmt.Fprintf(&b, "%d entries, %d indexed, %d hosts\n", entries, m.table.entries, len(m.table.hosts))
	return b.String()
}

// announcement makes a one-part announcement by hand.
func announcement(view views.ViewID, speaksFor []int, body ...[]byte) []byte {
	a := announcer{view: view}
	a.begin(speaksFor)
	a.open = append(a.open, slices.Concat(body...)...)
	return a.finish()[0]
}

// saying is one group in such an announcement.
func saying(name string, id GroupViewID, ranks []int, members ...Member) []byte {
	a := announcer{}
	b := binary.AppendUvarint(a.head(&group{name: name, id: id}), uint64(len(members)))
	for i := range members {
		b = appendMember(b, &members[i], ranks[i])
	}
	return b
}
