package vsync

import (
	"hash/crc32"
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// readPacket delivers the records of the next packet of a stream. Inorder: its
// places are held against the order's. It stops short of a safe message that is
// not to be delivered yet; at the end of the view, last, it does not.
func (c *Core) readPacket(id message.StreamID, s *stream, inOrder, last bool) {
	if !s.reading {
		s.reader.open(s.at(s.delivered+1).body, id.Class())
		s.reading = true
	}
	var r record
	for {
		before := s.reader
		if !s.reader.next(&r) {
			break
		}
		if r.safe && inOrder && !last && !c.isSafe(id) {
			s.reader = before
			c.order.unsafe = true
			return
		}
		c.take(id, s, &r, inOrder, last)
	}
	if s.reader.bad {
		c.drop(c.base.Members[id.Rank()].Host, "bad-record")
	}
	s.reading = false
	s.delivered++
}

// take takes one record.
func (c *Core) take(id message.StreamID, s *stream, r *record, inOrder, transitional bool) {
	rd := &s.reader
	n, k := rd.n, views.Position(0)
	switch r.kind {
	case recordFirst:
		s.partial.begin(rd.port, r.total, r.data)
		return
	case recordPart:
		s.partial.add(rd.port, r.data)
		return
	case recordLast:
		rd.n++
		if r.data = s.partial.end(rd.port, r.data); r.data == nil {
			r.kind = recordPart // not to be delivered
			c.drop(c.base.Members[id.Rank()].Host, "bad-parts")
		}
	case recordMessage:
		rd.n++
	}
	if id.Class() == message.ClassPlaced {
		k = rd.k
		rd.k++
		if inOrder && !c.takePlace(id, k) {
			return
		}
	}
	switch r.kind {
	case recordState:
		c.applyState(id.Rank(), k, &r.state)
	case recordMessage, recordLast:
		c.deliverMessage(id.Rank(), !inOrder, Message{
			Msg: trace.MsgID{From: c.base.Members[id.Rank()].Process, N: n}, K: k, Port: rd.port, Tag: r.tag,
			Order: orderOf(id, r.safe), Transitional: transitional, Group: c.nameOf(rd.group), Payload: r.data,
		})
	}
}

func orderOf(id message.StreamID, safe bool) views.Order {
	switch {
	case id.Class() == message.ClassFIFO:
		return views.FIFO
	case safe:
		return views.Safe
	}
	return views.Agreed
}

// deliverMessage gives a message to the application, and its sender word of it.
// Gap: it is placed and stands behind one.
func (c *Core) deliverMessage(origin int, gap bool, m Message) {
	c.counters.Delivered[m.Order]++
	if c.cfg.MessageEvents {
		c.emit(trace.Deliver{
			Msg: m.Msg, Port: portShown(m.Port), Group: m.Group, View: c.view.ID, K: m.K, Order: m.Order,
			Len: len(m.Payload), Sum: checksum(m.Payload), Transitional: m.Transitional,
		})
	}
	if m.Group == "" && m.Order == views.Agreed {
		c.sender.fence, c.ahead = max(c.sender.fence, m.K), true
		c.deliver(Control{Origin: origin, At: len(c.out.Events), Gap: gap, Message: m})
		return
	}
	if c.batch == nil {
		c.batch = c.pool.batch()
		c.batch.View = c.view.ID
		c.out.Deliver = append(c.out.Deliver, c.batch)
	}
	c.batch.List = append(c.batch.List, m)
	if origin != c.rank || len(c.sender.tokens) == 0 {
		return
	}
	if token, ok := c.sender.tokens[m.Msg.N]; ok {
		delete(c.sender.tokens, m.Msg.N)
		c.deliver(Submitted{Token: token, Msg: m.Msg, View: c.view.ID, K: m.K})
	}
}

// namesMax bounds the names of groups that are kept to save memory.
const namesMax = 4096

// nameOf gives a group's name without taking memory for each message.
func (c *Core) nameOf(group []byte) string {
	if string(group) == c.lastName {
		return c.lastName
	}
	name, ok := c.names[string(group)]
	if !ok {
		if len(c.names) >= namesMax || c.names == nil {
			c.names = make(map[string]string)
		}
		name = string(group)
		c.names[name] = name
	}
	c.lastName = name
	return name
}

// applyState changes a member's bits and attributes in the current view.
func (c *Core) applyState(origin int, k views.Position, state *selfState) {
	v := *c.view
	v.Members = slices.Clone(v.Members)
	m := &v.Members[origin]
	m.Bits, m.Attrs = state.Bits, state.Attrs
	c.view = &v
	c.emit(trace.BitsChanged{View: v.ID, K: k, Who: m.Host, Bits: m.Bits})
	c.deliver(StateChanged{View: c.view, K: k, Who: m.Host})
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(p []byte) uint32 { return crc32.Checksum(p, castagnoli) }
