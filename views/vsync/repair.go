package vsync

import (
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

const (
	// resendPackets and resendBytes bound what one Resend brings.
	resendPackets = 256
	resendBytes   = 256 << 10
	// resendRanges is how many gaps one Resend names at most.
	resendRanges = 32
	// resentAll stands for a packet that was sent again to all.
	resentAll = -1
)

// armNak sees to it that gaps are reported within d.
func (c *Core) armNak(d time.Duration) {
	c.nakAt = views.Earliest(c.nakAt, c.after(d))
}

// reportGaps asks for what is missing: the sender first, then any holder in turn.
func (c *Core) reportGaps() {
	c.nakAt = 0
	next := c.t.RetryMax
	again := false
	for i := range c.streams {
		id := message.StreamID(i)
		s := &c.streams[i]
		if s.have >= s.announced || id.Rank() == c.rank {
			continue
		}
		again = true
		next = min(next, backoff(c.t.NakRetry, s.nakTries, c.t.RetryMax))
		ask := &message.Resend{View: c.view.ID, Stream: id, Ranges: s.missing(nil)}
		if to := c.holderOf(id); to >= 0 {
			c.counters.Naks++
			c.sendTo(c.base.Members[to].Addr, ask)
		}
		if s.nakTries < 200 {
			s.nakTries++
		}
	}
	if again {
		c.armNak(next)
	}
}

// holderOf picks whom to ask for a stream: the holder the coordinator named,
// its sender, then the others in turn.
func (c *Core) holderOf(id message.StreamID) int {
	s := &c.streams[id]
	origin, tries := id.Rank(), int(s.nakTries)
	if s.holder != noHolder && s.holder != c.rank && tries < 3 {
		return s.holder
	}
	if tries < 2 && !c.members[origin].failed {
		return origin
	}
	n := len(c.members)
	for i := range n {
		r := (origin + tries + i) % n
		if r != c.rank && !c.members[r].failed && !c.members[r].gone {
			return r
		}
	}
	return -1
}

// handleResend sends packets again: to who asked, and to all where a second one
// asks within the time in which the first answer may still be under way.
func (c *Core) handleResend(from Sender, m *message.Resend) {
	r := c.rankOf(from.Process)
	if m.View != c.view.ID || r < 0 || int(m.Stream) >= len(c.streams) {
		return
	}
	s := &c.streams[m.Stream]
	packets, bytes := resendPackets, resendBytes
	for _, g := range m.Ranges[:min(len(m.Ranges), resendRanges)] {
		last := min(g.Last, s.kept+views.StreamSeq(len(s.ring)))
		for seq := max(g.First, s.kept+1); seq <= last && packets > 0 && bytes > 0; seq++ {
			if p := s.at(seq); p != nil && c.resend(from, r, m.Stream, seq, p) {
				packets--
				bytes -= len(p.body)
			}
		}
	}
}

// resend sends one packet again, unless that was done a moment ago.
func (c *Core) resend(from Sender, rank int, id message.StreamID, seq views.StreamSeq, p *packet) bool {
	recent := p.resentAt != 0 && c.now.Sub(p.resentAt) < c.t.NakRetry/2
	switch {
	case recent && (p.resentTo == resentAll || int(p.resentTo) == rank):
		return false
	case recent:
		p.resentTo = resentAll
		c.sendAll(c.dataOf(id, seq))
	default:
		p.resentTo = int16(rank) //nolint:gosec // below MembersMax
		c.sendTo(from.Addr, c.dataOf(id, seq))
	}
	p.resentAt = c.now
	c.counters.Retransmits++
	return true
}

// backoff doubles d with every try, up to limit.
func backoff(d time.Duration, tries uint8, limit time.Duration) time.Duration {
	for ; tries > 0 && d < limit; tries-- {
		d *= 2
	}
	return min(d, limit)
}
