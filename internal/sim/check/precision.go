package check

import "github.com/gmsd/gmsd/views"

// checkPrecision is L1: all hosts of a component are in one view, which holds
// them and nobody else. It reports whether that is so.
func (c *Checker) checkPrecision(hosts []*host) bool {
	c.count(Precision)
	var at *visit
	for _, h := range hosts {
		l := h.living()
		if l == nil || l.cur == nil {
			c.fail(Precision, views.ViewID{}, h.procs(), "a host of the component is in no view")
			return false
		}
		if at == nil {
			at = l.cur
		}
		if l.cur.view != at.view {
			c.fail(Precision, l.viewID(), []*proc{l.proc, at.life.proc}, "%s ends in %s, %s in %s",
				l.proc, c.viewName(l.viewID()), at.life.proc, c.viewName(at.view.id))
			return false
		}
		if at.view.rankOf(l.proc) < 0 {
			c.fail(Precision, l.viewID(), []*proc{l.proc}, "is not in the view of its component")
			return false
		}
	}
	if at != nil && len(at.view.members) != len(hosts) {
		c.fail(Precision, at.view.id, []*proc{at.life.proc}, "the component has %d hosts, its view %d members", len(hosts), len(at.view.members))
		return false
	}
	return at != nil
}

// procs gives the newest incarnation of a host, where there was one.
func (h *host) procs() []*proc {
	if len(h.lives) == 0 {
		return nil
	}
	return []*proc{h.lives[len(h.lives)-1].proc}
}
