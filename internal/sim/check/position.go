package check

import "github.com/gmsd/gmsd/views"

// checkPlace is K1, K3 and K4 for an agreed message: positions rise; outside
// the transitional part they do so by one, so nothing was left out; behind a gap
// all is marked transitional.
//
// A safe message of which not all who must are known to hold it is transitional,
// too, and what follows it.
func (c *Checker) checkPlace(visit *visit, k views.Position, order views.Order, transitional bool) {
	c.checkRise(visit, k)
	c.count(TransitionalGap)
	jump := k != visit.lastK+1
	switch {
	case transitional && !visit.gap && !jump && order != views.Safe:
		c.fail(TransitionalGap, visit.view.id, []*proc{visit.life.proc}, "position %d is transitional without a gap before it", k)
	case !transitional && visit.gap:
		c.fail(TransitionalGap, visit.view.id, []*proc{visit.life.proc}, "position %d stands behind a gap and is not transitional", k)
	case !transitional && jump && k > visit.lastK:
		c.fail(TransitionalGap, visit.view.id, []*proc{visit.life.proc}, "position %d follows %d and is not transitional", k, visit.lastK)
	}
	visit.gap = visit.gap || transitional
	visit.lastK = max(visit.lastK, k)
}

// checkUnmarkedPlace is the same for ordered facts, which carry no mark: a gap
// is possible during the flush only.
func (c *Checker) checkUnmarkedPlace(visit *visit, k views.Position) {
	c.checkRise(visit, k)
	c.count(TransitionalGap)
	if k > visit.lastK+1 {
		if visit.life.phase != phaseBlocked {
			c.fail(TransitionalGap, visit.view.id, []*proc{visit.life.proc}, "position %d follows %d outside a flush", k, visit.lastK)
		}
		visit.gap = true
	}
	visit.lastK = max(visit.lastK, k)
}

func (c *Checker) checkRise(visit *visit, k views.Position) {
	c.count(PositionClass)
	c.count(PositionRises)
	switch {
	case k == 0:
		c.fail(PositionClass, visit.view.id, []*proc{visit.life.proc}, "an ordered event has no position")
	case k <= visit.lastK:
		c.fail(PositionRises, visit.view.id, []*proc{visit.life.proc}, "position %d after %d", k, visit.lastK)
	}
}

// itemsAhead bounds how far beyond the known positions one is remembered: a
// damaged log must not take all memory.
const itemsAhead = 1 << 16

// checkItem is K2, B1 and the primary half of P3: one position, one thing.
func (c *Checker) checkItem(visit *visit, k views.Position, it item) {
	v := visit.view
	if k == 0 || v.retired || uint64(k) > uint64(len(v.items)+itemsAhead) {
		return
	}
	for uint64(len(v.items)) < uint64(k) {
		v.items = append(v.items, item{})
	}
	known := &v.items[k-1]
	switch {
	case known.kind == itemNone:
		*known = it
		return
	case known.kind != it.kind:
		c.fail(PositionUnique, v.id, []*proc{it.by, known.by}, "position %d holds things of different kinds", k)
		return
	}
	c.compareItems(v, k, known, &it)
}

func (c *Checker) compareItems(v *view, k views.Position, known, it *item) {
	switch it.kind {
	case itemMessage:
		c.count(PositionUnique)
		if it.msg != known.msg {
			c.fail(PositionUnique, v.id, []*proc{it.by, known.by}, "position %d holds %s at one, %s at the other", k, c.msgName(it.msg), c.msgName(known.msg))
		}
	case itemBits:
		c.count(BitsAgree)
		if it.who != known.who || it.bits != known.bits {
			c.fail(BitsAgree, v.id, []*proc{it.by, known.by}, "position %d sets %s to %s at one, %s to %s at the other", k, it.who.name, it.bits, known.who.name, known.bits)
		}
	case itemPrimary:
		c.count(ViewAgreement)
		if it.on != known.on || it.epoch != known.epoch || it.metaIndex != known.metaIndex || it.syncedSum != known.syncedSum {
			c.fail(ViewAgreement, v.id, []*proc{it.by, known.by}, "primary at position %d: epoch %d index %d at one, epoch %d index %d at the other",
				k, it.epoch, it.metaIndex, known.epoch, known.metaIndex)
		}
	case itemNone:
	}
}
