package check

import "slices"

// checkFlap is L3: behind Settled a component installs nothing.
func (c *Checker) checkFlap(l *life, v *view) {
	w := c.window
	if w == nil || !w.settled {
		return
	}
	for _, hosts := range w.components {
		if slices.Contains(hosts, l.proc.host) {
			c.fail(NoFlap, v.id, []*proc{l.proc}, "installs a view for %s in a settled component", v.reason)
			return
		}
	}
}
