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
	streamBytes = 8 << 20
	// earlyMax and earlyBytes bound the packets of the next view that are held
	// until it is installed.
	earlyMax   = 512
	earlyBytes = 4 << 20
	noHolder   = -1
)

// packet is a packet as it is held. Its body is in a slab.
type packet struct {
	body []byte
	// whole is set for our own: see [message.Data].
	whole []byte
	flags message.DataFlags
	// resentAt is when it was last sent again, resentTo for whom: a rank, or resentAll.
	resentAt views.Instant
	resentTo int16
}

// stream is what one member sends in one class in the current view, as held here.
//
// Invariant: kept <= delivered <= processed <= have and kept <= stable; while
// flushing processed <= limit <= have, until then delivered <= firm <= have.
type stream struct {
	// have is the last packet held without a gap, processed the last handed on,
	// delivered the last whose records all are, stable the last known to be held
	// by all.
	have, processed, delivered, stable views.StreamSeq
	// firm is what this host may say it holds, see [Core.firm].
	firm views.StreamSeq
	// limit is what this host says it holds while it flushes; it moves only by
	// the coordinator's cut.
	limit views.StreamSeq
	// announced is the last packet known to exist.
	announced views.StreamSeq
	// marked are the first and the last packet that asked for an Ack at once and
	// are not stable.
	marked [2]views.StreamSeq
	// kept is what comes before the first packet in ring, which holds packet seq
	// at seq modulo its length, a power of two.
	kept views.StreamSeq
	ring []packet
	// bytes is what they take.
	bytes int
	// reader stands in packet delivered+1, where that is read in part.
	reader  cursor
	reading bool
	partial partials
	// fenced: of class FIFO, the next packet waits for the order.
	fenced bool
	// stuck is, at the coordinator, for how long stable has not risen though it should.
	stuck time.Duration
	// holder is who to ask first for what is missing, or noHolder.
	holder   int
	nakTries uint8
}

// at gives a held packet, or nil.
func (s *stream) at(seq views.StreamSeq) *packet {
	if seq <= s.kept || seq > s.kept+views.StreamSeq(len(s.ring)) {
		return nil
	}
	if p := &s.ring[int(seq)&(len(s.ring)-1)]; p.body != nil {
		return p
	}
	return nil
}

// takes reports whether a packet is new and may be kept.
func (s *stream) takes(seq views.StreamSeq) bool {
	return seq > s.have && seq <= s.kept+streamWindow && s.bytes <= streamBytes && s.at(seq) == nil
}

// put stores a packet that it takes, and moves have.
func (s *stream) put(seq views.StreamSeq, body []byte, flags message.DataFlags) {
	s.grow(int(seq - s.kept))
	mask := len(s.ring) - 1
	s.ring[int(seq)&mask] = packet{body: body, flags: flags}
	s.bytes += len(body)
	s.announced = max(s.announced, seq)
	if flags&message.AckNow != 0 {
		s.mark(seq)
	}
	for s.have < s.kept+views.StreamSeq(len(s.ring)) && s.ring[int(s.have+1)&mask].body != nil {
		s.have++
		s.nakTries = 0
	}
}

// ringLeast is how many packets a stream that is used has room for.
const ringLeast = 16

// grow makes room for n packets.
func (s *stream) grow(n int) {
	if n <= len(s.ring) {
		return
	}
	size := max(ringLeast, len(s.ring))
	for size < n {
		size *= 2
	}
	ring := make([]packet, size)
	for i := range len(s.ring) {
		seq := int(s.kept) + 1 + i
		ring[seq&(size-1)] = s.ring[seq&(len(s.ring)-1)]
	}
	s.ring = ring
}

// mark notes that a packet asked for an Ack at once.
func (s *stream) mark(seq views.StreamSeq) {
	s.marked[1] = max(s.marked[1], seq)
	if s.marked[0] <= s.stable {
		s.marked[0] = seq
	}
}

// settleTo notes that all members hold the packets up to seq.
func (s *stream) settleTo(seq views.StreamSeq) {
	s.stable = max(s.stable, min(seq, s.have))
	if s.marked[0] <= s.stable {
		s.marked[0] = s.marked[1]
	}
	s.forget()
}

