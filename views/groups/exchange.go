package groups

import (
	"fmt"
	"slices"

	"github.com/gmsd/gmsd/views"
)

// exchange makes one table of those of several sides. All of it follows from
// the controls in their order, nothing from what a host knows by itself: so it
// ends alike everywhere, whatever a peer announces.
type exchange struct {
	// covered tells, by rank, who has been spoken for; left counts the others.
	covered []bool
	left    int
	// parts are announcements begun and not finished, by rank.
	parts []*assembly
	// heard are ranks whose announcement was finished or broken.
	heard []bool
	// sides are the announcements that count, in their order.
	sides []*side
	// entries counts the members kept; short: there were more than EntriesMax.
	entries int
	short   bool
	// announced: this host has spoken.
	announced bool
}

// assembly is an announcement of which parts have come.
type assembly struct {
	parts     int
	speaksFor []int
	groups    []announced
	// name and id are of the group that came last.
	name string
	id   GroupViewID
}

// side is one table as announced.
type side struct {
	// first is the lowest rank that it covers, size their number.
	first, size int
	groups      []announced
}

func newExchange(size int) *exchange {
	return &exchange{
		covered: make([]bool, size), left: size,
		parts: make([]*assembly, size), heard: make([]bool, size),
	}
}

// skip takes it that those of bare have no groups.
func (x *exchange) skip(bare []bool) {
	for r, is := range bare {
		if is && !x.covered[r] {
			x.covered[r] = true
			x.left--
		}
	}
}

// Waiting gives the ranks of those whose groups are not known yet; none once
// the table is settled.
func (m *Machine) Waiting() []int {
	var ranks []int
	if x := m.exchange; x != nil {
		for r, covered := range x.covered {
			if !covered {
				ranks = append(ranks, r)
			}
		}
	}
	return ranks
}

// maybeAnnounce speaks for this host's side if it is the first of it that has
// not been spoken for: at the install the first of all, later the next one
// where the first broke its announcement.
func (m *Machine) maybeAnnounce() {
	x := m.exchange
	speaks := func(r int) bool { return m.side[r] && !x.covered[r] }
	var ranks []int
	for r := range m.side {
		if speaks(r) {
			ranks = append(ranks, r)
		}
	}
	if x.announced || len(ranks) == 0 || ranks[0] != m.rank {
		return
	}
	x.announced = true
	a := announcer{view: m.view.ID, ranks: m.ranks}
	a.begin(ranks)
	for _, name := range m.table.names() {
		a.group(m.table.groups[name], speaks)
	}
	m.out.flush()
	m.out.done = append(m.out.done, a.finish()...)
}

// handleAnnounce takes a part of an announcement. Behind a gap it is nothing:
// the next view begins with an exchange of its own.
func (m *Machine) handleAnnounce(origin int, k views.Position, transitional bool, r *reader) error {
	view := r.viewID()
	x := m.exchange
	switch {
	case transitional || (!r.failed && view != m.view.ID):
		return fmt.Errorf("%w: announcement", ErrStale)
	case x == nil || x.heard[origin]:
		return fmt.Errorf("%w: announcement of rank %d", ErrUnexpected, origin)
	}
	p := r.part(len(m.side))
	a := x.assemble(origin, p)
	if !r.failed && a != nil && x.take(a, r.announced(&m.table, m.view.Members), m) && !r.failed {
		if p.last {
			x.cover(origin, a, m.ranks)
			m.exchanged(k)
		}
		return nil
	}
	x.breakOff(origin)
	m.exchanged(k)
	return fmt.Errorf("%w: announcement of rank %d", ErrMalformed, origin)
}

// assemble gives the announcement that p goes on with, or nil where it does not.
func (x *exchange) assemble(origin int, p part) *assembly {
	a := x.parts[origin]
	switch {
	case p.n == 0 && a == nil && slices.Contains(p.speaksFor, origin):
		a = &assembly{speaksFor: p.speaksFor}
		x.parts[origin] = a
	case a == nil || p.n != a.parts:
		return nil
	}
	a.parts++
	return a
}

// take adds groups to an announcement. It reports whether they may follow:
// names rise, only the first group of a part may go on with the last one of the
// part before.
func (x *exchange) take(a *assembly, groups []announced, m *Machine) bool {
	for i := range groups {
		g := &groups[i]
		if g.id.Compare(GroupViewID{View: m.view.ID, K: 1}) >= 0 || !a.speaksForAll(g.members, m.ranks) {
			return false
		}
		goesOn := i == 0 && a.name == g.name && a.id == g.id
		if !goesOn && a.name >= g.name {
			return false
		}
		a.name, a.id = g.name, g.id
		x.keep(a, g)
	}
	return true
}

// keep adds members of a group to an announcement as long as there is room.
func (x *exchange) keep(a *assembly, g *announced) {
	last := len(a.groups) - 1
	goesOn := last >= 0 && a.groups[last].name == g.name
	room := EntriesMax - x.entries
	if goesOn {
		room = min(room, GroupMembersMax-len(a.groups[last].members))
	}
	if room < len(g.members) {
		x.short, g.changed = true, true
		g.members = g.members[:max(room, 0)]
	}
	x.entries += len(g.members)
	switch {
	case goesOn:
		was := &a.groups[last]
		was.members = append(was.members, g.members...)
		was.changed = was.changed || g.changed
	case len(g.members) > 0:
		a.groups = append(a.groups, *g)
	}
}

func (a *assembly) speaksForAll(members []Member, ranks map[views.Process]int) bool {
	for i := range members {
		if _, ok := slices.BinarySearch(a.speaksFor, ranks[members[i].Process]); !ok {
			return false
		}
	}
	return true
}

// cover lets a finished announcement count, for those of its ranks that nobody
// has spoken for.
func (x *exchange) cover(origin int, a *assembly, ranks map[views.Process]int) {
	x.heard[origin], x.parts[origin] = true, nil
	size := 0
	mine := make([]bool, len(x.covered))
	for _, r := range a.speaksFor {
		if !x.covered[r] {
			x.covered[r], mine[r] = true, true
			size++
		}
	}
	for i := range a.groups {
		g := &a.groups[i]
		was := len(g.members)
		g.members = slices.DeleteFunc(g.members, func(mb Member) bool { return !mine[ranks[mb.Process]] })
		g.changed = g.changed || len(g.members) < was
		x.entries -= was - len(g.members)
	}
	if size > 0 {
		x.left -= size
		x.sides = append(x.sides, &side{first: slices.Index(mine, true), size: size, groups: a.groups})
	}
}

// breakOff ends an announcement that is no good: its host counts as spoken for,
// without groups, so that the others need not wait. It mends that by itself.
func (x *exchange) breakOff(origin int) {
	if a := x.parts[origin]; a != nil {
		for i := range a.groups {
			x.entries -= len(a.groups[i].members)
		}
	}
	x.heard[origin], x.parts[origin] = true, nil
	if !x.covered[origin] {
		x.covered[origin] = true
		x.left--
	}
}

// exchanged goes on after an announcement has ended: with the union if it was
// the last one wanted.
func (m *Machine) exchanged(k views.Position) {
	if m.exchange.left > 0 {
		m.maybeAnnounce()
		return
	}
	m.unite(k)
}
