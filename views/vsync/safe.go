package vsync

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// isSafe reports whether the message that placed stream id is about to deliver is
// safe: every host that has a member of its group is known to hold it, and all
// that stands before it in the order. Holding the message alone would not do: a
// host that is cut off with a gap before it could not deliver it. While controls
// were delivered that whoever keeps the groups has not had yet, all must hold it.
func (c *Core) isSafe(id message.StreamID) bool {
	var audience []int
	if c.cfg.Audience != nil && !c.ahead {
		audience = c.cfg.Audience(c.nameOf(c.streams[id].reader.group))
	}
	if audience == nil {
		return c.allHoldOrder(id)
	}
	for _, r := range audience {
		if !c.holdsOrder(r, id) {
			return false
		}
	}
	return true
}

func (c *Core) allHoldOrder(id message.StreamID) bool {
	for r := range c.members {
		if !c.holdsOrder(r, id) {
			return false
		}
	}
	return true
}

// holdsOrder reports whether a member is known to hold all placed packets that
// were delivered here, and the one that stream id is reading.
func (c *Core) holdsOrder(rank int, id message.StreamID) bool {
	if rank == c.rank {
		return true
	}
	for r := range c.members {
		placed := message.StreamOf(r, message.ClassPlaced)
		s := &c.streams[placed]
		seq := s.delivered
		if placed == id {
			seq++
		}
		if r != rank && seq > s.stable && c.saidToHold(placed, rank) < seq {
			return false
		}
	}
	return true
}

// saidToHold is how much of a stream a member said it holds.
func (c *Core) saidToHold(id message.StreamID, rank int) views.StreamSeq {
	if c.stability.held == nil || c.stability.held[id] == nil {
		return 0
	}
	return c.stability.held[id][rank]
}
