package vsync

import (
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// strangersMax bounds how many foreign views are remembered; the ones not heard
// for longest are forgotten first.
const strangersMax = views.MembersMax

// stranger is a view that is not ours, known through one of its members.
type stranger struct {
	contact Sender
	view    views.ViewID
	// size is how many of its members the contact counts on.
	size   uint16
	joiner bool
	// firstAt and heardAt are when it was first and last heard of.
	firstAt, heardAt views.Instant
	// roster are its members by rank, once asked: then both directions work.
	roster []views.Member
	// toldUsAt is when it told the roster; an old one counts no more.
	toldUsAt views.Instant
	// reach is what we know of the ways to them: whoever cannot be reached would
	// keep all the others waiting.
	reach    reach
	promised views.Seq
	askedAt  views.Instant
	token    uint64
	// toldAt is when we last made ourselves known to it, or it to our coordinator.
	toldAt views.Instant
}

// meet notes that from was heard in a view that is not ours. It gives nil where
// that tells nothing.
func (c *Core) meet(from Sender, view views.ViewID, size uint16, joiner bool) *stranger {
	if view.IsZero() || view == c.view.ID {
		return nil
	}
	if c.promise != nil && view == c.promise.ballot {
		c.fetchFrom(from) // we are about to install it, too
		return nil
	}
	if c.maybeFetch(from, view) {
		return nil
	}
	c.noteMissed(from.Addr, view)
	if r := c.rankOf(from.Process); r >= 0 {
		if view.Less(c.view.ID) {
			c.noteBehind(r)
			return nil // it has yet to install our view
		}
		c.noteDeparted(r)
	}
	s := c.findStranger(from.Host, view)
	if s == nil {
		s = c.addStranger(stranger{contact: from, view: view, size: size, joiner: joiner})
	}
	s.heardAt = c.now
	s.size, s.joiner = size, joiner
	// The coordinator is the first to be asked; where it does not answer, whoever is heard.
	silent := s.askedAt != 0 && c.now.Sub(max(s.firstAt, s.toldUsAt)) > c.t.StrangerTTL
	if s.contact.Host == from.Host || (from.Host == view.Coordinator) != silent {
		s.contact = from
	}
	return s
}

func (c *Core) findStranger(host views.HostID, view views.ViewID) *stranger {
	var found *stranger
	c.strangers = slices.DeleteFunc(c.strangers, func(s *stranger) bool {
		if s.view == view {
			found = s
			return false
		}
		return s.contact.Host == host
	})
	return found
}

func (c *Core) addStranger(met stranger) *stranger {
	c.forgetStrangers()
	if len(c.strangers) >= strangersMax {
		silent := 0
		for i, s := range c.strangers {
			if s.heardAt < c.strangers[silent].heardAt {
				silent = i
			}
		}
		c.strangers = slices.Delete(c.strangers, silent, silent+1)
	}
	s := &met
	s.firstAt = c.now
	at, _ := slices.BinarySearchFunc(c.strangers, s, func(a, b *stranger) int { return a.view.Compare(b.view) })
	c.strangers = slices.Insert(c.strangers, at, s)
	c.gather.joinAt = c.now
	ours := c.asStranger()
	c.yieldLonger(s, &ours)
	return s
}

// forgetStrangers drops those not heard for long and those that are ours now.
func (c *Core) forgetStrangers() {
	c.strangers = slices.DeleteFunc(c.strangers, func(s *stranger) bool {
		if c.now.Sub(s.heardAt) > c.t.StrangerTTL {
			return true
		}
		r := c.rankOf(s.contact.Process)
		return r >= 0 && s.view.Compare(c.view.ID) <= 0
	})
}

// SharesAddress reports whether another stranger was heard from the same address of late.
func (c *Core) SharesAddress(from Sender) bool {
	return slices.ContainsFunc(c.strangers, func(s *stranger) bool {
		return s.contact.Addr == from.Addr && s.contact.Host != from.Host && c.fresh(s)
	})
}

// forgetStranger drops the view whose contact is p, which is leaving: nobody would
// answer for it.
func (c *Core) forgetStranger(p views.Process) {
	c.strangers = slices.DeleteFunc(c.strangers, func(s *stranger) bool { return s.contact.Process == p })
}

// better reports whether the stranger rather than we should lead a merge.
func (c *Core) better(s *stranger) bool {
	ours := c.asStranger()
	return leadsBefore(s, &ours)
}

// asStranger is our view as others weigh it.
func (c *Core) asStranger() stranger {
	return stranger{view: views.ViewID{Coordinator: c.coordinator()}, size: c.liveSize(), joiner: c.joiner}
}

// coordinator is the host that would lead for our view.
func (c *Core) coordinator() views.HostID {
	if r := c.acting(); r >= 0 {
		return c.base.Members[r].Host
	}
	return c.self.Host
}

// countsOn reports whether this host takes a member to be with it.
func (c *Core) countsOn(r int) bool {
	m := &c.members[r]
	return r == c.rank || !(m.failed || m.gone || m.departedAt != 0)
}

// liveSize counts the members this host counts on.
func (c *Core) liveSize() uint16 {
	n := 0
	for r := range c.members {
		if c.countsOn(r) {
			n++
		}
	}
	return uint16(n)
}

// attend does what a stranger just heard calls for: whoever leads asks, or
// makes itself known to one who should lead; others tell their coordinator.
func (c *Core) attend(s *stranger) {
	if s == nil || c.phase == Starting || (c.phase == Flushing && c.lead == nil) {
		return // a flushing host is about to be in another view
	}
	if c.acting() != c.rank {
		c.maybeIntroduce(s)
		return
	}
	best := c.bestStranger()
	if best == nil || !c.better(best) {
		c.ask(s)
		return
	}
	c.yield()
	if s == best && (s.toldAt == 0 || c.now.Sub(s.toldAt) > c.t.Hello/2) {
		c.present(s)
	}
	if c.yieldOver() {
		c.ask(s)
	}
}

// present makes this host known to a stranger.
func (c *Core) present(s *stranger) {
	s.toldAt = c.now
	c.sendTo(s.contact.Addr, c.hello())
}

// bestStranger is the one that would lead if all came together; nil for none.
func (c *Core) bestStranger() *stranger {
	var best *stranger
	for _, s := range c.strangers {
		if c.fresh(s) && (best == nil || leadsBefore(s, best)) {
			best = s
		}
	}
	return best
}

// leadsBefore reports whether a rather than b should lead a merge: the larger
// view, then the one that is no joiner, then the lower host.
func leadsBefore(a, b *stranger) bool {
	if a.size != b.size {
		return a.size > b.size
	}
	if a.joiner != b.joiner {
		return b.joiner
	}
	return a.view.Coordinator.Compare(b.view.Coordinator) < 0
}

// ask asks for the roster, but not again while an answer may be on its way.
func (c *Core) ask(s *stranger) {
	if s.askedAt != 0 && c.now.Sub(s.askedAt) < c.t.Retry {
		return
	}
	if s.roster != nil && c.now.Sub(s.askedAt) < c.t.StrangerTTL/2 {
		return
	}
	s.askedAt = c.now
	s.token = c.rng.Uint64()
	c.sendTo(s.contact.Addr, &message.Ask{Token: s.token, Addr: c.self.Addr, View: c.view.ID, Size: c.liveSize(), Joiner: c.joiner})
}

// introduceEach, times the members, is the least time between two introductions
// by one of them: a coordinator hears so many of all of them together.
const introduceEach = 2 * time.Millisecond

// maybeIntroduce tells the coordinator of a stranger it seems not to hear.
func (c *Core) maybeIntroduce(s *stranger) {
	acting := c.acting()
	if acting < 0 || c.now.Sub(s.firstAt) < c.t.Yield || (s.toldAt != 0 && c.now.Sub(s.toldAt) < c.t.Yield) {
		return
	}
	if c.view.Size() > smallGroup && c.now.Sub(c.introducedAt) < time.Duration(c.view.Size())*introduceEach {
		return
	}
	s.toldAt, c.introducedAt = c.now, c.now
	c.sendTo(c.base.Members[acting].Addr, &message.Introduce{Hello: message.Hello{
		Self: views.Member{Process: s.contact.Process, Name: "?", Addr: s.contact.Addr},
		View: s.view, Size: s.size, Joiner: s.joiner,
	}})
}

func (c *Core) hello() *message.Hello {
	return &message.Hello{Self: c.self, View: c.view.ID, Size: c.liveSize(), Joiner: c.joiner, New: c.isNew()}
}

func (c *Core) handleHeartbeat(from Sender, m *message.Heartbeat) {
	if m.View == c.view.ID {
		if r := c.rankOf(from.Process); r >= 0 {
			c.members[r].behindAt = 0
			c.handleHeartbeatStream(r, m)
		}
		return
	}
	c.attend(c.meet(from, m.View, m.Size, false))
}

func (c *Core) handleHello(from Sender, m *message.Hello) {
	if m.Self.Process == from.Process {
		c.attend(c.meet(from, m.View, m.Size, m.Joiner))
	}
}

// handleIntroduce meets a stranger on a member's word; it counts only once it
// has answered us itself.
func (c *Core) handleIntroduce(from Sender, m *message.Introduce) {
	if c.rankOf(from.Process) < 0 || m.Hello.Self.Host == c.self.Host {
		return
	}
	if c.rankOfHost(m.Hello.Self.Host) >= 0 && c.rankOf(m.Hello.Self.Process) < 0 {
		return
	}
	if c.seen.staler(m.Hello.Self.Process) {
		if c.acting() == c.rank {
			c.refuse(Sender{Process: m.Hello.Self.Process, Addr: m.Hello.Self.Addr}, views.RefuseRolledBack)
		}
		return
	}
	c.attend(c.meet(Sender{Process: m.Hello.Self.Process, Addr: m.Hello.Self.Addr}, m.Hello.View, m.Hello.Size, m.Hello.Joiner))
}

// handleAsk answers with our members: that also proves that we hear the asker, and that it
// is where it says.
func (c *Core) handleAsk(from Sender, m *message.Ask) {
	s := c.meet(from, m.View, m.Size, m.Joiner)
	if c.leaving || (c.rankOf(from.Process) < 0 && c.keepsFailing(from.Host)) {
		return // we do not want to be invited, or not by one that keeps failing
	}
	if s != nil && c.better(s) && from.Addr == m.Addr {
		c.yieldOn() // it hears us, gets what we answer as far as can be seen, and is at work
	}
	c.sendTo(m.Addr, &message.Roster{
		Token: m.Token, View: c.view.ID, Promised: c.highest.Seq, Members: c.living(), Joiner: c.joiner,
	})
}

// living are the members this host counts on: those a merge would bring.
func (c *Core) living() []views.Member {
	if int(c.liveSize()) == c.view.Size() {
		return c.view.Members
	}
	var living []views.Member
	for r := range c.members {
		if c.countsOn(r) {
			living = append(living, c.view.Members[r])
		}
	}
	return living
}

func (c *Core) handleRoster(from Sender, m *message.Roster) {
	at := slices.IndexFunc(c.strangers, func(s *stranger) bool {
		return s.token == m.Token && m.Token != 0 && s.contact.Process == from.Process
	})
	if at < 0 || m.View == c.view.ID {
		return
	}
	if c.strangers[at].view != m.View {
		// It has moved on since we met; meet it again where it is.
		asked := c.strangers[at].askedAt
		s := c.meet(from, m.View, uint16(len(m.Members)), m.Joiner)
		if s == nil {
			return
		}
		s.askedAt = asked
		c.keepRoster(s, m)
		return
	}
	c.keepRoster(c.strangers[at], m)
}

func (c *Core) keepRoster(s *stranger, m *message.Roster) {
	if c.leapsFor(m.Promised) || c.leapsFor(m.View.Seq) {
		c.drop(s.contact.Host, "seq-leap")
		return
	}
	s.heardAt, s.joiner = c.now, m.Joiner
	if c.view.ID.Less(m.View) {
		for i := range m.Members {
			if r := c.rankOf(m.Members[i].Process); r >= 0 && r != c.rank {
				c.noteDeparted(r)
			}
		}
	}
	s.promised = m.Promised
	if s.roster == nil {
		c.gather.joinAt = c.now
	}
	changed := !slices.EqualFunc(s.roster, m.Members, func(a, b views.Member) bool { return a.Process == b.Process })
	s.roster, s.toldUsAt = m.Members, c.now
	if room := c.room(); !room.holds(s) {
		c.turnAway(s)
		return
	}
	c.reachOut(s, changed)
}

// advanceHello makes this host known to those who do not know it.
func (c *Core) advanceHello() {
	if !due(c.helloAt, c.now) {
		return
	}
	c.helloAt = 0
	if c.leaving {
		return
	}
	c.armHello()
	if c.phase == Starting || c.acting() != c.rank || (c.heartbeatsReachStrangers() && !c.busy()) {
		return
	}
	if best := c.bestStranger(); best != nil && c.better(best) && c.joiner && !c.yieldOver() {
		c.present(best)
		return
	}
	c.out.Sends = append(c.out.Sends, Send{Scope: Seek, Msg: c.hello()})
}

// helloSteps are the first intervals of a host that is alone, or leads a view
// that has just brought several, in sixteenths of the usual one.
var helloSteps = [...]time.Duration{1, 2, 4, 8}

func (c *Core) armHello() {
	d := c.t.Hello
	if (c.view.Size() == 1 || c.busy()) && c.helloTries < len(helloSteps) {
		d = c.t.Hello / 16 * helloSteps[c.helloTries]
		c.helloTries++
	} else if best := c.bestStranger(); best != nil && c.better(best) && c.yieldOver() {
		// In a crowd the one that will lead is heard; if all others spoke as often
		// nobody could listen.
		d *= 1 + time.Duration(len(c.strangers)/smallGroup)
	} else if c.absent && c.heartbeatsAreHellos() {
		d *= absentEach // only those whom multicast may not reach need it
	}
	c.helloAt = c.after(c.jitter(d))
}

// SetAbsent says whether places are known where hosts may be that are not in the
// view. They may be out of the reach of multicast.
func (c *Core) SetAbsent(some bool) { c.absent = some }

// absentEach is how many periods of Hello pass until the absent hear one of a small
// group: who comes to life seeks more often itself.
const absentEach = 4

// heartbeatsReachStrangers: nothing but heartbeats need be said, unless some are
// known whom multicast seems not to reach.
func (c *Core) heartbeatsReachStrangers() bool { return c.heartbeatsAreHellos() && !c.absent }

// heartbeatsAreHellos: in a small group every heartbeat is a multicast that names
// its view.
func (c *Core) heartbeatsAreHellos() bool {
	return c.cfg.Multicast && c.view.Size() > 1 && c.view.Size() <= smallGroup
}

// smallGroup is up to which size heartbeats go to everybody.
const smallGroup = 12

func (c *Core) fresh(s *stranger) bool { return c.now.Sub(s.heardAt) <= c.t.StrangerTTL }

// StrangerStatus is a foreign view for operators.
type StrangerStatus struct {
	View    views.ViewID
	Contact views.Process
	Size    uint16
	// Answered: it has told its members, so both directions work.
	Answered bool
	// Lacking are the ways between its members and ours that were not found to work.
	Lacking []Way
}

// Strangers lists the foreign views heard of late.
func (c *Core) Strangers() []StrangerStatus {
	var all []StrangerStatus
	for _, s := range c.strangers {
		if c.fresh(s) {
			all = append(all, StrangerStatus{s.view, s.contact.Process, s.size, s.roster != nil, slices.Clone(s.reach.lacking)})
		}
	}
	return all
}
