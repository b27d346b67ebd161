package vsync

import (
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Limits of a stream. They bound what one member can make the others keep.
const (
	// streamWindow is how many packets behind the stable point are kept or taken.
	streamWindow = 8192
	// streamBytes is the same in bytes: what a sender may have under way, and room
	// for those who are told late what is stable.
	streamBytes = 4 * windowBytes
	// earlyMax is how many Data messages of the next view are held until it is installed.
	earlyMax = 512
	// resendItems is how many packets one Resend brings at most.
	resendItems = 256
	// resendRanges is how many gaps one Resend names at most.
	resendRanges = 32
	// bundleBytes is when a Data message is full; it fits an Ethernet frame.
	bundleBytes = 1300
	// itemOverhead is about what a packet costs beside its payload and group.
	itemOverhead = 16
	noHolder     = -1
)

// stream is what one member sends in the current view, as held here.
//
// Invariant: stable <= processed <= have; while flushing processed <= limit <= have.
type stream struct {
	// have is the last packet held without a gap, processed the last handed on,
	// stable the last known to be held by all.
	have, processed, stable views.StreamSeq
	// limit is what this host says it holds while it flushes; it moves only by
	// the coordinator's cut.
	limit views.StreamSeq
	// announced is the last packet known to exist.
	announced views.StreamSeq
	// window holds the packets stable+1, stable+2, …; nil where missing.
	window []*message.Item
	// bytes is what they hold.
	bytes int
	// holder is who to ask first for what is missing, or noHolder.
	holder   int
	nakTries uint8
}

func (s *stream) at(seq views.StreamSeq) *message.Item {
	if seq <= s.stable || seq > s.stable+views.StreamSeq(len(s.window)) {
		return nil
	}
	return s.window[seq-s.stable-1]
}

// put stores a packet and moves have; it reports whether the packet was new.
func (s *stream) put(seq views.StreamSeq, item *message.Item) bool {
	if seq <= s.have || seq > s.stable+streamWindow || s.bytes > streamBytes {
		return false
	}
	i := int(seq - s.stable - 1)
	for len(s.window) <= i {
		s.window = append(s.window, nil)
	}
	if s.window[i] != nil {
		return false
	}
	s.window[i] = item
	s.bytes += sizeOf(item)
	s.announced = max(s.announced, seq)
	for s.have < s.stable+views.StreamSeq(len(s.window)) && s.window[s.have-s.stable] != nil {
		s.have++
		s.nakTries = 0
	}
	return true
}

// settleTo forgets the packets up to seq, which all members hold.
func (s *stream) settleTo(seq views.StreamSeq) {
	seq = min(seq, s.processed)
	if seq <= s.stable {
		return
	}
	for _, item := range s.window[:seq-s.stable] {
		s.bytes -= sizeOf(item)
	}
	s.window = s.window[seq-s.stable:]
	s.stable = seq
	if len(s.window) == 0 {
		s.window = nil
	}
}

// sizeOf is about what a packet takes.
func sizeOf(item *message.Item) int {
	n := len(item.Payload) + len(item.Group) + itemOverhead
	if item.State != nil {
		n += attrBytes(item.State.Attrs)
	}
	return n
}

// missing appends the gaps up to the announced packet.
func (s *stream) missing(dst []message.SeqRange) []message.SeqRange {
	for seq := s.have + 1; seq <= s.announced && len(dst) < resendRanges; seq++ {
		if s.at(seq) != nil {
			continue
		}
		if n := len(dst); n > 0 && dst[n-1].Last == seq-1 {
			dst[n-1].Last = seq
			continue
		}
		dst = append(dst, message.SeqRange{First: seq, Last: seq})
	}
	return dst
}

// earlyData is a Data message of the view being agreed upon.
type earlyData struct {
	from Sender
	data *message.Data
}

func (c *Core) handleData(from Sender, m *message.Data) {
	if m.View != c.view.ID {
		c.maybeHoldEarly(from, m)
		return
	}
	if c.rankOf(from.Process) < 0 || int(m.Origin) >= len(c.streams) || int(m.Origin) == c.rank {
		return
	}
	s := &c.streams[m.Origin]
	fresh := false
	for i := range m.Items {
		fresh = s.put(m.First+views.StreamSeq(i), &m.Items[i]) || fresh
	}
	if !fresh {
		return
	}
	if s.have < s.announced {
		c.armNak(c.t.NakDelay)
	}
	if c.phase == Operational {
		c.process(int(m.Origin))
		c.armAck()
		return
	}
	c.maybeComplete()
}

// maybeHoldEarly keeps a message that overtook the install of its view.
func (c *Core) maybeHoldEarly(from Sender, m *message.Data) {
	if c.promise != nil && m.View == c.promise.ballot && len(c.early) < earlyMax {
		c.early = append(c.early, earlyData{from, m})
	}
}

// process hands on what has become contiguous in a stream.
func (c *Core) process(origin int) {
	s := &c.streams[origin]
	c.processTo(origin, s.have)
	c.deliverAgreed()
}

// processTo hands on the packets of a stream up to seq: FIFO at once, agreed
// ones to their place in the order.
func (c *Core) processTo(origin int, seq views.StreamSeq) {
	s := &c.streams[origin]
	for s.processed < seq {
		s.processed++
		item := s.at(s.processed)
		if item.Kind == message.ItemFIFO {
			c.deliverItem(origin, item, false)
			continue
		}
		c.order.place(origin, item)
	}
}

// armNak sees to it that gaps are reported within d.
func (c *Core) armNak(d time.Duration) {
	c.nakAt = views.Earliest(c.nakAt, c.after(d))
}

func (c *Core) handleHeartbeatStream(rank int, m *message.Heartbeat) {
	s := &c.streams[rank]
	if m.Sent > s.announced && m.Sent <= s.stable+streamWindow {
		s.announced = m.Sent
	}
	if s.have < s.announced {
		c.armNak(c.t.NakDelay)
	}
}

// reportGaps asks for what is missing: the sender first, then any holder in turn.
func (c *Core) reportGaps() {
	c.nakAt = 0
	next := c.t.RetryMax
	again := false
	for origin := range c.streams {
		s := &c.streams[origin]
		if s.have >= s.announced || origin == c.rank {
			continue
		}
		again = true
		next = min(next, backoff(c.t.NakRetry, s.nakTries, c.t.RetryMax))
		ask := &message.Resend{View: c.view.ID, Origin: uint16(origin), Ranges: s.missing(nil)}
		if to := c.holderOf(origin); to >= 0 {
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
func (c *Core) holderOf(origin int) int {
	s := &c.streams[origin]
	tries := int(s.nakTries)
	if s.holder != noHolder && s.holder != c.rank && tries < 3 {
		return s.holder
	}
	if tries < 2 && !c.members[origin].failed {
		return origin
	}
	n := len(c.streams)
	for i := range n {
		r := (origin + tries + i) % n
		if r != c.rank && !c.members[r].failed && !c.members[r].gone {
			return r
		}
	}
	return -1
}

func (c *Core) handleResend(from Sender, m *message.Resend) {
	if m.View != c.view.ID || c.rankOf(from.Process) < 0 || int(m.Origin) >= len(c.streams) {
		return
	}
	s := &c.streams[m.Origin]
	left := resendItems
	for _, r := range m.Ranges[:min(len(m.Ranges), resendRanges)] {
		last := min(r.Last, s.stable+views.StreamSeq(len(s.window)))
		for seq := max(r.First, s.stable+1); seq <= last && left > 0; {
			items := s.run(seq, last, &left)
			if len(items) == 0 {
				seq++
				continue
			}
			c.counters.Retransmits += uint64(len(items))
			c.sendTo(from.Addr, &message.Data{View: c.view.ID, Origin: m.Origin, First: seq, Items: items})
			seq += views.StreamSeq(len(items))
		}
	}
}

// run copies a bundle of held packets from seq on.
func (s *stream) run(seq, last views.StreamSeq, left *int) []message.Item {
	var items []message.Item
	size := 0
	for ; seq <= last && *left > 0; seq++ {
		item := s.at(seq)
		if item == nil {
			break
		}
		size += sizeOf(item)
		if len(items) > 0 && size > bundleBytes {
			break
		}
		items = append(items, *item)
		*left--
	}
	return items
}

// backoff doubles d with every try, up to limit.
func backoff(d time.Duration, tries uint8, limit time.Duration) time.Duration {
	for ; tries > 0 && d < limit; tries-- {
		d *= 2
	}
	return min(d, limit)
}

// advanceStreams does what the data path has due.
func (c *Core) advanceStreams() {
	if due(c.nakAt, c.now) {
		c.reportGaps()
	}
	if due(c.stability.ackAt, c.now) {
		c.sendAck()
	}
	if due(c.stability.stableAt, c.now) {
		c.sendStable()
	}
	if due(c.sender.tailAt, c.now) {
		c.repeatTail()
	}
	if due(c.sender.requestAt, c.now) {
		c.sender.requestAt = 0
		c.requestPlaces()
	}
}

func (c *Core) streamDeadline() views.Instant {
	d := views.Earliest(c.nakAt, c.stability.ackAt)
	d = views.Earliest(d, c.stability.stableAt)
	d = views.Earliest(d, c.sender.tailAt)
	return views.Earliest(d, c.sender.requestAt)
}

// due reports whether a deadline has come.
func due(at, now views.Instant) bool { return at != 0 && at <= now }
