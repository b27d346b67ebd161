package check

import (
	"slices"

	"github.com/gmsd/gmsd/views/trace"
)

// checkNewGroupTrans is GV4 for the first that takes a step: those said to come
// along are in both views, and nobody says that one came from elsewhere.
func (c *Checker) checkNewGroupTrans(l *life, st *groupStep) {
	c.count(GroupTransitional)
	if st.to.cameBy == nil {
		st.to.cameBy = make(map[trace.Port]*groupStep)
	}
	for _, m := range st.trans {
		if !slices.Contains(st.from.members, m) || !slices.Contains(st.to.members, m) {
			c.fail(GroupTransitional, l.viewID(), []*proc{l.proc}, "%s is said to come along from %s to %s of %q, and is not in both",
				c.portNames([]trace.Port{m}), c.groupID(st.from.id), c.groupID(st.to.id), st.to.group)
		}
		if other := st.to.cameBy[m]; other != nil && other != st {
			c.failGroupWays(l, st, other, m)
			continue
		}
		st.to.cameBy[m] = st
	}
}

func (c *Checker) failGroupWays(l *life, st, other *groupStep, m trace.Port) {
	c.fail(GroupTransitional, l.viewID(), []*proc{l.proc, other.first}, "%s comes to view %s of %q from %s, and is said to come from %s",
		c.portNames([]trace.Port{m}), c.groupID(st.to.id), st.to.group, c.groupID(st.from.id), c.groupID(other.from.id))
}

// checkSameGroupTrans is GV4 for those who take it after others: the set is the same.
func (c *Checker) checkSameGroupTrans(l *life, st *groupStep, e *trace.GroupView) {
	c.count(GroupTransitional)
	if !slices.Equal(st.trans, e.Trans) {
		c.fail(GroupTransitional, l.viewID(), []*proc{l.proc, st.first}, "both come from %s to %s of %q, with %s and with %s",
			c.groupID(st.from.id), c.groupID(st.to.id), e.Group, c.portNames(e.Trans), c.portNames(st.trans))
	}
}

// checkGroupComers: who takes a step was said to take it.
func (c *Checker) checkGroupComers(l *life, st *groupStep, e *trace.GroupView) {
	for _, port := range e.Ports {
		m, in := st.to.member(l.proc.Process, port)
		if !in {
			continue // GV3
		}
		switch by := st.to.cameBy[m]; {
		case by == nil:
			c.fail(GroupTransitional, l.viewID(), []*proc{l.proc, st.first}, "port %d comes to view %s of %q from %s, and is not in its own transitional set",
				port, c.groupID(e.ID), e.Group, c.groupID(st.from.id))
		case by != st:
			c.failGroupWays(l, st, by, m)
		}
	}
}

// checkGroupJoiner: who joins comes from nowhere, with itself alone.
func (c *Checker) checkGroupJoiner(l *life, g *groupView, e *trace.GroupView) {
	c.count(GroupTransitional)
	for _, port := range e.Ports {
		m, _ := g.member(l.proc.Process, port)
		if len(e.Trans) != 1 || e.Trans[0] != m {
			c.fail(GroupTransitional, l.viewID(), []*proc{l.proc}, "port %d joins %q, with %s", port, e.Group, c.portNames(e.Trans))
		}
		if by := g.cameBy[m]; by != nil {
			c.fail(GroupTransitional, l.viewID(), []*proc{l.proc, by.first}, "port %d joins %q with view %s, and is said to come from %s",
				port, e.Group, c.groupID(e.ID), c.groupID(by.from.id))
		}
	}
}
