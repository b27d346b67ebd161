package check

import "github.com/gmsd/gmsd/views/trace"

// checkFirstView is LOG4: a starting host installs a view of itself alone.
func (c *Checker) checkFirstView(l *life, v *view, e *trace.Install) {
	c.count(LogFirstView)
	me := []*proc{l.proc}
	switch {
	case !e.Prev.IsZero():
		c.fail(LogFirstView, v.id, me, "the first view names a predecessor, %s", c.viewName(e.Prev))
	case len(v.members) != 1 || v.members[0] != l.proc:
		c.fail(LogFirstView, v.id, me, "the first view has %d members", len(v.members))
	case len(e.Trans) > 1 || (len(e.Trans) == 1 && e.Trans[0] != l.proc.Host):
		c.fail(LogFirstView, v.id, me, "the first view has others in its transitional set")
	}
}
