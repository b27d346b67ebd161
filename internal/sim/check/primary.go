package check

import (
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// primary takes a primary event in: an ordered fact, and P7.
func (c *Checker) primary(l *life, e *trace.Primary) {
	visit := c.orderedIn(l, e.View, "primary")
	if visit == nil {
		return
	}
	var synced uint64
	for _, h := range e.Synced {
		synced += mix(uint64(c.hostOf(h).index) + 1)
	}
	c.checkUnmarkedPlace(visit, e.K)
	c.checkItem(visit, e.K, item{
		kind: itemPrimary, by: l.proc, on: e.Primary, epoch: e.Epoch, metaIndex: e.MetaIndex, syncedSum: synced,
	})
	visit.ordered += mix(uint64(e.K)<<16 | 1)
	if e.Primary {
		c.checkLineage(l, visit.view, e.Epoch)
	}
}

// checkLineage is P7: the views that are primary under one epoch grow out of
// each other, none lost a member on the way, or a new epoch would have been due.
func (c *Checker) checkLineage(l *life, v *view, epoch views.Epoch) {
	c.count(PrimaryUniqueness)
	if h := l.proc.host; epoch < h.epoch {
		c.fail(PrimaryUniqueness, v.id, []*proc{l.proc}, "is primary under epoch %d after epoch %d", epoch, h.epoch)
	} else {
		h.epoch = epoch
	}
	if slices.Contains(c.epochs[epoch], v) {
		return
	}
	for _, other := range c.epochs[epoch] {
		early, late := other, v
		if late.id.Less(early.id) {
			early, late = late, early
		}
		for _, m := range early.members {
			if !late.has(m.host) {
				c.fail(PrimaryUniqueness, v.id, []*proc{l.proc, m}, "%s and %s are primary under one epoch, %d, though %s is only in the first",
					c.viewName(early.id), c.viewName(late.id), epoch, m)
				return
			}
		}
	}
	c.epochs[epoch] = append(c.epochs[epoch], v)
}
