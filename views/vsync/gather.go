package vsync

import (
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// gather decides when a change is due, so that what happens together is one view.
type gather struct {
	// since is when the first reason for a change appeared, lostAt when the first
	// member was lost, joinAt when the last stranger was met.
	since, lostAt, joinAt views.Instant
	// yieldUntil is how long the lead is left to a better coordinator.
	yieldUntil, yieldSince views.Instant
	// busyUntil: a view that brought others was installed so recently that more
	// are likely to come.
	busyUntil views.Instant
	unsettled bool
	due       views.Instant
	// departAt is when a member that was seen in a later view is gone.
	departAt views.Instant
}

// yield leaves the lead of a merge to a better one for a while, the longer the
// more are better: if the best comes to nothing the next one tries, not all.
func (c *Core) yield() {
	if c.gather.yieldUntil != 0 {
		return
	}
	c.gather.yieldSince = c.now
	c.gather.yieldUntil = c.after(c.jitter(c.t.Yield))
	ours := c.asStranger()
	for _, s := range c.strangers {
		c.yieldLonger(s, &ours)
	}
}

// yieldLonger makes room for one more, ours being our view.
func (c *Core) yieldLonger(s, ours *stranger) {
	switch {
	case c.gather.yieldUntil == 0 || c.yieldOver():
	case leadsBefore(s, ours):
		c.gather.yieldUntil = c.gather.yieldUntil.Add(yieldEach)
	default:
		c.gather.yieldUntil = c.gather.yieldUntil.Add(joinerEach)
	}
}

// yieldMost bounds how long a better one that is at work is waited for.
const yieldMost = 3 * time.Second

// yieldOn leaves the lead for longer, since the better one is at work.
func (c *Core) yieldOn() {
	g := &c.gather
	if g.yieldUntil == 0 {
		c.yield()
	}
	if c.now.Sub(g.yieldSince) < yieldMost {
		g.yieldUntil = max(g.yieldUntil, c.after(c.t.Yield))
	}
}

// yieldEach is what every better one adds to the time.
const yieldEach = 25 * time.Millisecond

func (c *Core) yieldOver() bool {
	return c.gather.yieldUntil != 0 && c.now >= c.gather.yieldUntil
}

// takeOpinion notes what the detector thinks of the members.
func (c *Core) takeOpinion(o Opinion) {
	for r := range c.members {
		m := &c.members[r]
		m.failed, m.suspected = m.replaced, false
	}
	for _, r := range o.Suspected {
		if int(r) < len(c.members) && int(r) != c.rank {
			c.members[r].suspected = true
		}
	}
	for _, r := range o.Failed {
		if int(r) < len(c.members) && int(r) != c.rank {
			c.members[r].failed = true
		}
	}
	c.gather.unsettled = o.Unsettled
	c.dropFailedInvites()
	c.maybeAbandonFailed()
}

// noteDeparted notes that a member was seen in a later view without us. It may
// be that the install of that view is still on its way to us, or that its
// coordinator is about to take us in; if neither comes it has gone, also where it
// is not heard again.
func (c *Core) noteDeparted(r int) {
	m := &c.members[r]
	if m.departedAt == 0 {
		m.departedAt = c.now
		c.gather.departAt = views.Earliest(c.gather.departAt, c.after(c.t.Depart))
	}
}

// advanceDeparted has those be gone who departed long enough ago.
func (c *Core) advanceDeparted() {
	g := &c.gather
	if !due(g.departAt, c.now) {
		return
	}
	g.departAt = 0
	for r := range c.members {
		m := &c.members[r]
		switch at := m.departedAt.Add(c.t.Depart); {
		case m.departedAt == 0 || m.gone:
		case at <= c.now:
			m.gone = true
		default:
			g.departAt = views.Earliest(g.departAt, at)
		}
	}
}

// noteBehind notes that a member was heard in a view before ours. It repeats its
// answer until it has our view; if that takes too long it is given up, since
// for the detector it lives.
func (c *Core) noteBehind(r int) {
	m := &c.members[r]
	if m.behindAt == 0 || c.now.Sub(m.behindLast) > c.t.Depart {
		m.behindAt = c.now // a late frame of long ago says nothing by itself
	}
	m.behindLast = c.now
	m.gone = m.gone || c.now.Sub(m.behindAt) >= c.t.MemberWait
}

// acting gives the rank of the member that leads the next change as far as
// this host can tell: the first that is not in doubt and not going. -1 for none.
func (c *Core) acting() int {
	for r := range c.members {
		m := &c.members[r]
		if m.failed || m.gone || m.evicted || m.leaving || m.shunned {
			continue
		}
		if r != c.rank && m.suspected {
			continue
		}
		return r
	}
	return -1
}

// lost reports whether a member must go, and whether one asked to.
func (c *Core) lost() (gone, asked bool) {
	for r := range c.members {
		m := &c.members[r]
		gone = gone || m.failed || m.gone
		asked = asked || m.leaving || m.evicted
	}
	return gone, asked
}

// evicting reports whether the operator told this host to remove a member. It
// then leads, whatever its rank: only it knows.
func (c *Core) evicting() bool {
	return slices.ContainsFunc(c.members, func(m memberState) bool { return m.evicted })
}

// maybeChange starts a change if one is due, else says when to look again.
func (c *Core) maybeChange() {
	g := &c.gather
	g.due = 0
	if c.phase != Operational || c.lead != nil || (c.acting() != c.rank && !c.evicting()) {
		g.since, g.lostAt = 0, 0
		return
	}
	gone, asked := c.lost()
	join := c.worthJoining()
	if !gone && !asked && !join {
		g.since, g.lostAt = 0, 0
		if g.yieldUntil != 0 && c.now < g.yieldUntil {
			g.due = g.yieldUntil
		}
		return
	}
	if g.since == 0 {
		g.since = c.now
	}
	if gone && g.lostAt == 0 {
		g.lostAt = c.now
	}
	g.due = c.changeDue(gone, asked)
	if c.now >= g.due {
		g.due = 0
		if !c.quiet() {
			return // asked again with every input
		}
		c.startChange(c.causeOf(gone, asked))
	}
}

// changeDue is when the change should start.
func (c *Core) changeDue(gone, asked bool) views.Instant {
	g := &c.gather
	switch {
	case asked:
		return c.now
	case gone && g.unsettled:
		return g.lostAt.Add(c.t.CrashMax)
	case gone && c.replacing():
		return g.lostAt.Add(c.t.FormQuiet)
	case gone:
		return g.lostAt.Add(c.t.CrashQuiet)
	}
	met, quiet, most := g.joinAt, c.t.JoinQuiet, c.t.FormMax
	switch {
	case c.busy():
		met = max(met, g.busyUntil.Add(-c.t.BusyFor))
		quiet, most = c.t.BusyQuiet, c.t.BusyMax+time.Duration(c.view.Size())*busyEach
	case c.metRegime():
		quiet, most = c.t.MergeQuiet, c.t.MergeMax
	case c.joiner:
		quiet = c.t.FormQuiet
	}
	if quiet > c.t.JoinQuiet && c.expectsRosters() {
		return g.since.Add(most)
	}
	return min(met.Add(quiet), g.since.Add(most))
}

// expectsRosters reports whether strangers were met and asked so lately that
// their answers are likely to come.
func (c *Core) expectsRosters() bool {
	return slices.ContainsFunc(c.strangers, func(s *stranger) bool {
		return s.roster == nil && s.askedAt != 0 && c.now.Sub(s.firstAt) < 4*c.t.Retry
	})
}

// busy reports whether several came so lately that more are likely to come.
func (c *Core) busy() bool { return c.now < c.gather.busyUntil }

// busyEach is what every member adds to the longest wait of a busy time: a
// crowd takes longer to start.
const busyEach = 2 * time.Millisecond

// replacing reports whether a lost member has started again and is about to be
// ready: one view then takes the new life for the old.
func (c *Core) replacing() bool {
	return slices.ContainsFunc(c.strangers, func(s *stranger) bool {
		return c.fresh(s) && c.rankOfHost(s.contact.Host) >= 0 && !c.answers(s)
	})
}

// metRegime reports whether a stranger is more than one that just started.
func (c *Core) metRegime() bool {
	return !c.joiner && slices.ContainsFunc(c.strangers, func(s *stranger) bool { return c.fresh(s) && !s.joiner })
}

// worthJoining reports whether strangers are ready to come in under our lead.
func (c *Core) worthJoining() bool {
	if len(c.strangers) == 0 {
		c.gather.yieldUntil = 0
		return false
	}
	ready, better, ours := false, false, c.asStranger()
	for _, s := range c.strangers {
		if !c.fresh(s) {
			continue
		}
		better = better || leadsBefore(s, &ours)
		ready = ready || c.mayInvite(s, &ours)
	}
	if !better {
		c.gather.yieldUntil = 0
	}
	return ready && (!better || c.yieldOver())
}

// mayInvite reports whether to invite a stranger now, ours being our view: not
// while the lead is left to it.
func (c *Core) mayInvite(s, ours *stranger) bool {
	return c.invitesAny(s) && (c.yieldOver() || !leadsBefore(s, ours))
}

// invitesAny reports whether any of the stranger's members may come in now.
func (c *Core) invitesAny(s *stranger) bool {
	room := c.room()
	return (c.answers(s) || c.parts(s)) && !c.heldOff(s) && room.holds(s) &&
		slices.ContainsFunc(s.roster, func(m views.Member) bool { return c.welcome(s, &m) && c.reaches(s, &m) })
}

// welcome reports whether a stranger's member may come in: not one of ours
// that is still with us, none that was seen in a later life.
func (c *Core) welcome(s *stranger, m *views.Member) bool {
	if r := c.rankOfHost(m.Host); r >= 0 {
		if c.base.Members[r].Incarnation > m.Incarnation {
			return false
		}
		st := &c.members[r]
		same := c.base.Members[r].Incarnation == m.Incarnation
		if same && s.view.Less(c.view.ID) {
			return false
		}
		if !same && !st.failed && !st.gone {
			return false
		}
	}
	if c.seen.staler(m.Process) {
		return false
	}
	return true
}

// heldOff reports whether a stranger has a member that keeps failing and must
// wait. All of its view wait with it: taking the others would tear them from it.
func (c *Core) heldOff(s *stranger) bool {
	return slices.ContainsFunc(s.roster, func(m views.Member) bool {
		return c.isShy(m.Host) || c.keepsFailing(m.Host)
	})
}

// keepsFailing reports whether the detector wants a host to stay out for now.
func (c *Core) keepsFailing(host views.HostID) bool {
	return c.cfg.HoldOff != nil && c.cfg.HoldOff(c.now, host) > c.now
}

// causeStrangers is why a change begins that only brings others in.
const causeStrangers = "strangers-met"

func (c *Core) causeOf(gone, asked bool) string {
	switch {
	case gone:
		return "member-lost"
	case asked:
		return "member-leaving"
	}
	return causeStrangers
}

// startedChange forgets the reasons that the change now begun takes care of.
func (c *Core) startedChange(cause string) {
	c.gather.since, c.gather.lostAt = 0, 0
	c.emit(trace.Phase{Ballot: c.lead.ballot, Phase: "propose", Cause: cause})
}
