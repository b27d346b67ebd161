package vsync

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// lead is a ballot this host coordinates.
type lead struct {
	ballot views.ViewID
	// propose is repeated to those who have not answered.
	propose *message.Propose
	// invites are sorted by host. One that is dropped is gone from here.
	invites []*invite
	all     []netip.AddrPort
	// base is the coordinator's view when it proposed.
	base   *views.View
	holdAt views.Instant
	cause  string
	// evicting: a member goes by the operator's word.
	evicting bool
	movedOn  []movedOn
}

// movedOn is a stranger that was not in the view it was expected to come from.
type movedOn struct {
	expected, promised views.ViewID
}

const (
	// joinerEach is what every invited host adds to the wait for a joiner.
	joinerEach = 3 * time.Millisecond
	// seqMax bounds the seqs we follow: no honest group comes there.
	seqMax = 1 << 62
)

// invite is one host asked to come into the view.
type invite struct {
	views.Process
	addr netip.AddrPort
	// ours: a member of the coordinator's own view; joiner: a stranger alone.
	ours, joiner, leaving bool
	// expected is the view a stranger was in when it told its roster.
	expected views.ViewID
	answer   *message.Answer
	nonce    uint64
	// waiting: an answer (or a further one) is expected.
	waiting bool
	// direct: it was heard without a third member's help.
	direct bool
	via    netip.AddrPort
	// askedAt is when the present wait began, nextAt when to repeat.
	askedAt, nextAt views.Instant
	tries           uint8
	// recover or catchup, if set, is what to repeat instead of the proposal.
	recover  *message.Recover
	catchup  *message.Catchup
	declined []views.ViewID
}

// startChange proposes a new ballot to the members that are left and the
// strangers that are ready.
func (c *Core) startChange(cause string) {
	l := &lead{base: c.base, cause: cause}
	without, leaving := c.inviteMembers(l)
	plus, promised := c.inviteStrangers(l)
	if cause == causeStrangers && len(plus) == 0 {
		return // nobody is left to come in
	}
	seq := max(c.highest.Seq, c.view.ID.Seq, c.seqSeen, promised) + 1
	l.ballot = views.ViewID{Seq: seq, Coordinator: c.self.Host, Incarnation: c.self.Incarnation}
	l.propose = &message.Propose{Ballot: l.ballot, Base: c.view.ID, Without: without, Leaving: leaving, Plus: plus, PlusMark: l.marks(plus), Ours: l.ours()}
	slices.SortFunc(l.invites, func(a, b *invite) int { return a.Process.Compare(b.Process) })
	for _, inv := range l.invites {
		c.await(inv)
		if inv.Host != c.self.Host {
			l.all = append(l.all, inv.addr)
		}
	}
	c.lead = l
	c.counters.Ballots++
	l.holdAt = c.after(c.t.Hold)
	c.startedChange(cause)
	c.sendInvited(l.propose)
	c.promiseBallot(&promise{ballot: l.ballot, base: c.view.ID, coordinator: c.self.Addr})
}

// sendInvited sends to everybody invited, by one multicast where there is one.
func (c *Core) sendInvited(m message.Message) {
	if len(c.lead.all) > 0 {
		c.out.Sends = append(c.out.Sends, Send{Scope: All, To: c.lead.all, Msg: m})
	}
}

// await begins a wait for an answer.
func (c *Core) await(inv *invite) {
	inv.waiting = true
	inv.askedAt, inv.tries = c.now, 0
	inv.nextAt = c.after(c.t.Retry)
}

func (c *Core) inviteMembers(l *lead) (without, leaving []uint16) {
	for r := range c.base.Members {
		m := &c.members[r]
		if !c.countsOn(r) || (m.evicted && r != c.rank) {
			without = append(without, uint16(r))
			if m.evicted {
				l.evicting = true
				c.refuse(senderOf(&c.base.Members[r]), views.RefuseEvicted)
			}
			continue
		}
		if m.leaving {
			leaving = append(leaving, uint16(r))
		}
		l.invites = append(l.invites, &invite{
			Process: c.base.Members[r].Process, addr: c.base.Members[r].Addr, ours: true, leaving: m.leaving,
		})
	}
	return without, leaving
}

