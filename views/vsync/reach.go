package vsync

import (
	"net/netip"
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Before a coordinator invites a stranger's view it makes sure that the two
// hear each other: it pings the stranger's members, and in a small group, where
// everyone observes everyone, it has its own members ping them as well. A host
// with one broken link is then removed once and stays out until the link works,
// instead of coming back only to fail again. Each is asked where it says that it is, and
// the roster is told where we say that we are (Ask): members know no other address of each
// other, and who is heard from elsewhere would come in and answer nothing. (A Pong goes to
// where its Ping came from: of a member of ours the stranger's address for it is not tried.)
//
//	coordinator --Probe--> member --Ping--> stranger's member
//	coordinator <-Reached- member <-Pong--- stranger's member
type reach struct {
	token uint64
	// view is ours as it was when this began.
	view views.ViewID
	// begun is when; lacking are the ways not yet found to work.
	begun   views.Instant
	lacking []Way
	tries   uint8
	nextAt  views.Instant
}

// Way leads from a member of ours to a member of a stranger's view and back.
type Way struct{ Ours, Theirs views.Process }

// answers reports whether a stranger and all of its view have lately shown that
// we and they reach each other.
func (c *Core) answers(s *stranger) bool {
	return c.toldUs(s) && !slices.ContainsFunc(s.reach.lacking, c.counts)
}

// toldUs reports whether the stranger has lately told us of its view.
func (c *Core) toldUs(s *stranger) bool {
	return s.roster != nil && s.reach.view == c.view.ID && c.now.Sub(s.toldUsAt) <= c.t.StrangerTTL
}

// partAfter is for how long ways may be lacking until a stranger's view is
// parted, in StrangerTTLs.
const partAfter = 2

// parts reports whether to take those of a stranger's view that we reach and
// leave the others: a link that stays broken must not keep two halves apart. The
// better side does it, or else the other where that makes a view larger than
// either; so views grow, and nobody is taken to and fro.
func (c *Core) parts(s *stranger) bool {
	waited := c.now.Sub(s.reach.begun)
	switch {
	case !c.toldUs(s) || waited < partAfter*c.t.StrangerTTL:
		return false
	case !c.better(s):
		return true
	}
	// Perhaps it is the better side's coordinator that cannot be reached.
	reached := 0
	for i := range s.roster {
		if c.reaches(s, &s.roster[i]) {
			reached++
		}
	}
	return waited >= 2*partAfter*c.t.StrangerTTL && int(c.liveSize())+reached > int(s.size)
}

// reaches reports whether no way to a stranger's member is lacking.
func (c *Core) reaches(s *stranger, m *views.Member) bool {
	return !slices.ContainsFunc(s.reach.lacking, func(w Way) bool { return w.Theirs == m.Process && c.counts(w) })
}

// counts reports whether a way matters: not if we no longer count on our end of it.
func (c *Core) counts(w Way) bool {
	r := c.rankOf(w.Ours)
	return r >= 0 && c.countsOn(r)
}

// reachOut begins to look for the ways to a stranger's view: anew where its
// members or ours have changed or what was found is old.
func (c *Core) reachOut(s *stranger, changed bool) {
	h := &s.reach
	if !changed && h.view == c.view.ID && (h.nextAt >= c.now || c.now.Sub(h.begun) <= c.t.StrangerTTL) {
		return
	}
	*h = reach{token: c.rng.Uint64(), view: c.view.ID, begun: c.now}
	ours := []int{c.rank}
	if c.view.Size()+len(s.roster) <= smallGroup {
		for r := range c.members {
			if r != c.rank && c.countsOn(r) {
				ours = append(ours, r)
			}
		}
	}
	for i := range s.roster {
		m := &s.roster[i]
		if !c.welcome(s, m) || c.rankOf(m.Process) >= 0 {
			continue
		}
		for _, r := range ours {
			if r != c.rank || m.Process != s.contact.Process || m.Addr != s.contact.Addr { // the contact has told us its roster
				h.lacking = append(h.lacking, Way{c.base.Members[r].Process, m.Process})
			}
		}
	}
	c.probe(s)
}

// probe looks for the ways that are lacking, and says when to look again.
func (c *Core) probe(s *stranger) {
	h := &s.reach
	h.nextAt = 0
	if !slices.ContainsFunc(h.lacking, c.counts) {
		return
	}
	h.nextAt = c.after(backoff(c.t.Retry, h.tries, c.t.StrangerTTL/2))
	h.tries = min(h.tries+1, 8)
	c.reachAt = views.Earliest(c.reachAt, h.nextAt)
	p := &message.Probe{Token: h.token}
	for i := range s.roster {
		m := &s.roster[i]
		own := Way{c.self.Process, m.Process}
		if slices.Contains(h.lacking, own) {
			c.ping(m.Addr, h.token, m.Process)
		}
		if len(p.Whom) < message.ProbeMax {
			p.Whom = append(p.Whom, message.Contact{Process: m.Process, Addr: m.Addr})
		}
	}
	for r := range c.members {
		if ours := c.base.Members[r].Process; r != c.rank && slices.ContainsFunc(h.lacking, func(w Way) bool { return w.Ours == ours }) {
			c.sendTo(c.base.Members[r].Addr, p)
		}
	}
}

// ping asks a stranger for a Pong and says where we are: one who still counts us
// a member of an older view must not take it for a sign that we are with it.
func (c *Core) ping(to netip.AddrPort, token uint64, who views.Process) {
	c.sendTo(to, &message.Ping{Token: token, To: who})
	if c.view.Size() > 1 {
		c.sendTo(to, c.Heartbeat())
	}
}

// advanceReach repeats what has not been answered, as long as it is for us to lead.
func (c *Core) advanceReach() {
	if !due(c.reachAt, c.now) {
		return
	}
	c.reachAt = 0
	if c.acting() != c.rank {
		return
	}
	for _, s := range c.strangers {
		switch {
		case !c.fresh(s) || s.roster == nil:
		case s.reach.view != c.view.ID:
			c.reachOut(s, true)
		case due(s.reach.nextAt, c.now):
			c.probe(s)
		default:
			c.reachAt = views.Earliest(c.reachAt, s.reach.nextAt)
		}
	}
}

// noteReached takes the word of one of ours, or our own, that a way works.
func (c *Core) noteReached(token uint64, ours views.Process, theirs []views.Process) {
	for _, s := range c.strangers {
		if s.reach.token == token {
			s.reach.lacking = slices.DeleteFunc(s.reach.lacking, func(w Way) bool {
				return w.Ours == ours && slices.Contains(theirs, w.Theirs)
			})
		}
	}
}

// errand is a Probe this host was sent on: whom it has reached so far.
type errand struct {
	token   uint64
	by      netip.AddrPort
	whom    []message.Contact
	reached []views.Process
}

// errandsMax bounds the errands remembered; the oldest makes room.
const errandsMax = 16

// handleProbe pings the strangers a member wants to know about. It repeats the
// Probe until it knows enough.
func (c *Core) handleProbe(from Sender, m *message.Probe) {
	if c.rankOf(from.Process) < 0 {
		return
	}
	i := slices.IndexFunc(c.errands, func(e *errand) bool { return e.token == m.Token })
	if i < 0 {
		if len(c.errands) == errandsMax {
			c.errands = slices.Delete(c.errands, 0, 1)
		}
		i = len(c.errands)
		c.errands = append(c.errands, &errand{token: m.Token})
	}
	e := c.errands[i]
	e.by, e.whom = from.Addr, m.Whom // their addresses may have changed
	if len(e.reached) > 0 {
		c.sendTo(e.by, &message.Reached{Token: e.token, Who: e.reached})
	}
	for _, w := range e.whom {
		if !slices.Contains(e.reached, w.Process) {
			c.ping(w.Addr, e.token, w.Process)
		}
	}
}

// runErrand notes an answer to a ping sent on an errand, and tells when all came.
func (c *Core) runErrand(from Sender, token uint64) {
	for _, e := range c.errands {
		if e.token != token || slices.Contains(e.reached, from.Process) ||
			!slices.ContainsFunc(e.whom, func(w message.Contact) bool { return w.Process == from.Process }) {
			continue
		}
		e.reached = append(slices.Clip(e.reached), from.Process)
		if len(e.reached) == len(e.whom) {
			c.sendTo(e.by, &message.Reached{Token: e.token, Who: e.reached})
		}
	}
}

func (c *Core) handleReached(from Sender, m *message.Reached) {
	if c.rankOf(from.Process) >= 0 {
		c.noteReached(m.Token, from.Process, m.Who)
	}
}
