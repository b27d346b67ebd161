package vsync

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// stability finds out what all members hold. Members tell the coordinator how
// much they have of each stream; it tells all the least of that. Both say only
// what is not yet stable, so a quiet group says nothing.
type stability struct {
	// ackAt is when this member reports next, ackTries how often it did so in vain.
	ackAt    views.Instant
	ackTries uint8
	// stableAt is when the coordinator tells next.
	stableAt views.Instant
	// held has, at the coordinator, for each stream that is not all stable, how
	// much each member holds of it.
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
	for r := range c.streams {
		if s := &c.streams[r]; s.processed > s.stable {
			have = append(have, message.StreamPos{Rank: uint16(r), Seq: s.processed})
		}
	}
	return have
}

// sendAck reports, and goes on reporting ever more rarely until all is stable.
func (c *Core) sendAck() {
	c.stability.ackAt = 0
	if c.phase != Operational {
		return
	}
	have := c.unstable()
	if len(have) == 0 {
		return
	}
	c.sendTo(c.base.Members[0].Addr, &message.Ack{View: c.view.ID, Have: have})
	c.stability.ackTries++
	c.stability.ackAt = c.after(backoff(2*c.t.AckDelay, c.stability.ackTries, c.t.RetryMax))
}

func (c *Core) handleAck(from Sender, m *message.Ack) {
	r := c.rankOf(from.Process)
	if m.View != c.view.ID || r < 0 || c.rank != 0 {
		return
	}
	var known []message.StreamPos
	for _, p := range m.Have {
		if int(p.Rank) >= len(c.streams) {
			continue
		}
		if p.Seq <= c.streams[p.Rank].stable {
			known = append(known, message.StreamPos{Rank: p.Rank, Seq: c.streams[p.Rank].stable})
			continue
		}
		held := c.heldOf(int(p.Rank))
		held[r] = max(held[r], p.Seq)
		c.armStable()
	}
	if len(known) > 0 {
		c.sendTo(from.Addr, &message.Stable{View: c.view.ID, Have: known})
	}
}

func (c *Core) heldOf(origin int) []views.StreamSeq {
	st := &c.stability
	if st.held == nil {
		st.held = make([][]views.StreamSeq, len(c.streams))
	}
	if st.held[origin] == nil {
		st.held[origin] = make([]views.StreamSeq, len(c.streams))
	}
	return st.held[origin]
}

// sendStable tells what has become stable since it last told.
func (c *Core) sendStable() {
	c.stability.stableAt = 0
	if c.phase != Operational {
		return
	}
	var risen []message.StreamPos
	for origin := range c.stability.held {
		held := c.stability.held[origin]
		if held == nil {
			continue
		}
		s := &c.streams[origin]
		least := c.leastHeld(origin, held)
		if least <= s.stable {
			continue
		}
		risen = append(risen, message.StreamPos{Rank: uint16(origin), Seq: least})
		c.settleStream(origin, least)
		if s.stable == s.have {
			c.stability.held[origin] = nil
		}
	}
	if len(risen) > 0 {
		c.sendAll(&message.Stable{View: c.view.ID, Have: risen})
		c.pump()
	}
}

// leastHeld is what all members hold of a stream; its sender holds all of it.
func (c *Core) leastHeld(origin int, held []views.StreamSeq) views.StreamSeq {
	least := c.streams[origin].processed
	for r, seq := range held {
		if r != origin && r != c.rank {
			least = min(least, seq)
		}
	}
	return least
}

func (c *Core) settleStream(origin int, seq views.StreamSeq) {
	if origin == c.rank {
		c.settleOwn(seq)
		return
	}
	c.streams[origin].settleTo(seq)
}

func (c *Core) handleStable(from Sender, m *message.Stable) {
	if m.View != c.view.ID || c.rankOf(from.Process) != 0 || c.phase != Operational {
		return
	}
	for _, p := range m.Have {
		if int(p.Rank) < len(c.streams) {
			c.settleStream(int(p.Rank), p.Seq)
		}
	}
	c.pump()
}
