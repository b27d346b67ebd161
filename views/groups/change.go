package groups

import (
	"fmt"
	"slices"

	"github.com/gmsd/gmsd/views"
)

// change is a new membership that waits until the members that stay have stopped
// sending in the old one. What is agreed meanwhile goes into the same one.
type change struct {
	// k is the place at which it began: its name within the host view.
	k views.Position
	// awaiting are the ranks that have not said Ready.
	awaiting []int
	// asked are the local ports that have not answered; blocks: some port of the
	// group is asked, so that a view must follow.
	asked  []uint32
	blocks bool
	// quiet: this host holds back what its ports send in FIFO order; drained: what
	// they sent before is on its way.
	quiet, drained bool
}

// openChange begins a change where members stay: their hosts stop sending, the
// ports that want it are asked first.
func (m *Machine) openChange(g *group, k views.Position) bool {
	c := &change{k: k}
	for i := range g.members {
		mb := &g.members[i]
		if g.parted(mb) {
			continue
		}
		r := m.ranks[mb.Process]
		if !slices.Contains(c.awaiting, r) {
			c.awaiting = append(c.awaiting, r)
		}
		c.blocks = c.blocks || mb.Block
		if r == m.rank && mb.Block && m.local.wants(mb, g.name) {
			c.asked = append(c.asked, mb.Port)
		}
	}
	if len(c.awaiting) == 0 {
		return false
	}
	g.change = c
	if len(c.asked) > 0 {
		m.events = append(m.events, Block{Group: g.name, Ports: slices.Clone(c.asked)})
	}
	m.maybeQuiesce(g)
	return true
}

// maybeQuiesce has the driver hold back what the ports of this host send to a
// group, once none of them has to be asked any more.
func (m *Machine) maybeQuiesce(g *group) {
	c := g.change
	if len(c.asked) == 0 && !c.quiet && slices.Contains(c.awaiting, m.rank) {
		c.quiet = true
		m.events = append(m.events, Quiesce{Group: g.name})
	}
}

// Drained says that what the ports of this host sent to a group in FIFO order
// before a [Quiesce] is on its way. It reports whether that was waited for.
func (m *Machine) Drained(name string) bool {
	g := m.table.groups[name]
	if g == nil || g.change == nil || !g.change.quiet || g.change.drained {
		return false
	}
	g.change.drained = true
	m.sayReady(g)
	return true
}

// endChange ends the change of a group with the view that id names, and lets the
// ports of this host go on sending.
func (m *Machine) endChange(g *group, id GroupViewID) {
	c := g.change
	g.change = nil
	m.install(g, id, c.blocks)
	if c.quiet {
		m.events = append(m.events, Resume{Group: g.name})
	}
}

// parted reports whether an installed member is on its way out.
func (g *group) parted(mb *Member) bool {
	return slices.ContainsFunc(g.gone, func(d Departure) bool { return d.is(mb) })
}

// sayReady tells the others that the ports of this host have stopped.
func (m *Machine) sayReady(g *group) {
	m.out.ready(m.view.ID, g.name, g.change.k)
}

// answered notes that a local port has stopped or is out. It reports whether
// the port was asked.
func (m *Machine) answered(g *group, port uint32) bool {
	if g == nil || g.change == nil {
		return false
	}
	i := slices.Index(g.change.asked, port)
	if i < 0 {
		return false
	}
	g.change.asked = slices.Delete(g.change.asked, i, i+1)
	m.maybeQuiesce(g)
	return true
}

// handleReady installs the changes for which nobody is awaited any more.
// Behind a gap it is nothing: the next install ends all changes.
func (m *Machine) handleReady(origin int, k views.Position, transitional bool, r *reader) error {
	view, answers, ok := r.readies()
	switch {
	case !ok:
		return fmt.Errorf("%w: ready", ErrMalformed)
	case transitional || view != m.view.ID:
		return fmt.Errorf("%w: ready", ErrStale)
	}
	unknown := 0
	for _, a := range answers {
		if !m.readyOf(origin, k, a) {
			unknown++
		}
	}
	if unknown > 0 {
		return fmt.Errorf("%w: %d of %d ready", ErrUnexpected, unknown, len(answers))
	}
	return nil
}

func (m *Machine) readyOf(origin int, k views.Position, a readiness) bool {
	g := m.table.groups[a.group]
	if g == nil || g.change == nil || g.change.k != a.k {
		return false
	}
	i := slices.Index(g.change.awaiting, origin)
	if i < 0 {
		return false
	}
	g.change.awaiting = slices.Delete(g.change.awaiting, i, i+1)
	if len(g.change.awaiting) == 0 {
		m.endChange(g, GroupViewID{View: m.view.ID, K: k})
	}
	return true
}
