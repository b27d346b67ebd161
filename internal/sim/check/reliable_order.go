package check

import "slices"

// checkReliable is P20: where p delivered m' outside its transitional part, it
// delivered before m' all that any q delivered before m'. Those who follow the
// reference list stand for each other; holders are the visits that left it.
func (c *Checker) checkReliable(v *view, holders []*visit) {
	var along *visit
	for _, s := range v.visits {
		if s.own == nil && (along == nil || s.refPos > along.refPos) {
			along = s
		}
	}
	all := distinct(holders)
	if along != nil {
		all = append(all, along)
	}
	for _, p := range all {
		firm := placesOf(p.list()[:p.firm])
		for _, q := range all {
			if p != q && !c.checkReliablePair(v, p, q, firm) {
				return
			}
		}
	}
}

// distinct keeps one of those who delivered the same, up to the same mark:
// all that leave a view together.
func distinct(visits []*visit) []*visit {
	var kept []*visit
	for _, s := range visits {
		same := func(k *visit) bool { return k.firm == s.firm && slices.Equal(k.own, s.own) }
		if !slices.ContainsFunc(kept, same) {
			kept = append(kept, s)
		}
	}
	return kept
}

// checkReliablePair walks q's sequence: once q delivered something that p had
// not placed before, nothing later of q may stand in p's firm part.
func (c *Checker) checkReliablePair(v *view, p, q *visit, firm map[msgRef]int) bool {
	c.count(ReliableOrder)
	missing, highest, top := noRef, -1, noRef
	for _, ref := range q.list() {
		place, in := firm[ref]
		switch {
		case !in:
			if missing == noRef {
				missing = ref
			}
		case missing != noRef:
			c.fail(ReliableOrder, v.id, []*proc{p.life.proc, q.life.proc}, "%s delivered %s before %s, %s delivered %s without it",
				q.life.proc, v.describe(missing), v.describe(ref), p.life.proc, v.describe(ref))
			return false
		case place < highest:
			c.fail(ReliableOrder, v.id, []*proc{p.life.proc, q.life.proc}, "%s delivered %s before %s, %s after it",
				q.life.proc, v.describe(top), v.describe(ref), p.life.proc)
			return false
		default:
			highest, top = place, ref
		}
	}
	return true
}
