package vsync

import (
	"encoding/binary"
	"math/bits"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// A packet's body, for all who hold it the same bytes:
//
//	N uv       the number of the first message that ends in the packet; the others follow
//	fence uv   what must be delivered before: for FIFO a place, that of the last
//	           control the sender had delivered; for the placed class a packet of the
//	           sender's FIFO stream, where it holds a control; 0 for nothing
//	K uv       placed class only: the place of the first placed record; the others
//	           follow; 0 where none may come
//	records    kind u8 (1<<3 added: safe; 1<<4: tag uv follows), then
//	  topic    port uv, group text: of the records that follow
//	  message  length uv, payload
//	  first    total length uv, length uv, bytes: a long message begins
//	  part     length uv, bytes: the long message of this port goes on
//	  last     length uv, bytes: and ends
//	  state    bits u8, count uv, (key text, value text)...
//
// message and last take a number; message, last and state of the placed class
// take a place. What cannot be read ends its packet: all see the same bytes, so
// all stop at the same record.
const (
	recordTopic byte = iota
	recordMessage
	recordFirst
	recordPart
	recordLast
	recordState

	recordSafe     byte = 1 << 3
	recordTagged   byte = 1 << 4
	recordKindMask byte = recordSafe - 1
)

// recordMax is what a record takes beside its bytes, topicMax what a topic takes
// beside its group, headMax what stands before the first record.
const (
	recordMax = 1 + 2*binary.MaxVarintLen32 + binary.MaxVarintLen64
	topicMax  = 1 + 2*binary.MaxVarintLen32
	headMax   = 3 * binary.MaxVarintLen64
)

// packer builds one body.
type packer struct {
	b     []byte
	limit int
	port  uint32
	group string
	topic bool
}

// headroom is what is left free before a packet of our own for a frame's head.
const headroom = 192

// begin writes what stands before the records. The buffer must have room for limit,
// which includes what is in it.
func (p *packer) begin(b []byte, limit int, class message.Class, n, fence uint64, k views.Position) {
	*p = packer{b: binary.AppendUvarint(binary.AppendUvarint(b, n), fence), limit: limit}
	if class == message.ClassPlaced {
		p.b = binary.AppendUvarint(p.b, uint64(k))
	}
}

// room is how many bytes of payload still fit behind the topic.
func (p *packer) room(port uint32, group string) int {
	free := p.limit - len(p.b) - recordMax
	if !p.topic || p.port != port || p.group != group {
		free -= topicMax + len(group)
	}
	return free
}

// partRoom is how many bytes of a long message make the packet exactly full:
// datagrams of one length go out and come in many at a time.
func (p *packer) partRoom(l *long) int {
	free := p.limit - len(p.b) - 1
	if !p.topic || p.port != l.port || p.group != l.group {
		free -= 1 + uvarintBytes(uint64(l.port)) + uvarintBytes(uint64(len(l.group))) + len(l.group)
	}
	if l.sent == 0 {
		free -= uvarintBytes(uint64(len(l.payload)))
	}
	return free - uvarintBytes(uint64(max(free, 0))) //nolint:gosec // not below 0
}

func uvarintBytes(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

func (p *packer) setTopic(port uint32, group string) {
	if p.topic && p.port == port && p.group == group {
		return
	}
	p.topic, p.port, p.group = true, port, group
	p.b = append(p.b, recordTopic)
	p.b = binary.AppendUvarint(p.b, uint64(port))
	p.b = binary.AppendUvarint(p.b, uint64(len(group)))
	p.b = append(p.b, group...)
}

func (p *packer) bytes(kind byte, tag uint64, data []byte) {
	if tag != 0 {
		kind |= recordTagged
	}
	p.b = append(p.b, kind)
	if tag != 0 {
		p.b = binary.AppendUvarint(p.b, tag)
	}
	p.b = binary.AppendUvarint(p.b, uint64(len(data)))
	p.b = append(p.b, data...)
}

// message adds a whole message, for which there must be room.
func (p *packer) message(m *pending) {
	p.setTopic(m.port, m.group)
	p.bytes(recordMessage|safeBit(m.order), m.tag, m.payload)
}

// part adds the next part of a long message; all that is left where it ends. One of
// which nothing has gone yet ends whole: packets have become longer since it waits.
func (p *packer) part(l *long, ends bool) {
	if ends && l.sent == 0 {
		p.message(&l.pending)
		l.sent = len(l.payload)
		return
	}
	n := len(l.payload) - l.sent
	if !ends {
		n = min(n-1, p.partRoom(l))
	}
	p.setTopic(l.port, l.group)
	data := l.payload[l.sent : l.sent+n]
	switch {
	case l.sent == 0:
		p.b = append(p.b, recordFirst)
		p.b = binary.AppendUvarint(p.b, uint64(len(l.payload)))
		p.b = binary.AppendUvarint(p.b, uint64(n))
		p.b = append(p.b, data...)
	case ends:
		p.bytes(recordLast|safeBit(l.order), l.tag, data)
	default:
		p.bytes(recordPart, 0, data)
	}
	l.sent += n
}

// state adds a change of the sender's own bits and attributes.
func (p *packer) state(s *selfState) {
	p.b = append(p.b, recordState, byte(s.Bits))
	p.b = binary.AppendUvarint(p.b, uint64(len(s.Attrs)))
	for _, a := range s.Attrs {
		for _, text := range []string{a.Key, a.Value} {
			p.b = binary.AppendUvarint(p.b, uint64(len(text)))
			p.b = append(p.b, text...)
		}
	}
}

func safeBit(o views.Order) byte {
	if o == views.Safe {
		return recordSafe
	}
	return 0
}

// record is one record as read. Data is part of the packet.
type record struct {
	kind  byte
	safe  bool
	tag   uint64
	total int
	data  []byte
	state selfState
}

// cursor reads a body record by record. Its zero value is at the end.
type cursor struct {
	rest []byte
	// n and k are the number and the place that the next who takes one gets.
	n     uint64
	k     views.Position
	fence uint64
	port  uint32
	// group is part of the packet.
	group []byte
	// bad: something could not be read; the rest is lost.
	bad bool
}

// open starts to read.
func (c *cursor) open(body []byte, class message.Class) {
	*c = cursor{rest: body}
	c.n = c.uvarint()
	c.fence = c.uvarint()
	if class == message.ClassPlaced {
		c.k = views.Position(c.uvarint())
	}
}

// placeOf reads where a packet of the placed class stands; 0 for nowhere.
func placeOf(body []byte) views.Position {
	var c cursor
	c.open(body, message.ClassPlaced)
	return c.k
}

// fenceOf reads what must be delivered before a packet.
func fenceOf(body []byte, class message.Class) uint64 {
	var c cursor
	c.open(body, class)
	return c.fence
}

func (c *cursor) fail() {
	c.rest, c.bad = nil, true
}

func (c *cursor) uvarint() uint64 {
	if len(c.rest) > 0 && c.rest[0] < 0x80 {
		v := uint64(c.rest[0])
		c.rest = c.rest[1:]
		return v
	}
	v, n := binary.Uvarint(c.rest)
	if n <= 0 {
		c.fail()
		return 0
	}
	c.rest = c.rest[n:]
	return v
}

// bytes reads a length of at most limit and so many bytes.
func (c *cursor) bytes(limit int) []byte {
	n := c.uvarint()
	if n > uint64(limit) || n > uint64(len(c.rest)) { //nolint:gosec // limits are positive
		c.fail()
		return nil
	}
	v := c.rest[:n:n]
	c.rest = c.rest[n:]
	return v
}

// next reads the next record but for topics, which it takes note of; false at
// the end.
func (c *cursor) next(r *record) bool {
	for len(c.rest) > 0 {
		head := c.rest[0]
		c.rest = c.rest[1:]
		r.kind, r.safe, r.tag = head&recordKindMask, head&recordSafe != 0, 0
		if head&recordTagged != 0 {
			r.tag = c.uvarint()
		}
		switch r.kind {
		case recordTopic:
			c.port = uint32(min(c.uvarint(), 1<<32-1)) //nolint:gosec // bounded
			c.group = c.bytes(views.GroupNameMax)
			continue
		case recordFirst:
			r.total = int(min(c.uvarint(), views.PayloadMax+1)) //nolint:gosec // bounded
			r.data = c.bytes(views.PayloadMax)
		case recordMessage, recordPart, recordLast:
			r.data = c.bytes(views.PayloadMax)
		case recordState:
			c.readState(&r.state)
		default:
			c.fail()
		}
		return !c.bad
	}
	return false
}

// readState reads bits and attributes within their limits.
func (c *cursor) readState(s *selfState) {
	*s = selfState{}
	if len(c.rest) == 0 {
		c.fail()
		return
	}
	s.Bits = views.Bits(c.rest[0])
	c.rest = c.rest[1:]
	n, total := c.uvarint(), 0
	if !s.Bits.Valid() || n > views.AttrsMax {
		c.fail()
		return
	}
	for range n {
		a := views.Attr{Key: string(c.bytes(views.AttrKeyMax)), Value: string(c.bytes(views.AttrValueMax))}
		total += len(a.Key) + len(a.Value)
		if c.bad || a.Key == "" || total > views.AttrBytesMax || (len(s.Attrs) > 0 && s.Attrs[len(s.Attrs)-1].Key >= a.Key) {
			c.fail()
			return
		}
		s.Attrs = append(s.Attrs, a)
	}
}
