package vsync

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// promise is the ballot this host has promised and waits for.
type promise struct {
	ballot views.ViewID
	// base is the view the proposal spoke of, plus the invited of other views.
	base views.ViewID
	// leaving are ranks of base that asked the coordinator to go.
	leaving []uint16
	stale   []views.Process
	// coordinator is where the answer goes; via, if valid, the way around.
	coordinator, via netip.AddrPort
	// durable: the promise is on disk, so it may be told.
	durable bool
	// at is when it was made.
	at views.Instant
	// pollAt is when to repeat the answer.
	pollAt    views.Instant
	pollTries uint8
	// patience is until when the coordinator may stay silent; crowd how many
	// strangers it has invited.
	patience views.Instant
	crowd    int
	// doubted: the detector had given the coordinator up before, and has not taken that
	// back. That it asks says more: it counts as silent when patience ends.
	doubted bool
	// abandoned: the coordinator stayed silent; another shall lead.
	abandoned bool
	// released: the ballot was decided without us, so it no longer counts on us.
	released bool
	// cut, if set, is what to complete before answering again.
	cut []message.CutEntry
	// catchup, if set, is the view that is being fetched from holder, since
	// fetchSince; fetchAt is when to ask again.
	catchup             views.ViewID
	holder              netip.AddrPort
	fetchSince, fetchAt views.Instant
	fetchTries          uint8
}

func (p *promise) deadline() views.Instant {
	d := views.Earliest(p.pollAt, p.patience)
	if p.catchup.IsZero() {
		return d
	}
	return views.Earliest(d, p.fetchAt)
}

// answeredBallot remembers what this host said it held, so that an install of
// that ballot can be held against it.
type answeredBallot struct {
	ballot views.ViewID
	digest uint64
	limits []views.StreamSeq
	// sought is for how long its install was asked for under ballots that are over.
	sought time.Duration
}

// answeredMax is how many ballots of one view change are remembered.
const answeredMax = 8

func (c *Core) handlePropose(from Sender, m *message.Propose) {
	if m.Ballot.Coordinator != from.Host {
		return
	}
	if c.leaps(m.Ballot.Seq) {
		c.drop(from.Host, "seq-leap")
		return
	}
	if p := c.promise; p != nil && m.Ballot == p.ballot {
		c.bePatient(p)
		if m.Via.IsValid() {
			p.via = m.Via
		}
		if p.durable {
			c.sendAnswer()
		}
		return
	}
	if !c.isInvited(m) {
		return
	}
	if m.Ballot.Compare(c.highest) <= 0 || m.Ballot.Seq <= c.view.ID.Seq || c.isElsewhere(m) {
		if m.Ballot != c.view.ID && c.tells(from.Process) {
			c.emit(trace.Phase{Ballot: m.Ballot, Phase: "nack", Cause: c.nackCause(m)})
			c.sendTo(from.Addr, &message.Nack{Ballot: m.Ballot, Promised: c.highest})
		}
		return
	}
	if c.isTaken(from) {
		return // it proposes again if nothing comes of the first
	}
	if c.phase == Operational && !c.quiet() {
		c.deferred = &deferred{from, m}
		return
	}
	if c.lead != nil {
		c.yieldLead("higher ballot " + m.Ballot.String())
	}
	p := &promise{
		ballot: m.Ballot, base: m.Base, leaving: m.Leaving, stale: c.staleAmong(m), coordinator: from.Addr, via: m.Via, crowd: len(m.Plus),
		doubted: c.givenUp(m.Ballot.Coordinator),
	}
	c.promiseBallot(p)
	if c.promise == p && c.view.ID.Less(m.Base) && c.answeredTo(m.Base) != nil {
		// The coordinator comes from a view that we may be in: it will want us to
		// catch up, so we need not be told.
		c.fetch(m.Base, from.Addr)
	}
}

// deferred is a proposal that waits until this host may stop sending.
type deferred struct {
	from    Sender
	propose *message.Propose
}

// quiet reports whether this host may stop sending now.
func (c *Core) quiet() bool { return c.cfg.Quiet == nil || c.cfg.Quiet() }

// maybeTakeDeferred goes on with the proposal that has waited.
func (c *Core) maybeTakeDeferred() {
	if d := c.deferred; d != nil && (c.phase != Operational || c.quiet()) {
		c.deferred = nil
		c.handlePropose(d.from, d.propose)
	}
}

// isTaken reports whether a stranger's proposal finds us taken by another's: both
// would install a view with us, and we could be in one only.
func (c *Core) isTaken(from Sender) bool {
	p := c.promise
	return p != nil && c.now.Sub(p.at) < c.t.Retry && p.ballot.Coordinator != from.Host &&
		c.rankOfHost(p.ballot.Coordinator) < 0 && c.rankOfHost(from.Host) < 0
}

func (c *Core) nackCause(m *message.Propose) string {
	switch {
	case c.isElsewhere(m):
		return "we come from another view: " + c.view.ID.String()
	case m.Ballot.Seq <= c.view.ID.Seq:
		return "not above our view " + c.view.ID.String()
	}
	return "promised " + c.highest.String()
}

