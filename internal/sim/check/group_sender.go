package check

import (
	"maps"
	"slices"

	"github.com/gmsd/gmsd/views/trace"
)

// stranger is a message that ports were given of a port they do not know.
type stranger struct {
	trace.Deliver
	in *groupView
}

// checkGroupSender is GV6: ports know who sends to their group. A message of the
// host itself comes from no port. A port on its way out is given no further group
// view, so that it need not know any more; whether it is shows later.
func (c *Checker) checkGroupSender(s *groupStay, e *trace.Deliver) {
	if e.Port == 0 || len(s.ports) == 0 {
		return
	}
	c.count(GroupSender)
	if _, in := s.cur.holds[portKey{e.Msg.From, e.Port}]; !in && s.stranger == nil {
		s.stranger = &stranger{*e, s.cur}
	}
}

// checkStranger judges a stay whose ports wanted to stay in the group.
func (c *Checker) checkStranger(l *life, s *groupStay) {
	x := s.stranger
	if x == nil {
		return
	}
	s.stranger = nil
	from := c.procOf(x.Msg.From)
	c.fail(GroupSender, x.View, []*proc{l.proc, from}, "%s %s of port %d at %s is delivered in view %s of %q, which does not hold it: %s",
		x.Order, c.msgName(x.Msg), x.Port, from, c.groupID(x.in.id), x.Group, c.portNames(x.in.members))
}

// checkStrangers judges, at the end, those who are in groups.
func (c *Checker) checkStrangers() {
	for _, l := range c.logged {
		if l.ended {
			continue
		}
		for _, group := range slices.Sorted(maps.Keys(l.groups)) {
			c.checkStranger(l, l.groups[group])
		}
	}
}
