package check

import (
	"slices"

	"github.com/gmsd/gmsd/views"
)

// sortedHosts gives a sorted copy.
func sortedHosts(hosts []views.HostID) []views.HostID {
	out := slices.Clone(hosts)
	slices.SortFunc(out, views.HostID.Compare)
	return out
}

// checkNewTransitionalSet is P9 for the first host that takes a step from one
// view to another: its set lies in both views, in one incarnation each, it is the
// subgroup that comes from there, and nobody in it was claimed by another.
func (c *Checker) checkNewTransitionalSet(old *visit, s *step) {
	c.count(TransitionalSet)
	me := old.life.proc
	if _, in := slices.BinarySearchFunc(s.trans, me.Host, views.HostID.Compare); !in {
		c.fail(TransitionalSet, s.to.id, []*proc{me}, "it is not in its own transitional set")
	}
	for i, m := range s.to.members {
		if _, in := slices.BinarySearchFunc(s.trans, m.Host, views.HostID.Compare); !in {
			continue
		}
		if s.from.rankOf(m) < 0 {
			c.fail(TransitionalSet, s.to.id, []*proc{me, m}, "%s is in the transitional set, and was not in %s", m, c.viewName(s.from.id))
		}
		if other := s.to.cameFrom[i]; other != nil && other != s {
			c.fail(TransitionalSet, s.to.id, []*proc{me, other.firstProc(old), m}, "%s is in the transitional sets of two hosts that come from %s and %s",
				m, c.viewName(s.from.id), c.viewName(other.from.id))
			continue
		}
		s.to.cameFrom[i] = s
	}
	c.checkTransIsSubgroup(me, s)
}

// checkTransIsSubgroup: the set is exactly the subgroup from the old view.
func (c *Checker) checkTransIsSubgroup(me *proc, s *step) {
	for _, h := range s.trans {
		if !s.to.has(c.hostOf(h)) {
			c.fail(TransitionalSet, s.to.id, []*proc{me}, "%s is in the transitional set and not in the view", c.hostName(h))
		}
	}
	for _, g := range s.to.subgroups {
		if sameID(g.id, s.from.id) && !slices.Equal(sortedHosts(g.hosts), s.trans) {
			c.fail(TransitionalSet, s.to.id, []*proc{me}, "the transitional set is not the subgroup that comes from %s", c.viewName(s.from.id))
			return
		}
	}
}

// checkSameTransitionalSet is P9 for those who take a step after others: they
// have the same set.
func (c *Checker) checkSameTransitionalSet(old *visit, s *step, trans []views.HostID) {
	c.count(TransitionalSet)
	if !slices.Equal(trans, s.trans) {
		c.fail(TransitionalSet, s.to.id, []*proc{old.life.proc, s.firstProc(old)}, "both come from %s, with different transitional sets", c.viewName(s.from.id))
	}
}

// checkCameBy: nobody who comes from elsewhere was in a transitional set.
func (c *Checker) checkCameBy(old *visit, s *step) {
	rank := s.to.rankOf(old.life.proc)
	if rank < 0 {
		return
	}
	if by := s.to.cameFrom[rank]; by != nil && by != s {
		c.fail(TransitionalSet, s.to.id, []*proc{old.life.proc, by.firstProc(old)}, "comes from %s and is in a transitional set of those from %s",
			c.viewName(s.from.id), c.viewName(by.from.id))
	}
}

// firstProc names who took the step first, or the asker where that is gone.
func (s *step) firstProc(asker *visit) *proc {
	if s.first == nil {
		return asker.life.proc
	}
	return s.first.life.proc
}
