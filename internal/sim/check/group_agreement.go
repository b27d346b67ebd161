package check

import (
	"slices"

	"github.com/gmsd/gmsd/views/trace"
)

// checkGroupAgreement is GV1: one group view id, one member list, in one order.
func (c *Checker) checkGroupAgreement(l *life, g *groupView, e *trace.GroupView) {
	c.count(GroupAgreement)
	if !slices.Equal(g.members, e.Members) {
		c.fail(GroupAgreement, l.viewID(), []*proc{l.proc, g.by}, "view %s of %q has members %s at one, %s at the other",
			c.groupID(e.ID), g.group, c.portNames(e.Members), c.portNames(g.members))
	}
}