// inviteStrangers invites whole regimes. Of two that name one host the later goes first, and
// the other waits: that host went there, or is about to, and the others would be torn from it.
func (c *Core) inviteStrangers(l *lead) (plus []views.Process, promised views.Seq) {
	room, ours := c.room(), c.asStranger()
	members, taken := make(map[views.HostID]bool, len(l.invites)), make(map[views.HostID]bool)
	for _, inv := range l.invites {
		members[inv.Host] = true
	}
	for _, s := range slices.Backward(c.strangers) {
		overlaps := slices.ContainsFunc(s.roster, func(m views.Member) bool { return taken[m.Host] })
		if overlaps || !c.mayInvite(s, &ours) || !room.holds(s) {
			continue
		}
		promised = max(promised, s.promised, s.view.Seq)
		room.take(s)
		for i := range s.roster {
			m := &s.roster[i]
			if !c.welcome(s, m) || !c.reaches(s, m) || members[m.Host] || taken[m.Host] {
				continue
			}
			taken[m.Host] = true
			l.invites = append(l.invites, &invite{Process: m.Process, addr: m.Addr, joiner: s.joiner && len(s.roster) == 1, expected: s.view, nonce: m.Nonce})
			plus = append(plus, m.Process)
		}
	}
	slices.SortFunc(plus, views.Process.Compare)
	return plus, promised
}

// marks gives for each stranger invited where it is expected to come from and
// which process it is.
func (l *lead) marks(plus []views.Process) []uint64 {
	marks := make([]uint64, len(plus))
	for _, inv := range l.invites {
		if i, found := slices.BinarySearchFunc(plus, inv.Process, views.Process.Compare); found {
			marks[i] = message.Mark(inv.expected, inv.nonce)
		}
	}
	return marks
}

// ours names those of our own view where several of another one are invited. One who
// knows a later life of one of them would decline the install; one who does not would
// count on all of its view, in vain. So they say it with their answers.
func (l *lead) ours() (ours []views.Process) {
	last, several := views.ViewID{}, false
	for _, inv := range l.invites {
		if !inv.ours {
			several = several || inv.expected == last
			last = inv.expected
		}
	}
	if !several {
		return nil
	}
	for _, inv := range l.invites {
		if inv.ours {
			ours = append(ours, inv.Process)
		}
	}
	slices.SortFunc(ours, views.Process.Compare)
	return ours
}

// find gives the invite of a process, or nil.
func (l *lead) find(p views.Process) *invite {
	i, ok := slices.BinarySearchFunc(l.invites, p, func(inv *invite, p views.Process) int { return inv.Process.Compare(p) })
	if !ok {
		return nil
	}
	return l.invites[i]
}

// waiting reports whether anybody still has to answer.
func (l *lead) waiting() bool {
	return slices.ContainsFunc(l.invites, func(i *invite) bool { return i.waiting })
}

// deadline is when to repeat; this host itself answers when its disk does.
func (l *lead) deadline() views.Instant {
	d := l.holdAt
	for _, inv := range l.invites {
		if inv.waiting && inv.Host != l.ballot.Coordinator {
			d = views.Earliest(d, inv.nextAt)
		}
	}
	return d
}

// advanceLead repeats, relays, and in the end leaves out.
func (c *Core) advanceLead() {
	l := c.lead
	if l == nil {
		return
	}
	if due(l.holdAt, c.now) {
		l.holdAt = c.after(c.t.Hold)
		if p := c.promise; p.durable || c.now.Sub(p.at) < c.t.MemberWait {
			c.sendInvited(&message.Hold{Ballot: l.ballot})
		} // else our own disk hangs: another shall lead
	}
	for _, inv := range slices.Clone(l.invites) {
		if c.lead != l {
			return
		}
		if inv.waiting && inv.Host != c.self.Host && inv.nextAt <= c.now {
			c.chase(inv)
		}
	}
}

