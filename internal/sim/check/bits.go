package check

import (
	"slices"

	"github.com/gmsd/gmsd/views"
)

// setBits applies an ordered change; the view's own list stays as installed.
func (s *visit) setBits(rank int, b views.Bits) {
	if s.bits == nil {
		s.bits = slices.Clone(s.view.bits)
	}
	s.bits[rank] = b
}

func (s *visit) bitsOf(rank int) views.Bits {
	if s.bits == nil {
		return s.view.bits[rank]
	}
	return s.bits[rank]
}

// checkBitsCarried is B3: the next view begins with the bits with which this
// one ended, for all who come along. It is judged at the first host that takes
// the step; that the others ended alike is P14, that they begin alike P3.
func (c *Checker) checkBitsCarried(old *visit, v *view, s *step) {
	c.count(BitsCarried)
	for rank, m := range old.view.members {
		if _, in := slices.BinarySearchFunc(s.trans, m.Host, views.HostID.Compare); !in {
			continue
		}
		if now := v.rankOf(m); now >= 0 && v.bits[now] != old.bitsOf(rank) {
			c.fail(BitsCarried, v.id, []*proc{old.life.proc, m}, "bits of %s were %s at the end of %s and are installed as %s",
				m, old.bitsOf(rank), c.viewName(old.view.id), v.bits[now])
			return
		}
	}
}
