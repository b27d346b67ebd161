package check

import "slices"

// follow keeps the order in which a visit delivers agreed messages. As long as
// it follows the view's reference list there is nothing to store; the first
// host to be ahead extends that list. Whoever leaves it, and every transitional
// delivery does, gets a list of its own.
func (c *Checker) follow(s *visit, ref msgRef, transitional bool) {
	v := s.view
	if s.own == nil && !transitional {
		switch {
		case s.refPos == len(v.ref):
			v.ref = append(v.ref, ref)
			s.refPos++
			s.firm = s.refPos
			return
		case v.ref[s.refPos] == ref:
			s.refPos++
			s.firm = s.refPos
			return
		}
	}
	if s.own == nil {
		s.own = append(make([]msgRef, 0, s.refPos+8), v.ref[:s.refPos]...)
		v.parted = true
	}
	s.own = append(s.own, ref)
	if !transitional {
		s.firm = len(s.own)
	}
}

// list gives what a visit delivered of the agreed order.
func (s *visit) list() []msgRef {
	if s.own != nil {
		return s.own
	}
	return s.view.ref[:s.refPos]
}

// checkOrder judges P19 and P20 when a view is over. Where nobody left the
// reference list both hold by construction: all sequences are its beginnings.
func (c *Checker) checkOrder(v *view) {
	if len(v.ref) > 0 && len(v.visits) > 1 {
		c.count(TotalOrder)
		c.count(ReliableOrder)
	}
	if !v.parted {
		return
	}
	lists := [][]msgRef{v.ref}
	var holders []*visit
	for _, s := range v.visits {
		if s.own != nil && !slices.ContainsFunc(lists, func(l []msgRef) bool { return slices.Equal(l, s.own) }) {
			lists = append(lists, s.own)
		}
		if s.own != nil {
			holders = append(holders, s)
		}
	}
	c.count(TotalOrder)
	c.checkAcyclic(v, lists)
	c.checkReliable(v, holders)
}

// checkAcyclic is P19: the edges of all sequences, whoever's component they
// were delivered in, have a common order. Messages are peeled off by their
// number of predecessors; what is left over lies on a cycle.
func (c *Checker) checkAcyclic(v *view, lists [][]msgRef) {
	next := map[msgRef][]msgRef{}
	before := map[msgRef]int{}
	for _, list := range lists {
		for i, ref := range list {
			before[ref] += 0
			if i > 0 && !slices.Contains(next[list[i-1]], ref) {
				next[list[i-1]] = append(next[list[i-1]], ref)
				before[ref]++
			}
		}
	}
	var free []msgRef
	for ref, n := range before {
		if n == 0 {
			free = append(free, ref)
		}
	}
	for len(free) > 0 {
		ref := free[len(free)-1]
		free = free[:len(free)-1]
		delete(before, ref)
		for _, to := range next[ref] {
			if before[to]--; before[to] == 0 {
				free = append(free, to)
			}
		}
	}
	if len(before) > 0 {
		c.reportCycle(v)
	}
}

// reportCycle looks for the shortest witness: two hosts and two messages
// delivered in opposite orders. A cycle of more than two is told as such.
func (c *Checker) reportCycle(v *view) {
	for i, a := range v.visits {
		at := placesOf(a.list())
		for _, b := range v.visits[i+1:] {
			if m1, m2, ok := swapped(at, b.list()); ok {
				c.fail(TotalOrder, v.id, []*proc{a.life.proc, b.life.proc}, "%s delivered %s before %s, %s after it",
					a.life.proc, v.describe(m2), v.describe(m1), b.life.proc)
				return
			}
		}
	}
	c.fail(TotalOrder, v.id, nil, "the delivery orders of more than two hosts form a cycle")
}

func placesOf(list []msgRef) map[msgRef]int {
	at := make(map[msgRef]int, len(list))
	for i, ref := range list {
		at[ref] = i
	}
	return at
}

// swapped finds neighbours among the common messages of list that stand the
// other way round in at.
func swapped(at map[msgRef]int, list []msgRef) (first, second msgRef, found bool) {
	last := noRef
	for _, ref := range list {
		if _, common := at[ref]; !common {
			continue
		}
		if last != noRef && at[ref] < at[last] {
			return last, ref, true
		}
		last = ref
	}
	return 0, 0, false
}
