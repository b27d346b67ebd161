package check

// checkSameDelivered is P14: who takes a step has delivered what the first one
// that took it had. Ordered facts (bits, primary) count like messages.
func (c *Checker) checkSameDelivered(visit *visit, s *step) {
	if s.first == nil {
		return
	}
	if visit.delivered+s.first.delivered > 0 || visit.ordered|s.first.ordered != 0 {
		c.count(VirtualSynchrony)
	}
	if visit.sum == s.first.sum && visit.delivered == s.first.delivered {
		if visit.ordered != s.first.ordered {
			c.fail(VirtualSynchrony, s.from.id, []*proc{visit.life.proc, s.first.life.proc},
				"both install %s next, and saw different ordered changes before", c.viewName(s.to.id))
		}
		return
	}
	has, lacks, missed := visit, s.first, firstDifference(visit, s.first)
	if missed == noRef {
		has, lacks, missed = s.first, visit, firstDifference(s.first, visit)
	}
	what := "something"
	if missed != noRef {
		what = s.from.describe(missed)
	}
	c.fail(VirtualSynchrony, s.from.id, []*proc{has.life.proc, lacks.life.proc}, "both install %s next; %s delivered %s, %s did not",
		c.viewName(s.to.id), has.life.proc, what, lacks.life.proc)
}

const noRef = ^msgRef(0)

// firstDifference gives the first message that a has and b lacks, by sender
// and place, or noRef.
func firstDifference(a, b *visit) msgRef {
	for lane := range a.cursors {
		slot, class := lane/classes, lane%classes
		other := b.cursor(slot, class)
		mine := &a.cursors[lane]
		if mine.next == other.next && len(mine.skipped) == 0 && len(other.skipped) == 0 {
			continue
		}
		for place := range mine.next {
			if mine.holds(place) && !other.holds(place) {
				return makeRef(slot, class, place)
			}
		}
	}
	return noRef
}