// isInvited: by rank where the proposal's base is our view, by name else; also
// where the base is a view we have promised and may have missed.
func (c *Core) isInvited(m *message.Propose) bool {
	if slices.Contains(m.Plus, c.self.Process) {
		return true
	}
	if m.Base == c.view.ID {
		return !slices.Contains(m.Without, uint16(c.rank))
	}
	return c.answeredTo(m.Base) != nil
}

// isElsewhere: the coordinator expects us to come from another view than ours.
func (c *Core) isElsewhere(m *message.Propose) bool {
	i, found := slices.BinarySearchFunc(m.Plus, c.self.Process, views.Process.Compare)
	return found && i < len(m.PlusMark) && !message.SameView(m.PlusMark[i], message.Mark(c.view.ID, 0)) && m.Base != c.view.ID
}

// staleAmong lists the invited of which this host knows a later life, or the
// same life as another process.
func (c *Core) staleAmong(m *message.Propose) []views.Process {
	var stale []views.Process
	for i, p := range m.Plus {
		known := c.seen.staler(p) || (i < len(m.PlusMark) && c.seen.other(p, m.PlusMark[i]))
		if known {
			stale = append(stale, p)
		}
	}
	if m.Base == c.view.ID {
		return stale // whoever is among us was let in
	}
	for _, p := range m.Ours {
		if c.seen.staler(p) {
			stale = append(stale, p)
		}
	}
	return stale
}

// promiseBallot promises a ballot: it stops sending and delivering, and tells
// the disk; the answer follows once it is there. A coordinator that has our
// answer to another ballot is told not to count on us.
func (c *Core) promiseBallot(p *promise) {
	if old := c.promise; old != nil {
		c.noteSought(old)
		c.lastPromised = old.ballot
		if who := old.ballot.Coordinator; old.durable && !old.released && who != c.self.Host && who != p.ballot.Coordinator {
			c.sendTo(old.coordinator, &message.Nack{Ballot: old.ballot, Promised: p.ballot})
		}
	}
	c.bePatient(p)
	p.at = c.now
	c.highest, c.promise = p.ballot, p
	if c.phase == Operational {
		c.enterFlushing()
	}
	c.persist(p.ballot.Seq)
	if p.durable = p.ballot.Seq <= c.durable; p.durable {
		c.sendAnswer()
	}
}

// bePatient gives the coordinator time; to bring in a crowd takes longer.
func (c *Core) bePatient(p *promise) {
	p.patience = c.after(c.t.Patience + time.Duration(p.crowd)*joinerEach)
}

// enterFlushing stops sending and delivering (I4).
func (c *Core) enterFlushing() {
	c.flushSends()
	c.enter(Flushing)
	for r := range c.streams {
		c.streams[r].limit = c.streams[r].have
	}
	c.emit(trace.Block{View: c.view.ID})
	c.deliver(Blocked{View: c.view.ID})
}

// sendAnswer tells the coordinator where we come from and what we hold, unless it has
// decided without us: a late copy of its proposal asks for nothing.
func (c *Core) sendAnswer() {
	p := c.promise
	if p.released {
		return
	}
	a := c.answer()
	c.rememberAnswer(p.ballot, a.Digest)
	p.pollAt = c.after(c.jitter(backoff(c.t.Poll, p.pollTries, c.t.RetryMax)))
	p.pollTries = min(p.pollTries+1, 8)
	if p.ballot.Coordinator == c.self.Host {
		p.pollAt = 0
		c.handleAnswer(c.asSender(), a)
		return
	}
	c.sendTo(p.coordinator, a)
	if p.via.IsValid() {
		relayed := *a
		relayed.Relayed = true
		c.sendVia(p.via, p.coordinator, &relayed)
	}
}

func (c *Core) asSender() Sender {
	return Sender{Process: c.self.Process, Nonce: c.cfg.Nonce, Addr: c.self.Addr}
}

func (c *Core) answer() *message.Answer {
	p := c.promise
	a := &message.Answer{
		Ballot: p.ballot, From: c.view.ID, Prev: c.prev, Joiner: c.joiner, Leaving: c.leaving, Stale: p.stale,
		Digest: c.digest(), Bare: c.bare(),
	}
	if c.view.ID.Less(c.lastPromised) {
		a.Highest = c.lastPromised
	}
	if c.view.ID.Less(c.missed.view) {
		a.Missed, a.Holder = c.missed.view, c.missed.holder
	}
	for r := range c.streams {
		if s := &c.streams[r]; s.limit > s.stable {
			a.Have = append(a.Have, message.StreamPos{Stream: message.StreamID(r), Seq: s.limit})
		}
	}
	if p.base != c.view.ID || !c.said.Equal(c.base.Members[c.rank]) {
		self := c.said
		a.Self = &self
	}
	return a
}

// bare reports whether nothing this host knows, or holds and has not delivered,
// speaks of a light group.
func (c *Core) bare() bool {
	for r := range c.members {
		if s := &c.streams[message.StreamOf(r, message.ClassPlaced)]; s.have > s.delivered {
			return false
		}
	}
	return c.cfg.Bare == nil || c.cfg.Bare()
}