// forget lets go of the packets that all hold and that were delivered here.
func (s *stream) forget() {
	for last := min(s.stable, s.delivered); s.kept < last; s.kept++ {
		p := &s.ring[int(s.kept+1)&(len(s.ring)-1)]
		s.bytes -= len(p.body)
		*p = packet{}
	}
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

// earlyData is a packet of the view being agreed upon.
type earlyData struct {
	from Sender
	data message.Data
}

func (c *Core) handleData(from Sender, m *message.Data) {
	if m.View != c.view.ID {
		c.maybeHoldEarly(from, m)
		return
	}
	if c.rankOf(from.Process) < 0 || int(m.Stream) >= len(c.streams) || m.Stream.Rank() == c.rank {
		return
	}
	s := &c.streams[m.Stream]
	if !s.takes(m.Seq) {
		return
	}
	s.put(m.Seq, c.slab.copy(m.Body), m.Flags)
	asked := c.firm(m.Stream)
	if s.have < s.announced {
		c.armNak(c.t.NakDelay)
	}
	if c.phase != Operational {
		c.maybeComplete()
		return
	}
	c.process(m.Stream)
	c.armAck()
	c.stability.now = c.stability.now || asked&message.AckNow != 0
	c.stability.all = c.stability.all || asked&message.AckAll != 0
}

// firm moves on what this host may say it holds of a stream: what came without a gap
// and, of class placed, has its fence met. One that is cut off with a fence it cannot
// meet delivers nothing from there on, as behind a gap. It gives what the packets
// ask for that are firm now.
func (c *Core) firm(id message.StreamID) (asked message.DataFlags) {
	s := &c.streams[id]
	fifo := c.streams[message.StreamOf(id.Rank(), message.ClassFIFO)].have
	for s.firm < s.have {
		p := s.at(s.firm + 1)
		if id.Class() == message.ClassPlaced && fenceOf(p.body, message.ClassPlaced) > uint64(fifo) {
			break
		}
		s.firm++
		asked |= p.flags
	}
	if id.Class() == message.ClassFIFO {
		asked |= c.firm(message.StreamOf(id.Rank(), message.ClassPlaced))
	}
	return asked
}

// maybeHoldEarly keeps a packet that overtook the install of its view.
func (c *Core) maybeHoldEarly(from Sender, m *message.Data) {
	if c.promise != nil && m.View == c.promise.ballot && len(c.early) < earlyMax && c.earlyBytes < earlyBytes {
		held := *m
		held.Body = append([]byte(nil), m.Body...)
		c.earlyBytes += len(m.Body)
		c.early = append(c.early, earlyData{from, held})
	}
}

// process hands on what has become contiguous in a stream.
func (c *Core) process(id message.StreamID) {
	c.processTo(id, c.streams[id].have)
	if id.Class() == message.ClassPlaced || c.order.fenced {
		c.deliverPlaced()
	}
}

// processTo hands on the packets of a stream up to seq: FIFO at once, placed
// ones to the order.
func (c *Core) processTo(id message.StreamID, seq views.StreamSeq) {
	s := &c.streams[id]
	if seq <= s.processed {
		return
	}
	s.processed = seq
	if id.Class() == message.ClassPlaced {
		c.order.wait(id, s)
		return
	}
	c.readFIFO(id, s)
}

// readFIFO delivers what a FIFO stream has, up to the first packet whose sender
// had delivered a control that was not delivered here yet: what the packet holds
// may come from a port that nobody here knows before.
func (c *Core) readFIFO(id message.StreamID, s *stream) {
	s.fenced = false
	for s.delivered < s.processed {
		if fence := fenceOf(s.at(s.delivered+1).body, message.ClassFIFO); fence >= uint64(c.order.next) {
			s.fenced, c.fenced = true, true
			break
		}
		c.readPacket(id, s, false, false)
	}
	s.forget()
}

// readFenced goes on with the FIFO streams that waited for the order. At the end
// of a view what still waits is of a sender that went another way, and delivered
// by none of those who come along.
func (c *Core) readFenced() {
	if !c.fenced {
		return
	}
	c.fenced = false
	for i := range c.streams {
		if s := &c.streams[i]; s.fenced {
			c.readFIFO(message.StreamID(i), s) //nolint:gosec // below StreamsMax
		}
	}
}

func (c *Core) handleHeartbeatStream(rank int, m *message.Heartbeat) {
	for class, sent := range m.Sent {
		s := &c.streams[message.StreamOf(rank, message.Class(class))]
		if sent > s.announced && sent <= s.kept+streamWindow {
			s.announced = sent
		}
		if s.have < s.announced {
			c.armNak(c.t.NakDelay)
		}
	}
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
