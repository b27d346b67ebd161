package check

import (
	"maps"
	"slices"
)

// checkGroupsSettled is GV7, at the end of a stable window: the ports of a
// component that are in a group are in one view of it, and it holds just them.
func (c *Checker) checkGroupsSettled(hosts []*host) {
	ports := make(map[string]int)
	views := make(map[string]*groupView)
	for _, h := range hosts {
		l := h.living()
		if l == nil {
			continue
		}
		for _, group := range slices.Sorted(maps.Keys(l.groups)) {
			s := l.groups[group]
			c.count(GroupSettled)
			ports[group] += len(s.ports) + len(s.behind)
			first := views[group]
			switch {
			case first == nil:
				views[group] = s.cur
			case first != s.cur:
				c.fail(GroupSettled, l.viewID(), []*proc{l.proc, first.by}, "in the stable window ports of %q are in views %s and %s",
					group, c.groupID(s.cur.id), c.groupID(first.id))
			}
		}
	}
	for _, group := range slices.Sorted(maps.Keys(views)) {
		if g := views[group]; ports[group] != len(g.members) {
			c.fail(GroupSettled, g.id.View, []*proc{g.by}, "in the stable window %d ports are in %q, and its view holds %s",
				ports[group], group, c.portNames(g.members))
		}
	}
}
