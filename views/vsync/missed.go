package vsync

import (
	"net/netip"
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// An install and a higher ballot may cross:
//
//  1. B answers A's ballot, and then promises C's, which is higher.
//  2. A has decided W with B in it before it learns that. The install finds B bound
//     to C, so B may not install W by itself: C may decide with what B told it.
//  3. C knows nothing of W, and would take B along from the view before it.
//
// So B tells C with its answer that it may have missed W, and where it met it. C
// sends B to catch up before it decides (recover.go), or has decided, and B is there.
// Where both ballots have one seq C first takes a higher one, since seqs rise.
//
// Why that is safe: to have missed W is only said, it installs nothing. B installs W
// when C sends it there, and C then waits for B's next word: that it comes from W, or
// that it does not. While it waits it decides nothing. B delivers what it had told A,
// which it has kept, and not what it has completed for C since: what the digest of its
// subgroup in W sums (I3). W lies between its view and the ballot it has promised, so
// ids rise (I1). Once it has said no it forgets what it told A, so no late copy of a
// Catchup or an Install takes it to W after C has counted it elsewhere.
//
// Why it ends: one host is sent after a view once a ballot; who gets no install of it
// gives up in half the time that C waits for a member, all ballots for which it asked
// taken together, since another coordinator may be less patient than C; who was left
// out of W has not missed it; and a ballot that C takes because of W is above W, so W
// never calls for another.
type missed struct {
	view   views.ViewID
	holder netip.AddrPort
}

// noteMissed: a view was met that this host has answered to, and it follows a
// higher ballot now. It tells the coordinator of that one at once.
func (c *Core) noteMissed(holder netip.AddrPort, view views.ViewID) {
	p := c.promise
	if p == nil || p.released || !view.Less(p.ballot) || c.answeredTo(view) == nil {
		return
	}
	if view == p.catchup {
		p.holder = holder // who was heard last is asked next
		return
	}
	first := c.missed.view != view
	c.missed = missed{view, holder}
	if first && p.durable && p.cut == nil {
		c.sendAnswer()
	}
}

// maybeSendBack sends one who may have missed a view to catch up, at once: the
// others may take long to answer, or never do. Where that view has the very seq of
// our ballot nobody could come from there to here, so it proposes anew.
func (c *Core) maybeSendBack(inv *invite) bool {
	l, a := c.lead, inv.answer
	switch {
	case a == nil || !a.HasMissed() || inv.catchup != nil || slices.Contains(inv.declined, a.Missed):
		return false
	case a.Missed.Seq < l.ballot.Seq:
		inv.catchup = &message.Catchup{Ballot: l.ballot, View: a.Missed, Holder: a.Holder}
		return c.askFurther([]*invite{inv})
	case a.Missed.Seq == l.ballot.Seq:
		c.startChange("beside another view")
		return true
	}
	return false
}

// forgetMissed: this host is not in a view, or nobody gives it.
func (c *Core) forgetMissed(view views.ViewID) {
	if c.missed.view == view {
		c.missed = missed{}
	}
}

// fetch asks for a view to catch up with, and again until it comes.
func (c *Core) fetch(view views.ViewID, holder netip.AddrPort) {
	p := c.promise
	if p.catchup != view {
		c.noteSought(p)
		p.catchup, p.fetchSince, p.fetchTries = view, c.now, 0
		if said := c.answeredTo(view); said != nil {
			p.fetchSince = c.now.Add(-said.sought)
		}
	}
	p.holder = holder
	c.askHolder()
}

// noteSought keeps for how long a view has been asked for, as the ballot of that time
// gives way: were it counted anew for each, a row of ballots would never end.
func (c *Core) noteSought(p *promise) {
	if said := c.answeredTo(p.catchup); said != nil {
		said.sought = c.now.Sub(p.fetchSince)
	}
}

func (c *Core) askHolder() {
	p := c.promise
	p.fetchAt = c.after(backoff(c.t.Retry, p.fetchTries, c.t.RetryMax))
	p.fetchTries = min(p.fetchTries+1, 8)
	c.sendTo(p.holder, &message.Fetch{View: p.catchup})
}

// advanceFetch asks again. One who follows a ballot gives up in time to be in that.
func (c *Core) advanceFetch(p *promise) {
	switch {
	case p.catchup.IsZero() || !due(p.fetchAt, c.now):
	case !p.released && c.now.Sub(p.fetchSince) >= c.t.MemberWait/2:
		c.decline(p.catchup)
	default:
		c.askHolder()
	}
}
