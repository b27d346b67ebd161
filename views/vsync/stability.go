package vsync

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// stability finds out what all members hold. Members tell the coordinator how
// much they have of each stream; it tells all the least of that. Both say only
// what is not yet stable, so a quiet group says nothing. A little traffic is
// acknowledged after a while; one whose window fills asks for it at once.
type stability struct {
	// ackAt is when this member reports next, ackTries how often it did so in vain.
	ackAt    views.Instant
	ackTries uint8
	// stableAt is when the coordinator tells next.
	stableAt views.Instant
	// now: a packet since the last [Core.Acknowledge] asked for an Ack, all: to everybody.
	now, all bool
	// held has, for each stream that is not all stable, how much each member said
	// it holds of it: the coordinator hears that from all, the others where a safe
	// message is under way.
	held [][]views.StreamSeq
}

// armAck sees to it that what has arrived is reported soon.
func (c *Core) armAck() {
	if c.rank == 0 {
		c.armStable()
		return
	}
	c.stability.ackTries = 0
	c.stability.ackAt = views.Earliest(c.stability.ackAt, c.after(c.t.AckDelay))
}

func (c *Core) armStable() {
	c.stability.stableAt = views.Earliest(c.stability.stableAt, c.after(c.t.AckDelay))
}

// unstable lists the streams of which this member holds more than is stable.
func (c *Core) unstable() []message.StreamPos {
	var have []message.StreamPos
	for i := range c.streams {
		if s := &c.streams[i]; s.firm > s.stable {
			have = append(have, message.StreamPos{Stream: message.StreamID(i), Seq: s.firm}) //nolint:gosec // below StreamsMax
		}
	}
	return have
}

// Acknowledge reports at once what this host holds where a packet since the last call
// asked for it. One call does for all packets that came together.
func (c *Core) Acknowledge() {
	st := &c.stability
	if !st.now && !st.all || c.phase != Operational || c.stopped {
		return
	}
	now, all := st.now, st.all
	st.now, st.all = false, false
	switch {
	case all:
		if have := c.unstable(); len(have) > 0 {
			c.sendAll(c.ackOf(have))
		}
	case now && c.rank != 0:
		c.sendAck()
	}
	if c.rank == 0 {
		c.maybeStable()
	}
}

// sendAck reports, and goes on reporting ever more rarely until all is stable.
func (c *Core) sendAck() {
	st := &c.stability
	st.ackAt = 0
	if c.phase != Operational {
		return
	}
	have := c.unstable()
	if len(have) == 0 {
		return
	}
	c.sendTo(c.base.Members[0].Addr, c.ackOf(have))
	st.ackTries = min(st.ackTries+1, 100)
	st.ackAt = c.after(backoff(2*c.t.AckDelay, st.ackTries, c.t.RetryMax))
}

func (c *Core) handleAck(from Sender, m *message.Ack) {
	r := c.rankOf(from.Process)
	if m.View != c.view.ID || r < 0 {
		return
	}
	var known []message.StreamPos
	for _, p := range m.Have {
		if int(p.Stream) >= len(c.streams) {
			continue
		}
		if s := &c.streams[p.Stream]; p.Seq <= s.stable {
			known = append(known, message.StreamPos{Stream: p.Stream, Seq: s.stable})
			continue
		}
		held := c.heldOf(p.Stream)
		held[r] = max(held[r], p.Seq)
	}
	if c.order.unsafe && c.phase == Operational {
		c.deliverPlaced()
	}
	if c.rank != 0 {
		return
	}
	stopped := c.flow.room == 0
	c.takeRoom(r, m.Room, m.Turn)
	if stopped != (c.flow.room == 0) {
		c.sendStable() // all stop, or go on, at once
	}
	if len(known) > 0 {
		c.sendTo(from.Addr, c.stableOf(known))
	}
	c.armStable()
	c.maybeStable()
}

func (c *Core) heldOf(id message.StreamID) []views.StreamSeq {
	st := &c.stability
	if st.held == nil {
		st.held = make([][]views.StreamSeq, len(c.streams))
	}
	if st.held[id] == nil {
		st.held[id] = make([]views.StreamSeq, len(c.members))
	}
	return st.held[id]
}

// maybeStable tells at once that all hold a packet that asked for it.
func (c *Core) maybeStable() {
	if c.phase != Operational {
		return
	}
	for i := range c.streams {
		s := &c.streams[i]
		id := message.StreamID(i) //nolint:gosec // below StreamsMax
		if s.marked[0] > s.stable && c.leastHeld(id) >= s.marked[0] {
			c.sendStable()
			return
		}
	}
}

// sendStable tells what has become stable since it last told.
func (c *Core) sendStable() {
	st := &c.stability
	st.stableAt = 0
	if c.phase != Operational {
		return
	}
	var risen []message.StreamPos
	lapse, stuck := c.lapse(), false
	for i := range c.streams {
		id := message.StreamID(i) //nolint:gosec // below StreamsMax
		s := &c.streams[i]
		if s.firm == s.stable {
			s.stuck = 0
			continue
		}
		least := c.leastHeld(id)
		if least <= s.stable {
			stuck = true
			c.countStuck(id, lapse)
			continue
		}
		risen = append(risen, message.StreamPos{Stream: id, Seq: least})
		c.settleStream(id, least)
	}
	if len(risen) > 0 || c.flow.told != c.flow.room {
		c.flow.told = c.flow.room
		c.sendAll(c.stableOf(risen))
		c.pump()
	}
	c.countStopped(lapse)
	if stuck {
		st.stableAt = views.Earliest(st.stableAt, c.after(c.holdUpTick()))
	}
	if c.flow.room == 0 {
		st.stableAt = c.after(c.t.RetryMax)
		c.flow.told = roomUnknown // and again: the others may have missed it
	}
}

// leastHeld is what all members hold of a stream; its sender holds all of it.
func (c *Core) leastHeld(id message.StreamID) views.StreamSeq {
	least := c.streams[id].firm
	if len(c.members) == 1 || len(c.members) == 2 && id.Rank() != c.rank {
		return least // nobody else is to be asked
	}
	if c.stability.held == nil || c.stability.held[id] == nil {
		return 0
	}
	for r, seq := range c.stability.held[id] {
		if r != id.Rank() && r != c.rank {
			least = min(least, seq)
		}
	}
	return least
}

func (c *Core) settleStream(id message.StreamID, seq views.StreamSeq) {
	s := &c.streams[id]
	if id.Rank() == c.rank {
		c.settleOwn(s, s.stable, min(seq, s.have))
	}
	s.settleTo(seq)
	s.stuck = 0
	if s.stable == s.have && c.stability.held != nil {
		c.stability.held[id] = nil
	}
	if id.Rank() == c.rank && !c.unsettled() {
		c.sender.tailAt, c.sender.tailTries = 0, 0
	}
}

func (c *Core) handleStable(from Sender, m *message.Stable) {
	if m.View != c.view.ID || c.rankOf(from.Process) != 0 || c.phase != Operational {
		return
	}
	for _, p := range m.Have {
		if int(p.Stream) < len(c.streams) {
			c.settleStream(p.Stream, p.Seq)
		}
	}
	c.hearRoom(m)
	if c.order.unsafe {
		c.deliverPlaced()
	}
	c.pump()
}