// chase repeats what one laggard has not answered; after a while also through
// a third member; at last it goes on without it.
func (c *Core) chase(inv *invite) {
	waited := c.now.Sub(inv.askedAt)
	if waited >= c.waitFor(inv) {
		c.emit(trace.Laggard{Ballot: c.lead.ballot, Who: inv.Host, Step: "left-out"})
		c.counters.LeftOut++
		if inv.ours {
			c.dropInvite(inv)
			return
		}
		c.noteShy(inv.Host, shyFirst, shyLast)
		c.dropRegime(inv.expected)
		return
	}
	inv.tries++
	inv.nextAt = c.after(backoff(c.t.Retry, inv.tries, c.t.RetryMax))
	c.repeat(inv)
	if waited >= c.t.Relay && inv.ours && !inv.via.IsValid() {
		inv.via = c.relayFor(inv)
		if inv.via.IsValid() {
			c.emit(trace.Laggard{Ballot: c.lead.ballot, Who: inv.Host, Step: "relay"})
		}
	}
	if inv.via.IsValid() {
		c.repeatVia(inv)
	}
}

// waitFor is how long an answer is waited for.
func (c *Core) waitFor(inv *invite) time.Duration {
	switch {
	case inv.ours:
		return c.t.MemberWait
	case inv.joiner:
		return c.t.JoinerWait + time.Duration(len(c.lead.invites))*joinerEach
	}
	return c.t.MergeWait
}

// repeat sends an invite what it has not answered.
func (c *Core) repeat(inv *invite) {
	switch {
	case inv.recover != nil:
		c.sendTo(inv.addr, inv.recover)
	case inv.catchup != nil:
		c.sendTo(inv.addr, inv.catchup)
	default:
		c.sendTo(inv.addr, c.lead.propose)
	}
}

// repeatVia does the same through a third member; the proposal tells it to
// answer there, too.
func (c *Core) repeatVia(inv *invite) {
	switch {
	case inv.recover != nil:
		c.sendVia(inv.via, inv.addr, inv.recover)
	case inv.catchup != nil:
		c.sendVia(inv.via, inv.addr, inv.catchup)
	default:
		p := *c.lead.propose
		p.Via = inv.via
		c.sendVia(inv.via, inv.addr, &p)
	}
}

// relayFor picks a member that has answered us directly, a different one for
// each laggard where possible.
func (c *Core) relayFor(inv *invite) netip.AddrPort {
	var able []netip.AddrPort
	for _, other := range c.lead.invites {
		if other.ours && !other.leaving && other.direct && other != inv && other.Host != c.self.Host {
			able = append(able, other.addr)
		}
	}
	if len(able) == 0 {
		return netip.AddrPort{}
	}
	return able[c.rng.IntN(len(able))]
}

// dropInvites goes on without those that fit: all of them at once, since the view
// may be decided the moment nobody is waited for.
func (c *Core) dropInvites(fits func(*invite) bool) {
	l := c.lead
	var gone []*invite
	l.invites = slices.DeleteFunc(l.invites, func(i *invite) bool {
		if i.Host == c.self.Host || !fits(i) {
			return false
		}
		gone = append(gone, i)
		return true
	})
	for _, inv := range gone {
		// What the others were to complete may now be out of reach: take it anew. But
		// one that was sent after a view may be in it by now: it says so itself.
		for _, other := range l.invites {
			if other.recover != nil && other.answer != nil && other.answer.From == inv.from() {
				other.recover, other.waiting = nil, false
			}
		}
	}
	if len(gone) > 0 {
		c.maybeDecide()
	}
}

