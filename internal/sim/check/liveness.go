package check

import "github.com/gmsd/gmsd/views"

// window is a time in which nothing disturbs its components.
type window struct {
	components [][]*host
	settled    bool
	// agreed are the views in which components settled, where they did.
	agreed []settledView
}

// settledView is the view in which a component settled.
type settledView struct {
	view    *view
	members []*visit
	// from and until count what each member had sent, by class.
	from, until [][classes]int
	drained     bool
}

// Stable opens a liveness window: from here on the hosts of each component
// run, are healthy and reach each other, and nobody else reaches them. A window
// that is open is ended first.
func (c *Checker) Stable(components ...[]views.HostID) {
	c.EndStable()
	c.tick++
	c.window = &window{}
	for _, ids := range components {
		var hosts []*host
		for _, id := range ids {
			hosts = append(hosts, c.hostOf(id))
		}
		c.window.components = append(c.window.components, hosts)
	}
}

// Settled says that the time within which the components must have agreed is
// over: L1, L4 and J5 are judged, and from here on L2, L3 and L5 hold.
func (c *Checker) Settled() {
	c.tick++
	if c.window == nil || c.window.settled {
		return
	}
	c.window.settled = true
	for _, hosts := range c.window.components {
		c.checkClonesTold(hosts)
		c.checkFinished(hosts)
		c.count(NoFlap)
		if c.checkPrecision(hosts) {
			c.window.agreed = append(c.window.agreed, c.settledViewOf(hosts))
		}
		c.markHealthy(hosts, 1)
	}
}

// Drain says that messages sent from here on need not arrive inside the window.
func (c *Checker) Drain() {
	c.tick++
	if c.window != nil {
		c.window.drain()
	}
}

// EndStable closes the window, if there is one: L2 and L4 are judged.
func (c *Checker) EndStable() {
	c.tick++
	w := c.window
	if w == nil {
		return
	}
	c.window = nil
	if !w.settled {
		return
	}
	w.drain()
	for i := range w.agreed {
		c.checkDeliveredByAll(&w.agreed[i])
	}
	for _, hosts := range w.components {
		c.checkFinished(hosts)
		c.checkGroupsSettled(hosts)
		c.markHealthy(hosts, -1)
	}
}

// Healthy says that hosts are healthy and connected with each other, and have
// been for long enough that nobody doubts them any more; or that this is over.
// While it holds none of them may exclude another (L5). A host that is asked to
// leave, or is evicted, must be taken out before.
func (c *Checker) Healthy(ids []views.HostID, healthy bool) {
	c.tick++
	var hosts []*host
	for _, id := range ids {
		hosts = append(hosts, c.hostOf(id))
	}
	if healthy {
		c.markHealthy(hosts, 1)
	} else {
		c.markHealthy(hosts, -1)
	}
}

func (c *Checker) markHealthy(hosts []*host, by int) {
	for _, h := range hosts {
		h.healthy += by
		c.healthy += by
	}
}

// checkAccuracy is L5.
func (c *Checker) checkAccuracy(l *life, old, v *view) {
	if c.healthy == 0 || l.proc.host.healthy == 0 {
		return
	}
	c.count(Accuracy)
	for _, m := range old.members {
		if m.host.healthy > 0 && v.rankOf(m) < 0 && len(m.lives) > 0 && !m.lives[len(m.lives)-1].ended {
			c.fail(Accuracy, v.id, []*proc{l.proc, m}, "%s excludes %s for %s, both healthy", l.proc, m, v.reason)
			return
		}
	}
}

// checkFinished is L4.
func (c *Checker) checkFinished(hosts []*host) {
	for _, h := range hosts {
		l := h.living()
		if l == nil || l.cur == nil {
			continue
		}
		c.count(Finished)
		if l.phase != phaseOpen {
			c.fail(Finished, l.viewID(), []*proc{l.proc}, "is still blocked")
		}
	}
}

// checkClonesTold is J5's other half: in a settled component at most one of two
// processes with one host id runs on.
func (c *Checker) checkClonesTold(hosts []*host) {
	for _, h := range hosts {
		var running []*proc
		for _, l := range h.lives {
			if !l.ended {
				running = append(running, l.proc)
			}
		}
		if len(running) > 1 {
			c.fail(CloneRefused, running[0].lives[0].viewID(), running, "%d processes run with one host id, none was refused", len(running))
		}
	}
}
