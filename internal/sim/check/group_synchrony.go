package check

import (
	"slices"

	"github.com/gmsd/gmsd/views/trace"
)

// checkGroupSynchrony is GV5: ports that go from one group view to the same next
// one have been given the same messages in between. FIFO messages of members are
// among them: a group changes once what its members sent before is out.
func (c *Checker) checkGroupSynchrony(l *life, s *groupStay, st *groupStep) {
	c.count(GroupSynchrony)
	if !slices.Equal(s.placed, st.placed) {
		c.failGroupSets(l, st, s.placed, st.placed, "in this order")
	}
	if !slices.Equal(sortedMessages(s.fifo), sortedMessages(st.fifo)) {
		c.failGroupSets(l, st, s.fifo, st.fifo, "as fifo")
	}
}

func (c *Checker) failGroupSets(l *life, st *groupStep, mine, theirs tally, how string) {
	missing, who := firstWithout(mine, theirs), l.proc
	if missing == nil {
		missing, who = firstWithout(theirs, mine), st.first
	}
	what := "its messages"
	if missing != nil {
		what = c.msgName(*missing)
	}
	c.fail(GroupSynchrony, l.viewID(), []*proc{l.proc, st.first}, "both go from view %s of %q to %s; %s alone delivered %s %s (%d and %d messages)",
		c.groupID(st.from.id), st.from.group, c.groupID(st.to.id), who, what, how, len(mine), len(theirs))
}

// firstWithout gives the first message of a that b has not.
func firstWithout(a, b tally) *trace.MsgID {
	for i := range a {
		if !slices.Contains(b, a[i]) {
			return &a[i]
		}
	}
	return nil
}

func sortedMessages(t tally) tally {
	out := slices.Clone(t)
	slices.SortFunc(out, func(a, b trace.MsgID) int {
		if o := a.From.Host.Compare(b.From.Host); o != 0 {
			return o
		}
		if a.From.Incarnation != b.From.Incarnation {
			return int(a.From.Incarnation) - int(b.From.Incarnation)
		}
		if a.N < b.N {
			return -1
		}
		return 1
	})
	return out
}