func (c *Core) dropInvite(inv *invite) { c.dropInvites(func(i *invite) bool { return i == inv }) }

// dropRegime goes on without all that were to come from a view: one of them has
// moved on or follows another coordinator, so it would be torn apart.
func (c *Core) dropRegime(view views.ViewID) {
	c.strangers = slices.DeleteFunc(c.strangers, func(s *stranger) bool { return s.view == view })
	c.dropInvites(func(i *invite) bool { return !i.ours && i.expected == view })
}

// from is the view an invite said it comes from; zero before it did.
func (inv *invite) from() views.ViewID {
	if inv.answer == nil {
		return views.ViewID{}
	}
	return inv.answer.From
}

// dropFailedInvites goes on without members the detector has given up.
func (c *Core) dropFailedInvites() {
	if c.lead == nil {
		return
	}
	c.dropInvites(func(i *invite) bool {
		r := c.rankOf(i.Process)
		return r >= 0 && c.members[r].failed
	})
}

// handleAnswer takes an answer to our ballot. One to a ballot that we decided
// already lost the install; one to a ballot we gave up is told so.
func (c *Core) handleAnswer(from Sender, m *message.Answer) {
	if c.lead == nil || m.Ballot != c.lead.ballot {
		c.answerLate(from, m)
		return
	}
	inv := c.lead.find(from.Process)
	if inv == nil || (m.Self != nil && (m.Self.Process != from.Process || m.Self.Nonce != from.Nonce)) {
		return
	}
	if inv.answer != nil && inv.nonce != from.Nonce {
		return // a copy of one that has answered
	}
	inv.nonce = from.Nonce
	if m.Self == nil && (!inv.ours || m.From != c.lead.base.ID) {
		return
	}
	c.takeAnswer(inv, m)
	if c.dropStale(m.Stale) || c.maybeSendBack(inv) {
		return
	}
	c.maybeDecide()
}

func (c *Core) takeAnswer(inv *invite, m *message.Answer) {
	if inv.catchup != nil && m.From != inv.catchup.View {
		return // it has not caught up yet
	}
	inv.answer = m
	inv.waiting = false
	inv.recover, inv.catchup = nil, nil
	inv.leaving = (inv.leaving || m.Leaving) && inv.Host != c.self.Host
	if !m.Relayed {
		inv.direct = true
	}
}

// dropStale leaves out those whom a member knows in a later life, and says
// whether the ballot went on without waiting for this answer's effect. Where that is
// one of our own view it goes, and a new ballot begins without it.
func (c *Core) dropStale(stale []views.Process) bool {
	for _, p := range stale {
		if inv := c.lead.find(p); inv != nil && inv.ours && p != c.self.Process {
			c.members[c.rankOf(p)].evicted = true
			c.refuse(Sender{Process: p, Addr: inv.addr}, views.RefuseRolledBack)
			c.startChange("an earlier life among us")
			return true
		}
	}
	c.dropInvites(func(i *invite) bool {
		if i.ours || !slices.Contains(stale, i.Process) {
			return false
		}
		c.refuse(Sender{Process: i.Process, Addr: i.addr}, views.RefuseRolledBack)
		return true
	})
	return c.lead == nil
}

func (c *Core) answerLate(from Sender, m *message.Answer) {
	if m.Ballot.Coordinator != c.self.Host {
		return
	}
	if in := c.installOf(m.Ballot); in != nil {
		c.sendTo(from.Addr, in)
		return
	}
	if m.Ballot.Less(c.highest) {
		c.sendTo(from.Addr, &message.Nack{Ballot: m.Ballot, Promised: c.highest})
	}
}

