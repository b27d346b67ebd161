package check

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// block is P22's opening: sending stops in the current view.
func (c *Checker) block(l *life, in views.ViewID) {
	c.count(BlockWindow)
	me := []*proc{l.proc}
	if l.phase != phaseOpen {
		c.fail(BlockWindow, in, me, "blocks while it is blocked already")
	}
	if l.cur == nil || !sameID(l.viewID(), in) {
		c.fail(BlockWindow, in, me, "blocks in a view it is not in, being in %s", c.viewName(l.viewID()))
	}
	l.phase = phaseBlocked
	if l.cur != nil && l.cur.view.blockedAt == 0 {
		l.cur.view.blockedAt = c.tick
	}
}

// checkInstallInWindow: all installs but the first lie in a block window.
func (c *Checker) checkInstallInWindow(l *life, old *visit, v *view) {
	if old == nil {
		return
	}
	c.count(BlockWindow)
	if l.phase != phaseBlocked {
		c.fail(BlockWindow, v.id, []*proc{l.proc}, "installs it without a block of its own before it")
	}
	l.phase = phaseInstalled
}

// unblock closes the window, behind the install. One unblock after the first
// view, which needs no block, does no harm.
func (c *Checker) unblock(l *life, in views.ViewID) {
	c.count(BlockWindow)
	me := []*proc{l.proc}
	first := l.cur != nil && l.cur.view.initial && l.phase == phaseOpen
	if l.phase != phaseInstalled && !first {
		c.fail(BlockWindow, in, me, "unblocks without an install since its block")
	}
	if l.cur == nil || !sameID(l.viewID(), in) {
		c.fail(BlockWindow, in, me, "unblocks in a view it is not in, being in %s", c.viewName(l.viewID()))
	}
	l.phase = phaseOpen
}

func (c *Checker) checkSendInWindow(l *life, m trace.MsgID) {
	if l.phase != phaseOpen {
		c.fail(BlockWindow, l.viewID(), []*proc{l.proc}, "sends %s between block and unblock", c.msgName(m))
	}
}

// sameID compares as the log can: by seq and coordinator.
func sameID(a, b views.ViewID) bool { return a.Seq == b.Seq && a.Coordinator == b.Coordinator }
