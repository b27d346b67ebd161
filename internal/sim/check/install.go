package check

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// install takes one install record through all checks that look at it.
func (c *Checker) install(l *life, e *trace.Install) {
	old := l.cur
	v := c.viewOf(l, e)
	c.checkInstalledOnce(l, v)
	c.checkSelfInclusion(l, v)
	c.checkMonotonic(l, v)
	c.checkIncarnations(l, v)
	c.checkChain(l, v, e)
	c.checkOneClone(l, v)
	c.checkInstallInWindow(l, old, v)
	c.checkFlap(l, v)
	if old != nil {
		c.changes++
		c.checkAccuracy(l, old.view, v)
		c.checkSelfDelivery(l, old)
		c.checkMergeChurn(l, old, v)
		c.leave(old, v, e)
	} else {
		c.checkFirstView(l, v, e)
	}
	if v.id.Coordinator == l.proc.Host {
		c.noteAccepted(l, v, e)
	}
	c.enter(l, v)
	if old != nil {
		old.view.active--
		c.maybeRetire(old.view)
	}
	c.stopWaiting(l.proc)
}

// enter begins a visit.
func (c *Checker) enter(l *life, v *view) {
	s := &visit{life: l, view: v, installedAt: c.tick}
	if !v.retired {
		v.visits = append(v.visits, s)
	}
	v.active++
	l.cur = s
	l.carrySpans()
	if len(v.members) > 1 && l.paired.IsZero() {
		l.paired = v.id
	}
}

// leave ends a visit by a step to the next view, which makes or joins a step
// that others took (P9, P14, B3).
func (c *Checker) leave(old *visit, v *view, e *trace.Install) {
	old.next, old.leftAt = v, c.tick
	trans := sortedHosts(e.Trans)
	s := c.stepTo(old.view, v)
	if s == nil {
		s = &step{from: old.view, to: v, trans: trans, first: old, at: c.tick}
		old.view.next = append(old.view.next, s)
		c.checkNewTransitionalSet(old, s)
		c.checkBitsCarried(old, v, s)
	} else {
		c.checkSameTransitionalSet(old, s, trans)
		c.checkSameDelivered(old, s)
	}
	c.checkCameBy(old, s)
}

func (c *Checker) stepTo(from, to *view) *step {
	for _, s := range from.next {
		if s.to == to {
			return s
		}
	}
	return nil
}

// viewOf finds the view that e installs and holds e against it, or makes it.
//
// A clone or a restored copy begins where the original once was and, until it
// meets somebody, gives its singleton views ids that the original gives, too. So
// a view of its host alone is private to its stream.
func (c *Checker) viewOf(l *life, e *trace.Install) *view {
	key := viewKey{seq: e.View.Seq, coordinator: e.View.Coordinator}
	if len(e.Members) == 1 && e.Members[0].Host == l.proc.Host {
		key.alias = uint64(l.stream) + 1
	}
	v := c.views[key]
	if v == nil {
		v = c.makeView(l, e)
		c.views[key] = v
		return v
	}
	c.checkAgreement(l, v, e)
	return v
}

func (c *Checker) makeView(l *life, e *trace.Install) *view {
	v := &view{id: e.View, kind: e.Kind, reason: e.Reason, stream: l.stream, initial: e.Prev.IsZero()}
	v.members = make([]*proc, len(e.Members))
	v.bits = make([]views.Bits, len(e.Members))
	for i := range e.Members {
		v.members[i] = c.procOf(e.Members[i].Process)
		v.bits[i] = e.Members[i].Bits
	}
	for i := range e.Subgroups {
		g := subgroup{id: e.Subgroups[i].ID, hosts: append([]views.HostID(nil), e.Subgroups[i].Members...)}
		v.subgroups = append(v.subgroups, g)
	}
	v.cameFrom = make([]*step, len(v.members))
	c.order = append(c.order, v)
	c.await(v)
	c.checkNewView(l, v)
	return v
}

// checkNewView holds a view against all rules that need only the view.
func (c *Checker) checkNewView(l *life, v *view) {
	c.checkHostsOnce(l, v)
	c.checkSubgroups(l, v)
	c.checkRank(l, v)
	c.checkSeq(l, v)
	c.checkGroups(l, v)
}
