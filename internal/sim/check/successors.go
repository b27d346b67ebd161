package check

import (
	"slices"

	"github.com/gmsd/gmsd/views"
)

// checkSuccessors is P15, judged when a view is over: whom those who went on
// counted among them went the same way.
//
// Two generals: A decides W and installs it; before B hears of it A is cut off.
// Nothing can make B install W then. So the property binds a pair of which
// neither crashed or was faulty from the time the first member blocked until B
// went elsewhere. Where the one who decided W was, it binds only if A had
// installed W before B went: then A could tell. All other deviations are counted
// as excused.
func (c *Checker) checkSuccessors(v *view) {
	if len(v.next) == 0 {
		return
	}
	for _, s := range v.next {
		c.count(Successors)
		if len(v.next) == 1 && s.alone() {
			continue
		}
		for _, b := range v.visits {
			if b.next == s.to || !s.counts(b.life.proc.Host) {
				continue
			}
			if b.next == nil {
				// It crashed, or stands there still: L1 says whether it may.
				c.excuse(Successors)
				continue
			}
			c.checkDeserter(v, s, b)
		}
	}
}

// alone reports whether only the host that took the step was counted in it.
func (s *step) alone() bool { return len(s.trans) == 1 }

func (s *step) counts(h views.HostID) bool {
	_, in := slices.BinarySearchFunc(s.trans, h, views.HostID.Compare)
	return in
}

// checkDeserter judges b, who was counted in s and went elsewhere.
func (c *Checker) checkDeserter(v *view, s *step, b *visit) {
	from := v.blockedAt
	if from == 0 || b.installedAt > from {
		from = b.installedAt
	}
	if !c.harness || c.faulty(b.life, from, b.leftAt) {
		c.excuse(Successors)
		return
	}
	deciderFaulty := len(s.to.members) > 0 && slices.ContainsFunc(s.to.members[0].lives, func(l *life) bool { return c.faulty(l, from, b.leftAt) })
	for _, a := range v.visits {
		if a.next == s.to && !c.faulty(a.life, from, b.leftAt) && (!deciderFaulty || a.leftAt < b.leftAt) {
			c.fail(Successors, v.id, []*proc{a.life.proc, b.life.proc}, "%s installs %s and counts %s, which installs %s, without a fault",
				a.life.proc, c.viewName(s.to.id), b.life.proc, c.viewName(b.next.id))
			return
		}
	}
	c.excuse(Successors)
}
