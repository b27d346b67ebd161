package vsync

import (
	"net/netip"
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// maybeDecide goes on as far as the answers allow: first those who missed an
// install catch up, then each subgroup completes itself, then the view is
// decided.
func (c *Core) maybeDecide() {
	l := c.lead
	if l == nil || l.waiting() {
		return
	}
	if self := l.find(c.self.Process); self == nil || self.answer == nil {
		return
	}
	if c.dropMovedOn() || c.maybeAbdicate() || c.maybeCatchUp() || c.maybeRecover() {
		return
	}
	c.decide()
}

// dropMovedOn goes on without strangers who have come to another view than they were expected
// from, one that this host has not installed: who else is in it is not known, and would be left
// behind. And without those who had promised a ballot beyond their view where others of that
// view have moved on: they belong where those are.
func (c *Core) dropMovedOn() bool {
	for _, inv := range c.lead.invites {
		if !inv.ours && inv.answer.From != inv.expected && c.installOf(inv.answer.From) == nil {
			c.dropRegime(inv.expected)
			return true
		}
	}
	for _, moved := range c.lead.movedOn {
		for _, inv := range c.lead.invites {
			highest := inv.answer.Highest
			if !inv.ours && inv.expected == moved.expected && inv.expected.Less(highest) && !moved.promised.Less(highest) {
				c.lead.movedOn = nil
				c.dropRegime(moved.expected)
				return true
			}
		}
	}
	return false
}

// maybeCatchUp sends those who may have missed the install of a view to one who
// has it: another host came from the same view by it, or this host remembers
// having installed it with them, and they had promised it.
func (c *Core) maybeCatchUp() bool {
	next := c.successors()
	var further []*invite
	for _, inv := range c.lead.invites {
		for _, s := range next[inv.answer.From] {
			if inv.answer.Highest.Less(s.view) || slices.Contains(inv.declined, s.view) ||
				(s.with != nil && !slices.Contains(s.with, inv.Process)) {
				continue
			}
			inv.catchup = &message.Catchup{Ballot: c.lead.ballot, View: s.view, Holder: s.holder}
			further = append(further, inv)
			break
		}
	}
	return c.askFurther(further)
}

// successor is a view that somebody installed after another.
type successor struct {
	view   views.ViewID
	holder netip.AddrPort
	// with, if set, are its members.
	with []views.Process
}

// successors gives, by view, the views known to have followed it.
func (c *Core) successors() map[views.ViewID][]successor {
	next := make(map[views.ViewID][]successor)
	add := func(from views.ViewID, s successor) {
		if !from.IsZero() && !slices.ContainsFunc(next[from], func(o successor) bool { return o.view == s.view }) {
			next[from] = append(next[from], s)
		}
	}
	for _, in := range c.installs {
		s := successor{view: in.View, holder: c.self.Addr}
		for i := range in.Members {
			s.with = append(s.with, in.Members[i].Process)
		}
		for _, g := range in.Groups {
			add(g.From, s)
		}
	}
	for _, inv := range c.lead.invites {
		add(inv.answer.Prev, successor{view: inv.answer.From, holder: inv.addr})
	}
	return next
}

// askFurther sends invites what they have to do before the view can be decided.
// All are waited for before the first is asked: this host answers itself at once.
func (c *Core) askFurther(invites []*invite) bool {
	for _, inv := range invites {
		c.await(inv)
	}
	l := c.lead
	for _, inv := range invites {
		switch {
		case c.lead != l:
			return true
		case inv.Host == c.self.Host:
			c.dispatch(c.asSender(), c.furtherFor(inv))
		default:
			c.repeat(inv)
			if inv.via.IsValid() {
				c.repeatVia(inv)
			}
		}
	}
	return len(invites) > 0
}

func (c *Core) furtherFor(inv *invite) message.Message {
	if inv.recover != nil {
		return inv.recover
	}
	return inv.catchup
}

// maybeRecover lets the subgroups complete themselves whose members do not all
// hold the same.
func (c *Core) maybeRecover() bool {
	var further []*invite
	for _, group := range c.groups() {
		if equalDigests(group) {
			continue
		}
		order := &message.Recover{Ballot: c.lead.ballot, From: group[0].answer.From, Cut: c.cutOf(group)}
		for _, inv := range group {
			inv.recover = order
		}
		further = append(further, group...)
	}
	if len(further) > 0 {
		c.emit(trace.Phase{Ballot: c.lead.ballot, Phase: "recover", Cause: "messages-missing"})
	}
	return c.askFurther(further)
}

// groups sorts the invites by the view they come from: ours first, then the
// larger, then by id.
func (c *Core) groups() [][]*invite {
	byView := slices.Clone(c.lead.invites)
	slices.SortStableFunc(byView, func(a, b *invite) int { return a.answer.From.Compare(b.answer.From) })
	var groups [][]*invite
	for len(byView) > 0 {
		n := 1
		for n < len(byView) && byView[n].answer.From == byView[0].answer.From {
			n++
		}
		groups = append(groups, byView[:n:n])
		byView = byView[n:]
	}
	slices.SortStableFunc(groups, func(a, b []*invite) int {
		switch {
		case a[0].answer.From == c.view.ID:
			return -1
		case b[0].answer.From == c.view.ID:
			return 1
		}
		return len(b) - len(a)
	})
	return groups
}

func equalDigests(group []*invite) bool {
	for _, inv := range group[1:] {
		if inv.answer.Digest != group[0].answer.Digest {
			return false
		}
	}
	return true
}

// cutOf is the most anybody of a subgroup holds of each stream, and who does.
func (c *Core) cutOf(group []*invite) []message.CutEntry {
	var cut []message.CutEntry
	for _, inv := range group {
		holder := c.holderRank(inv)
		for _, p := range inv.answer.Have {
			i, found := slices.BinarySearchFunc(cut, p.Stream, func(e message.CutEntry, id message.StreamID) int { return int(e.Stream) - int(id) })
			switch {
			case !found:
				cut = slices.Insert(cut, i, message.CutEntry{StreamPos: p, Holder: holder})
			case p.Seq > cut[i].Seq:
				cut[i].StreamPos, cut[i].Holder = p, holder
			}
		}
	}
	return cut
}

// unknownHolder stands where the coordinator does not know the holder's rank
// in the view that is being completed.
const unknownHolder = views.MembersMax - 1

func (c *Core) holderRank(inv *invite) uint16 {
	if inv.answer.From == c.base.ID {
		return uint16(c.rankOfHost(inv.Host))
	}
	return unknownHolder
}

// handleRecover completes this host up to the cut.
func (c *Core) handleRecover(from Sender, m *message.Recover) {
	p := c.promise
	if p == nil || m.Ballot != p.ballot || m.From != c.view.ID || m.Ballot.Coordinator != from.Host {
		return
	}
	c.bePatient(p)
	for _, e := range m.Cut {
		if int(e.Stream) >= len(c.streams) || e.Seq > c.streams[e.Stream].kept+streamWindow {
			c.drop(from.Host, "bad-cut")
			return
		}
	}
	repeated := p.cut != nil && slices.Equal(p.cut, m.Cut)
	p.cut = m.Cut
	for _, e := range m.Cut {
		s := &c.streams[e.Stream]
		if s.have >= e.Seq {
			continue
		}
		s.announced = max(s.announced, e.Seq)
		if repeated {
			continue // the search goes on where it is
		}
		s.holder, s.nakTries = noHolder, 0
		if int(e.Holder) < len(c.members) {
			s.holder = int(e.Holder)
		}
	}
	c.maybeComplete()
	if c.promise == p && p.cut != nil && !repeated {
		c.reportGaps()
	}
}

// maybeComplete answers again once everything up to the cut is here.
func (c *Core) maybeComplete() {
	p := c.promise
	if p == nil || p.cut == nil {
		return
	}
	for _, e := range p.cut {
		if c.streams[e.Stream].have < e.Seq {
			return
		}
	}
	for _, e := range p.cut {
		s := &c.streams[e.Stream]
		s.limit = max(s.limit, e.Seq)
	}
	p.cut, p.pollTries = nil, 0
	c.sendAnswer()
}

// handleCatchup: as invited, fetch a view we have promised and may have missed;
// as coordinator, learn that an invited one was not in it.
func (c *Core) handleCatchup(from Sender, m *message.Catchup) {
	if l := c.lead; l != nil && m.Ballot == l.ballot && from.Host != c.self.Host {
		if inv := l.find(from.Process); inv != nil && inv.catchup != nil && inv.catchup.View == m.View {
			inv.declined = append(inv.declined, m.View)
			inv.catchup, inv.waiting = nil, false
			c.maybeDecide()
		}
		return
	}
	p := c.promise
	if p == nil || m.Ballot != p.ballot || m.Ballot.Coordinator != from.Host {
		return
	}
	c.bePatient(p)
	switch {
	case m.View == c.view.ID:
		c.sendAnswer()
	case m.View.Less(c.view.ID), m.View.Seq >= p.ballot.Seq, c.answeredTo(m.View) == nil:
		c.decline(m.View)
	default:
		c.fetch(m.View, m.Holder)
	}
}

// decline tells the coordinator that we are not in a view it sent us after, and
// holds to that: it may decide now, with what we said we come from.
func (c *Core) decline(view views.ViewID) {
	p := c.promise
	p.catchup = views.ViewID{}
	c.forgetMissed(view)
	c.forgetAnswer(view)
	if p.released {
		return
	}
	if p.ballot.Coordinator == c.self.Host {
		if c.lead == nil {
			return // given up meanwhile
		}
		if inv := c.lead.find(c.self.Process); inv != nil {
			inv.declined = append(inv.declined, view)
			inv.catchup, inv.waiting = nil, false
			c.maybeDecide()
		}
		return
	}
	c.sendTo(p.coordinator, &message.Catchup{Ballot: p.ballot, View: view})
}

// maybeFetch: a view was met that we had answered to before we promised the
// ballot that then went on without us. We may be in it, so we ask for it.
func (c *Core) maybeFetch(from Sender, view views.ViewID) bool {
	p := c.promise
	if p == nil || !p.released || view == p.ballot || c.answeredTo(view) == nil {
		return false
	}
	if p.catchup != view {
		c.fetch(view, from.Addr)
	}
	return true
}

func (c *Core) handleFetch(from Sender, m *message.Fetch) {
	if in := c.installOf(m.View); in != nil {
		c.sendTo(from.Addr, in)
	}
}

// installOf gives a recent install, whole, or nil.
func (c *Core) installOf(view views.ViewID) *message.Install {
	for _, in := range c.installs {
		if in.View == view {
			return in
		}
	}
	return nil
}