// digest sums how much of each stream this host holds and will deliver.
func (c *Core) digest() uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	sum := uint64(offset)
	for r := range c.streams {
		if limit := uint64(c.streams[r].limit); limit > 0 {
			sum = (sum ^ uint64(r)) * prime
			for ; limit > 0; limit >>= 8 {
				sum = (sum ^ limit&0xff) * prime
			}
			sum = (sum ^ 0x100) * prime
		}
	}
	return sum
}

func (c *Core) rememberAnswer(ballot views.ViewID, digest uint64) {
	if c.saidTo(ballot, digest) != nil {
		return
	}
	said := answeredBallot{ballot: ballot, digest: digest, limits: make([]views.StreamSeq, len(c.streams))}
	for r := range c.streams {
		said.limits[r] = c.streams[r].limit
	}
	if len(c.answered) >= answeredMax {
		oldest := max(0, slices.IndexFunc(c.answered, func(a answeredBallot) bool { return a.ballot != c.missed.view }))
		c.answered = slices.Delete(c.answered, oldest, oldest+1)
	}
	c.answered = append(c.answered, said)
}

// forgetAnswer: a ballot was decided without this host.
func (c *Core) forgetAnswer(ballot views.ViewID) {
	c.answered = slices.DeleteFunc(c.answered, func(a answeredBallot) bool { return a.ballot == ballot })
}

func (c *Core) answeredTo(ballot views.ViewID) *answeredBallot {
	for i := range c.answered {
		if c.answered[i].ballot == ballot {
			return &c.answered[i]
		}
	}
	return nil
}

// saidTo gives the answer to a ballot that said this digest, or nil. Nothing is
// delivered between the promise and the install, so any of them can be kept.
func (c *Core) saidTo(ballot views.ViewID, digest uint64) *answeredBallot {
	for i := range c.answered {
		if a := &c.answered[i]; a.ballot == ballot && a.digest == digest {
			return a
		}
	}
	return nil
}

// fetchFrom asks one who was met in the view we wait for: its install did not
// come, and the coordinator may be out of reach.
func (c *Core) fetchFrom(from Sender) {
	if p := c.promise; p.durable && !p.released && p.ballot.Coordinator != c.self.Host && p.cut == nil {
		c.sendTo(from.Addr, &message.Fetch{View: p.ballot})
	}
}

func (c *Core) advancePromise() {
	p := c.promise
	if p == nil {
		return
	}
	if due(p.pollAt, c.now) {
		p.pollAt = 0
		if p.durable && p.cut == nil && p.ballot.Coordinator != c.self.Host {
			c.sendAnswer()
		}
	}
	c.advanceFetch(p)
	if c.promise == p && due(p.patience, c.now) {
		c.abandon("patience")
	}
}

// handleHold: the coordinator is still at work.
func (c *Core) handleHold(from Sender, m *message.Hold) {
	if p := c.promise; p != nil && m.Ballot == p.ballot && m.Ballot.Coordinator == from.Host {
		c.bePatient(p)
		p.pollAt = c.after(c.jitter(c.t.RetryMax))
	}
}

// abandon gives up on the coordinator of the promised ballot, and on each that
// should lead in its place and stays silent, too. It ends with a view: in the
// worst case this host leads a change of those it still counts on. An install
// of the promised ballot is still welcome until a higher one is promised.
func (c *Core) abandon(cause string) {
	p := c.promise
	if c.lead != nil {
		c.bePatient(p)
		return
	}
	c.counters.Abandons++
	c.emit(trace.Phase{Ballot: p.ballot, Phase: "abandon", Cause: cause})
	switch r := c.rankOfHost(p.ballot.Coordinator); {
	case p.abandoned:
		if a := c.acting(); a >= 0 && a != c.rank {
			c.members[a].shunned = true
		}
	case r >= 0 && r != c.rank:
		c.members[r].shunned = true
	}
	p.abandoned = true
	p.patience = c.after(c.jitter(c.t.Patience))
	c.maybeTakeOver()
}

// maybeTakeOver leads the change anew if that falls to this host.
func (c *Core) maybeTakeOver() {
	if c.phase == Flushing && c.lead == nil && c.promise.abandoned {
		switch a := c.acting(); {
		case a == c.rank, a < 0 && !c.leaving:
			c.startChange("coordinator-silent")
		case a < 0 && c.nobodyStays():
			c.stop(Stop{How: trace.StopGraceful, Detail: "nobody was left to take this host out"})
		}
	}
}

// givenUp reports whether the detector counts another member as failed.
func (c *Core) givenUp(h views.HostID) bool {
	r := c.rankOfHost(h)
	return r >= 0 && r != c.rank && c.members[r].failed
}

// maybeAbandonFailed: the coordinator we wait for was given up by the detector.
func (c *Core) maybeAbandonFailed() {
	p := c.promise
	if p == nil || c.lead != nil {
		return
	}
	failed := c.givenUp(p.ballot.Coordinator)
	p.doubted = p.doubted && failed
	switch {
	case !p.abandoned && failed && !p.doubted:
		c.abandon("coordinator-failed")
	case p.abandoned:
		c.maybeTakeOver()
	}
}