// handleNack: a stranger that is busy elsewhere is left out; a member that has
// promised a higher ballot means that another leads, so we follow for a while.
func (c *Core) handleNack(from Sender, m *message.Nack) {
	if c.promise != nil && m.Ballot == c.promise.ballot && m.Ballot.Coordinator == from.Host {
		c.noteSeq(m.Promised.Seq)
		if !c.promise.abandoned {
			c.abandon("nack")
		}
		return
	}
	l := c.lead
	if l == nil || m.Ballot != l.ballot {
		c.answerLateNack(from, m)
		return
	}
	inv := l.find(from.Process)
	if inv == nil {
		return
	}
	c.noteSeq(m.Promised.Seq)
	switch {
	case inv.ours:
		c.yieldLead("nack by " + from.Host.Short())
	case m.Promised.Less(l.ballot) && m.Promised != inv.expected && !c.isContact(inv):
		// It is not where an old roster has it; those who told the roster may be.
		l.movedOn = append(l.movedOn, movedOn{inv.expected, m.Promised})
		c.dropInvite(inv)
	default:
		c.noteShy(inv.Host, shyBusy, shyBusyLast)
		c.dropRegime(inv.expected)
	}
}

// answerLateNack: our view was decided with one who has promised a higher ballot
// since. It tells the coordinator of that one, and is sent to catch up.
func (c *Core) answerLateNack(from Sender, m *message.Nack) {
	if in := c.installOf(m.Ballot); in != nil && m.Ballot.Coordinator == c.self.Host && m.Ballot.Less(m.Promised) {
		c.sendTo(from.Addr, in)
	}
}

// isContact reports whether an invited stranger told us the roster of its view.
func (c *Core) isContact(inv *invite) bool {
	return slices.ContainsFunc(c.strangers, func(s *stranger) bool {
		return s.view == inv.expected && s.contact.Process == inv.Process
	})
}

// noteSeq sees to it that our next ballot is above what others have promised.
func (c *Core) noteSeq(seq views.Seq) {
	if !c.leapsFor(seq) {
		c.seqSeen = max(c.seqSeen, seq)
	}
}

// leaps reports whether a seq is one that no honest group can have come to:
// following it would use the numbers up.
func (c *Core) leaps(seq views.Seq) bool { return seq >= seqMax }

// leapsFor is the same for a seq that our next ballot would have to pass: ours
// must not come to where others stop following.
func (c *Core) leapsFor(seq views.Seq) bool { return seq >= seqMax/2 }

// yieldLead gives up our ballot for another's. Ours stays promised, so we are
// still flushing; if the other does not come we try again. The strangers we
// invited need not wait for us.
func (c *Core) yieldLead(cause string) {
	c.counters.Yields++
	c.emit(trace.Phase{Ballot: c.lead.ballot, Phase: "yield", Cause: cause})
	for _, inv := range c.lead.invites {
		if !inv.ours {
			c.sendTo(inv.addr, &message.Nack{Ballot: c.lead.ballot, Promised: c.highest})
		}
	}
	c.lead = nil
	if c.promise != nil {
		c.promise.patience = c.after(c.jitter(c.t.Patience / 2))
		c.promise.abandoned = true
	}
}

// handleAbdicate: the coordinator cannot hear members that we hear.
func (c *Core) handleAbdicate(from Sender, m *message.Abdicate) {
	if c.lead != nil || c.leaving || c.rankOf(from.Process) < 0 || c.promise == nil || c.promise.ballot != m.Ballot {
		return
	}
	c.abdicated = true
	c.startChange("abdicated")
}

// maybeAbdicate hands the ballot over where a member answers only through
// another, who then hears both. Once is enough: the next coordinator keeps it.
func (c *Core) maybeAbdicate() bool {
	l := c.lead
	if c.abdicated {
		return false
	}
	for _, inv := range l.invites {
		if !inv.ours || inv.direct || inv.answer == nil || !inv.via.IsValid() {
			continue
		}
		c.abdicated = true
		c.sendTo(inv.via, &message.Abdicate{Ballot: l.ballot})
		c.yieldLead("abdicate")
		return true
	}
	return false
}
