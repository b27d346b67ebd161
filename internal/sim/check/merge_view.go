package check

import (
	"slices"

	"github.com/gmsd/gmsd/views"
)

// checkSubgroups is the part of P6 that needs only the view: subgroups are
// disjoint and cover the members. That each installer came from the view its
// subgroup names is checked with the chain (V2).
func (c *Checker) checkSubgroups(l *life, v *view) {
	if v.initial {
		return
	}
	c.count(MergeView)
	me := []*proc{l.proc}
	covered := map[views.HostID]bool{}
	for _, g := range v.subgroups {
		for _, h := range g.hosts {
			if covered[h] {
				c.fail(MergeView, v.id, me, "%s is in two subgroups", c.hostName(h))
			}
			covered[h] = true
		}
	}
	for _, m := range v.members {
		if !covered[m.Host] {
			c.fail(MergeView, v.id, []*proc{l.proc, m}, "%s is in no subgroup", m)
		}
		delete(covered, m.Host)
	}
	if len(covered) > 0 {
		c.fail(MergeView, v.id, me, "a subgroup lists %d hosts that are no members", len(covered))
	}
	if v.kind == views.Merge && len(v.subgroups) < 2 {
		c.fail(MergeView, v.id, me, "a merge of %d subgroups", len(v.subgroups))
	}
}

// checkCameFrom: the subgroup of an installer is named by the view it was in.
func (c *Checker) checkCameFrom(l *life, v *view) {
	for _, g := range v.subgroups {
		if !slices.Contains(g.hosts, l.proc.Host) {
			continue
		}
		if !sameID(g.id, l.cur.view.id) {
			c.fail(MergeView, v.id, []*proc{l.proc}, "its subgroup is said to come from %s, it comes from %s", c.viewName(g.id), c.viewName(l.cur.view.id))
		}
		return
	}
}

// checkMergeChurn: without a fault nobody merges the same members twice in a row.
func (c *Checker) checkMergeChurn(l *life, old *visit, v *view) {
	if v.kind != views.Merge || old.view.kind != views.Merge || !slices.Equal(v.members, old.view.members) {
		return
	}
	if !c.harness || c.disturbed(old.installedAt) {
		c.excuse(MergeView)
		return
	}
	c.fail(MergeView, v.id, []*proc{l.proc}, "merges the same members as %s before it, without a fault", c.viewName(old.view.id))
}
