package check

import (
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// safeDelivery is a message that somebody delivered as safe.
type safeDelivery struct {
	ref   msgRef
	group string
	k     views.Position
	by    *visit
}

// noteSafe remembers a message that is delivered as safe. In the transitional part
// the promise is virtual synchrony's own.
func (c *Checker) noteSafe(visit *visit, ref msgRef, group string, k views.Position, transitional bool) {
	v := visit.view
	if transitional || v.retired {
		c.excuse(SafeDelivery)
		return
	}
	c.count(SafeDelivery)
	if n := len(v.safe); n == 0 || v.safe[n-1].k < k { // who is behind delivers what is known
		v.safe = append(v.safe, safeDelivery{ref, group, k, visit})
	}
}

// checkSafe is P21, when nobody is in a view any more: what was delivered as safe
// was delivered by all who left it alive. Of a light group, by all who had members
// of it then.
func (c *Checker) checkSafe(v *view) {
	for i := range v.safe {
		m := &v.safe[i]
		_, light := c.light[m.group]
		for _, other := range v.visits {
			if other.next == nil || other.delivers(m.ref) || light && !v.concerns(m, other) {
				continue
			}
			c.fail(SafeDelivery, v.id, []*proc{m.by.life.proc, other.life.proc},
				"%s is delivered as safe, and one who was in the view has left it without", v.describe(m.ref))
			return
		}
	}
}

// concerns reports whether a visit's host had members of the group of a safe
// message at its place. Others may know that it had none any more, where it missed
// that: what they were told last counts.
func (v *view) concerns(m *safeDelivery, other *visit) bool {
	last, known, in := views.Position(0), false, false
	for key, g := range v.groups {
		if key.group != m.group || key.k >= m.k || known && key.k < last {
			continue
		}
		has := g.hasHost(other.life.proc.Process)
		in = has || in && known && key.k == last // the sides of one install
		last, known = key.k, true
	}
	if known {
		return in
	}
	return other.hadMembers(m.group, m.k)
}

func (g *groupView) hasHost(p views.Process) bool {
	return slices.ContainsFunc(g.members, func(m trace.Port) bool { return m.Process == p })
}

// delivers reports whether a visit has delivered a message.
func (s *visit) delivers(ref msgRef) bool {
	lane := int(ref >> 32)
	u := s.cursor(lane/classes, lane%classes)
	return u.holds(uint32(ref))
}
