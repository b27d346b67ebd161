package check

import "github.com/gmsd/gmsd/views/trace"

// checkChain is V2: prev is the view the host was in, and so is the view that
// its subgroup names.
func (c *Checker) checkChain(l *life, v *view, e *trace.Install) {
	if l.cur == nil {
		return
	}
	c.count(PreviousView)
	if was := l.cur.view.id; e.Prev.Seq != was.Seq || e.Prev.Coordinator != was.Coordinator {
		c.fail(PreviousView, v.id, []*proc{l.proc}, "names %s as its predecessor, was in %s", c.viewName(e.Prev), c.viewName(was))
	}
	if !v.initial {
		c.checkCameFrom(l, v)
	}
}

// checkRank is V3.
func (c *Checker) checkRank(l *life, v *view) {
	c.count(CoordinatorRank)
	if len(v.members) == 0 || v.members[0].Host != v.id.Coordinator {
		c.fail(CoordinatorRank, v.id, []*proc{l.proc}, "its coordinator is not rank 0")
	}
}

// checkSeq is V4: the id stands above every view that a subgroup comes from.
func (c *Checker) checkSeq(l *life, v *view) {
	if v.initial {
		return
	}
	c.count(SeqRises)
	for _, g := range v.subgroups {
		if g.id.Seq >= v.id.Seq {
			c.fail(SeqRises, v.id, []*proc{l.proc}, "its seq is not above that of %s, from which a subgroup comes", c.viewName(g.id))
		}
	}
}
