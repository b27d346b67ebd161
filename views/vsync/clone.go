package vsync

import (
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// seenMax bounds how many hosts' last incarnations are remembered.
const seenMax = 4096

// challengeTries is how many unanswered challenges mean that a process is gone.
const challengeTries = 3

// seenTable remembers the last incarnation of every host that was in a view of
// ours, sorted by host. When it is full the oldest entry makes room.
type seenTable struct {
	entries []seenEntry
	tick    uint64
}

type seenEntry struct {
	views.Process
	nonce uint64
	tick  uint64
}

func (t *seenTable) find(h views.HostID) (int, bool) {
	return slices.BinarySearchFunc(t.entries, h, func(e seenEntry, h views.HostID) int { return e.Host.Compare(h) })
}

// note remembers a process that is in a view of ours.
func (t *seenTable) note(p views.Process, nonce uint64) {
	t.tick++
	i, found := t.find(p.Host)
	if found {
		t.entries[i] = seenEntry{p, nonce, t.tick}
		return
	}
	if len(t.entries) >= seenMax {
		oldest := 0
		for j := range t.entries {
			if t.entries[j].tick < t.entries[oldest].tick {
				oldest = j
			}
		}
		t.entries = slices.Delete(t.entries, oldest, oldest+1)
		i, _ = t.find(p.Host)
	}
	t.entries = slices.Insert(t.entries, i, seenEntry{p, nonce, t.tick})
}

// staler reports whether a later incarnation of the host is known.
func (t *seenTable) staler(p views.Process) bool {
	i, found := t.find(p.Host)
	return found && t.entries[i].Incarnation > p.Incarnation
}

// copied reports whether the same incarnation is known as another process.
func (t *seenTable) copied(p views.Process, nonce uint64) bool {
	i, found := t.find(p.Host)
	return found && t.entries[i].Incarnation == p.Incarnation && t.entries[i].nonce != nonce
}

// other reports whether the same incarnation is known as a process whose nonce
// does not fit the mark.
func (t *seenTable) other(p views.Process, mark uint64) bool {
	i, found := t.find(p.Host)
	return found && t.entries[i].Incarnation == p.Incarnation && !message.SameNonce(mark, t.entries[i].nonce)
}

// challenge is the question to a member whose id somebody else uses, too:
// are you still there?
type challenge struct {
	member   Sender
	newcomer Sender
	token    uint64
	tries    int
	nextAt   views.Instant
}

// admit decides whether a message's sender is who it says it is. One process of
// a host counts: the member, as long as it answers; else the latest.
func (c *Core) admit(from Sender, m message.Message) bool {
	if _, ok := m.(*message.Pong); ok {
		return true // its token says who may send it
	}
	r := c.rankOfHost(from.Host)
	if r < 0 {
		if c.wasEvicted(from.Process) {
			c.maybeRefuse(from, m, views.RefuseEvicted)
			return false
		}
		if c.seen.staler(from.Process) || c.seen.copied(from.Process, from.Nonce) {
			c.maybeRefuse(from, m, views.RefuseRolledBack)
			return false
		}
		return true
	}
	member := &c.base.Members[r]
	st := &c.members[r]
	switch {
	case from.Incarnation == member.Incarnation:
		if member.Nonce != from.Nonce {
			c.maybeRefuse(from, m, views.RefuseDuplicate)
			return false
		}
		return true
	case from.Incarnation < member.Incarnation:
		c.maybeRefuse(from, m, views.RefuseRolledBack)
		return false
	case st.failed || st.gone:
		return true
	}
	c.maybeChallenge(r, from, m)
	return false
}

// maybeRefuse tells one who wants to come in that it may not. Anything but a
// wish to come in is dropped in silence: it may be a late frame of a past life.
func (c *Core) maybeRefuse(from Sender, m message.Message, code views.RefuseCode) {
	switch m.(type) {
	case *message.Hello, *message.Roster, *message.Ask:
	default:
		return
	}
	if c.acting() != c.rank && c.cfg.Multicast && c.view.Size() > smallGroup {
		return // the others know it as well, and too many would answer
	}
	if r := c.rankOfHost(from.Host); code == views.RefuseDuplicate && r >= 0 && c.members[r].suspected {
		return
	}
	c.refuse(from, code)
}

// told is who was refused or sent away lately: copies of one frame must not
// become as many answers and lines in the log.
type told struct {
	who views.Process
	at  views.Instant
}

// Each process is told once in toldEvery, and toldMax of them in all.
const (
	toldMax   = 64
	toldEvery = 100 * time.Millisecond
)

// tells reports whether to tell a process that it is not wanted, and notes it.
func (c *Core) tells(who views.Process) bool {
	i := slices.IndexFunc(c.told, func(t told) bool { return t.who == who })
	switch {
	case i >= 0:
	case len(c.told) < toldMax:
		c.told = append(c.told, told{who, c.now})
		return true
	default:
		i = 0 // the one told longest ago makes room
	}
	if c.now.Sub(c.told[i].at) < toldEvery {
		c.drop(who.Host, "told-already")
		return false
	}
	c.told = slices.Delete(c.told, i, i+1)
	c.told = append(c.told, told{who, c.now})
	return true
}

var refuseHints = map[views.RefuseCode]string{
	views.RefuseDuplicate: "another living process has this host id: is the state directory a copy? " +
		"stop one of the two, and give the copy a fresh data-dir",
	views.RefuseRolledBack: "the group has seen a later life of this host: was the state directory restored from an old copy? " +
		"start it with a fresh data-dir",
	views.RefuseFull:    "the view is full: it has 1024 members; form a second group",
	views.RefuseEvicted: "removed by the operator, or because it held up the whole group",
}

func (c *Core) refuse(to Sender, code views.RefuseCode) {
	if !c.tells(to.Process) {
		return
	}
	c.emit(trace.Join{Who: to.Host, Verdict: trace.JoinReject, Code: code.String()})
	c.sendTo(to.Addr, &message.Refuse{To: to.Process, Nonce: to.Nonce, Code: code, Hint: refuseHints[code]})
}

// maybeChallenge asks a member whether it still lives, since a later
// incarnation of its host has turned up.
func (c *Core) maybeChallenge(r int, newcomer Sender, m message.Message) {
	if r == c.rank || c.challenge != nil {
		return
	}
	switch m.(type) {
	case *message.Ask, *message.Roster, *message.Propose:
		// It speaks to us: we need to know for ourselves.
	case *message.Hello:
		if c.acting() != c.rank && c.cfg.Multicast {
			return // the coordinator hears it, too
		}
	default:
		return
	}
	c.challenge = &challenge{
		member:   senderOf(&c.base.Members[r]),
		newcomer: newcomer, token: c.rng.Uint64(), nextAt: c.now,
	}
	c.advanceChallenge()
}

func (c *Core) advanceChallenge() {
	ch := c.challenge
	if ch == nil || !due(ch.nextAt, c.now) {
		return
	}
	if ch.tries < challengeTries {
		ch.tries++
		ch.nextAt = c.after(c.t.Challenge)
		c.sendTo(ch.member.Addr, &message.Ping{Token: ch.token, To: ch.member.Process})
		return
	}
	c.challenge = nil
	if r := c.rankOf(ch.member.Process); r >= 0 {
		c.members[r].replaced, c.members[r].failed = true, true
		c.emit(trace.Suspect{Who: ch.member.Host, Detector: "challenge", Evidence: message.EvidenceReplaced.String()})
	}
}

// handlePong: the challenged member lives, so the newcomer is refused.
func (c *Core) handlePong(from Sender, m *message.Pong) {
	c.noteReached(m.Token, c.self.Process, []views.Process{from.Process})
	c.runErrand(from, m.Token)
	ch := c.challenge
	if ch == nil || m.Token != ch.token || from.Process != ch.member.Process {
		return
	}
	c.challenge = nil
	c.refuse(ch.newcomer, views.RefuseDuplicate)
}

// handleOwnClone: somebody else uses our host id. In a view the coordinator
// decides; two that are alone decide by incarnation, then nonce: the higher stays.
func (c *Core) handleOwnClone(from Sender, m message.Message) {
	switch m := m.(type) {
	case *message.Refuse:
		if !c.outgrew(from, m) {
			c.handleRefuse(from, m)
		}
		return
	case *message.Hello:
		if c.acting() != c.rank && c.cfg.Multicast {
			return
		}
		ours := c.view.Size()
		switch theirs := max(int(m.Size), 1); {
		case theirs > ours:
			return
		case theirs == ours && !c.outranks(from, m):
			c.sendTo(from.Addr, c.hello())
			return
		}
		c.refuse(from, views.RefuseDuplicate)
	}
}

// outgrew reports whether a twin that refuses us may mean what we were: while its
// word was on its way we came into a view with others, which counts for more. It is
// told so, once in a view; what it says a while after that is meant for us.
func (c *Core) outgrew(from Sender, m *message.Refuse) bool {
	if c.view.Size() == 1 || m.Code != views.RefuseDuplicate || m.To != c.self.Process {
		return false
	}
	if c.grownAt == 0 {
		c.grownAt = c.now
		c.sendTo(from.Addr, c.hello())
	}
	return c.now.Sub(c.grownAt) < toldEvery
}

// outranks reports whether of two processes with one host id, each in a view of
// the same size, this one stays: the one that was there first; where neither is
// new, or both are, the one with the higher incarnation, then nonce.
func (c *Core) outranks(other Sender, m *message.Hello) bool {
	switch {
	case m.New != c.isNew():
		return m.New
	case other.Incarnation != c.self.Incarnation:
		return other.Incarnation < c.self.Incarnation
	}
	return other.Nonce < c.cfg.Nonce
}

// isNew reports whether this process started a moment ago.
func (c *Core) isNew() bool { return c.now.Sub(c.startedAt) < 2*c.t.Hello }

// handleRefuse: the group does not take us in, so we stop and say why.
func (c *Core) handleRefuse(_ Sender, m *message.Refuse) {
	if m.To != c.self.Process || (m.Nonce != c.cfg.Nonce && m.Nonce != 0) {
		return
	}
	c.stop(Stop{How: trace.StopFatal, Code: m.Code, Detail: m.Hint})
}

// IsMember reports whether a frame's sender is a member of the current view
// and not a copy of one.
func (c *Core) IsMember(from Sender) bool {
	if c.view == nil {
		return false
	}
	r := c.rankOf(from.Process)
	return r >= 0 && r != c.rank && c.base.Members[r].Nonce == from.Nonce
}

// IsPast reports whether that life of a host is over, as far as is known here: a later
// one is a member, or was met.
func (c *Core) IsPast(p views.Process) bool {
	r := c.rankOfHost(p.Host)
	return r >= 0 && c.base.Members[r].Incarnation > p.Incarnation || c.seen.staler(p)
}
