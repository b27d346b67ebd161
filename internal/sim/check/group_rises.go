package check

import (
	"cmp"
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// checkGroupRises is GV2: at each port that was in a view, the next one has a
// higher id and names the one before it; what stands still was told before.
func (c *Checker) checkGroupRises(l *life, s *groupStay, g *groupView, e *trace.GroupView) {
	c.count(GroupRises)
	joins := e.Prev == trace.GroupID{}
	for _, port := range e.Ports {
		c.count(GroupRises)
		had := s != nil && slices.Contains(s.ports, port)
		switch {
		case !joins && (!had || compareGroupIDs(e.Prev, s.cur.id) != 0):
			c.fail(GroupRises, l.viewID(), []*proc{l.proc}, "port %d of %q comes from %s, in which it was not", port, e.Group, c.groupID(e.Prev))
		case had && s.cur == g:
			c.fail(GroupRises, l.viewID(), []*proc{l.proc}, "port %d of %q is given view %s a second time", port, e.Group, c.groupID(e.ID))
		case had && compareGroupIDs(s.cur.id, e.ID) >= 0:
			c.fail(GroupRises, l.viewID(), []*proc{l.proc}, "port %d of %q goes from %s to %s", port, e.Group, c.groupID(s.cur.id), c.groupID(e.ID))
		}
	}
}

// compareGroupIDs orders as groups.GroupViewID does; incarnations are not in logs.
func compareGroupIDs(a, b trace.GroupID) int {
	switch {
	case sameID(a.View, b.View):
		return cmp.Or(cmp.Compare(a.K, b.K), cmp.Compare(a.Side, b.Side))
	case a.View.Less(b.View):
		return -1
	}
	return 1
}

// groupID gives "3@a/7", with "/2" behind it for a side.
func (c *Checker) groupID(id trace.GroupID) string {
	if id.View == (views.ViewID{}) {
		return "none"
	}
	text := c.viewName(id.View) + "/" + decimal(uint64(id.K))
	if id.Side != 0 {
		text += "/" + decimal(uint64(id.Side))
	}
	return text
}
