package check

import (
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// deliver takes a delivery through all checks that look at it.
func (c *Checker) deliver(l *life, e *trace.Deliver) {
	c.deliveries++
	c.count(InitialView)
	c.count(DeliveryIntegrity)
	c.count(SendingView)
	visit := l.cur
	if visit == nil {
		c.fail(InitialView, e.View, []*proc{l.proc}, "delivers %s before its first view", c.msgName(e.Msg))
		return
	}
	v := visit.view
	if !sameID(e.View, v.id) {
		c.fail(SendingView, v.id, []*proc{l.proc}, "delivers %s in %s, being in another view", c.msgName(e.Msg), c.viewName(e.View))
	}
	class := classOf(e.Order)
	s, place, ok := c.sentMessage(visit, e, class)
	if !ok {
		return
	}
	m := &s.sent[class][place]
	c.checkUnchanged(l, v, s, m, e)
	m.delivered = true
	fresh := c.checkSequence(visit, s, class, place)
	ref := makeRef(s.slot, class, place)
	if class == 0 {
		c.checkNoPosition(l, v, e)
	} else {
		c.checkCausal(visit, s, m, e)
		c.checkPlace(visit, e.K, e.Order, e.Transitional)
		c.checkItem(visit, e.K, item{kind: itemMessage, msg: e.Msg, by: l.proc})
		if fresh {
			c.follow(visit, ref, e.Transitional)
		}
		if e.Order == views.Safe {
			c.noteSafe(visit, ref, e.Group, e.K, e.Transitional)
		}
	}
	c.noteGroupDelivery(l, e)
	if fresh {
		visit.sum += mix(uint64(ref) + 1)
		visit.delivered++
	}
}

func (c *Checker) msgName(m trace.MsgID) string { return msgName(c.procOf(m.From), m.N) }

// sentMessage finds what e delivers among the messages of its view.
func (c *Checker) sentMessage(visit *visit, e *trace.Deliver, class int) (*sender, uint32, bool) {
	v := visit.view
	s := v.senders[e.Msg.From]
	if s == nil {
		p := c.procOf(e.Msg.From)
		if len(p.lives) > 0 {
			c.unsent(visit, e, p, class)
			return nil, 0, false
		}
		if v.retired {
			return nil, 0, false
		}
		s = v.sender(p)
	}
	if s.unlogged {
		return s, c.recall(visit, s, e, class), true
	}
	// The next one in sequence is nearly always the one.
	next := visit.cursor(s.slot, class).next
	if sent := s.sent[class]; int(next) < len(sent) && sent[next].n == e.Msg.N {
		return s, next, true
	}
	if place, ok := s.place(class, e.Msg.N); ok {
		return s, place, true
	}
	c.unsent(visit, e, s.proc, class)
	return nil, 0, false
}

// unsent says what is wrong with a message that was not sent in this view:
// under another order (P10), in another view (P13, P12) or not at all (P10).
func (c *Checker) unsent(visit *visit, e *trace.Deliver, from *proc, class int) {
	v, who := visit.view, []*proc{visit.life.proc, from}
	name := c.msgName(e.Msg)
	if s := v.senders[e.Msg.From]; s != nil && s.find(1-class, e.Msg.N) != nil {
		c.fail(DeliveryIntegrity, v.id, who, "%s is delivered as %s, it was sent as %s", name, e.Order, orderOf(1-class))
		return
	}
	var in *view
	for _, l := range from.lives {
		if in = l.sentIn(e.Msg.N); in != nil {
			break
		}
	}
	if in == nil || in == v {
		c.fail(DeliveryIntegrity, v.id, who, "%s is delivered and was not sent before", name)
		return
	}
	c.fail(SendingView, v.id, who, "%s is delivered here, it was sent in %s", name, c.viewName(in.id))
	if s := in.senders[e.Msg.From]; s != nil {
		if m := s.find(class, e.Msg.N); m != nil && m.delivered {
			c.fail(SameView, v.id, who, "%s is delivered here, others delivered it in %s", name, c.viewName(in.id))
		}
	}
}

// recall notes a message of a process whose log is missing by its first
// delivery, so that at least all deliveries of it can be compared.
func (c *Checker) recall(visit *visit, s *sender, e *trace.Deliver, class int) uint32 {
	v := visit.view
	if in := c.orphans[e.Msg]; in != nil && in != v {
		c.fail(SameView, v.id, []*proc{visit.life.proc, s.proc}, "%s is delivered here, others delivered it in %s", c.msgName(e.Msg), c.viewName(in.id))
	}
	c.orphans[e.Msg] = v
	next := int(visit.cursor(s.slot, class).next)
	if sent := s.sent[class]; next < len(sent) && sent[next].n == e.Msg.N {
		return uint32(next)
	}
	place := slices.IndexFunc(s.sent[class], func(m message) bool { return m.n == e.Msg.N })
	if place < 0 {
		place = len(s.sent[class])
		s.sent[class] = append(s.sent[class], message{n: e.Msg.N, port: e.Port, group: e.Group, length: e.Len, sum: e.Sum})
	}
	return uint32(place)
}

// checkUnchanged is P10's second half, P12 by count, and the membership of the sender.
func (c *Checker) checkUnchanged(l *life, v *view, s *sender, m *message, e *trace.Deliver) {
	if m.delivered {
		c.count(SameView)
	}
	if m.sum != e.Sum || m.length != e.Len || m.group != e.Group {
		c.fail(DeliveryIntegrity, v.id, []*proc{l.proc, s.proc}, "%s is delivered as %d bytes to %q with sum %08x, it was sent as %d bytes to %q with sum %08x",
			c.msgName(e.Msg), e.Len, e.Group, e.Sum, m.length, m.group, m.sum)
	}
	if m.port != e.Port {
		c.fail(DeliveryIntegrity, v.id, []*proc{l.proc, s.proc}, "%s is delivered as of port %d, port %d sent it", c.msgName(e.Msg), e.Port, m.port)
	}
	if v.rankOf(s.proc) < 0 {
		c.fail(DeliveryIntegrity, v.id, []*proc{l.proc, s.proc}, "%s is from no member", c.msgName(e.Msg))
	}
}

// checkSequence is P17 and P11 at the receiver. It reports whether the message
// is new there.
func (c *Checker) checkSequence(visit *visit, s *sender, class int, place uint32) bool {
	c.count(FIFOOrder)
	c.count(NoDuplication)
	u := visit.cursor(s.slot, class)
	if place == u.next {
		u.next++
		return true
	}
	who := []*proc{visit.life.proc, s.proc}
	name := msgName(s.proc, s.sent[class][place].n)
	if place > u.next {
		if !s.unlogged {
			c.fail(FIFOOrder, visit.view.id, who, "%s is delivered without %s before it", name, msgName(s.proc, s.sent[class][u.next].n))
		}
		u.skip(place)
		return true
	}
	if _, skipped := u.skipped[place]; skipped {
		delete(u.skipped, place)
		if !s.unlogged {
			c.fail(FIFOOrder, visit.view.id, who, "%s is delivered behind later ones", name)
		}
		return true
	}
	c.fail(NoDuplication, visit.view.id, who, "%s is delivered a second time", name)
	return false
}

// skip moves past place and remembers what was left out.
func (u *cursor) skip(place uint32) {
	if u.skipped == nil {
		u.skipped = map[uint32]struct{}{}
	}
	for i := u.next; i < place; i++ {
		u.skipped[i] = struct{}{}
	}
	u.next = place + 1
}

// holds reports whether a place was delivered.
func (u *cursor) holds(place uint32) bool {
	_, skipped := u.skipped[place]
	return place < u.next && !skipped
}

// checkCausal is P18 for agreed messages outside the transitional part: what the
// sender had delivered before it sent stands before the message at everybody.
// Behind a gap it cannot be promised, since the gap may hide just that.
func (c *Checker) checkCausal(visit *visit, s *sender, m *message, e *trace.Deliver) {
	if e.Transitional {
		c.excuse(CausalOrder)
		return
	}
	c.count(CausalOrder)
	if m.after > 0 && (e.K <= m.after || visit.lastK < m.after) {
		c.fail(CausalOrder, visit.view.id, []*proc{visit.life.proc, s.proc}, "%s stands at %d, delivered after %d, but was sent after %d",
			c.msgName(e.Msg), e.K, visit.lastK, m.after)
	}
}

// checkNoPosition is K3 for fifo messages.
func (c *Checker) checkNoPosition(l *life, v *view, e *trace.Deliver) {
	c.count(PositionClass)
	if e.K != 0 || e.Transitional {
		c.fail(PositionClass, v.id, []*proc{l.proc}, "fifo message %s has position %d, transitional %t", c.msgName(e.Msg), e.K, e.Transitional)
	}
}

// bitsChanged is an ordered change of bits: it takes a position like a message.
func (c *Checker) bitsChanged(l *life, e *trace.BitsChanged) {
	visit := c.orderedIn(l, e.View, "bits")
	if visit == nil {
		return
	}
	c.count(BitsMember)
	h := c.hostOf(e.Who)
	rank := slices.IndexFunc(visit.view.members, func(m *proc) bool { return m.host == h })
	if rank < 0 || !e.Bits.Valid() {
		c.fail(BitsMember, visit.view.id, []*proc{l.proc}, "bits %s of %s, which is no member or never had them", e.Bits, h.name)
	}
	c.checkUnmarkedPlace(visit, e.K)
	c.checkItem(visit, e.K, item{kind: itemBits, who: h, bits: e.Bits, by: l.proc})
	visit.ordered += mix(uint64(e.K)<<16 | uint64(e.Bits)<<8)
	if rank >= 0 {
		visit.setBits(rank, e.Bits)
	}
}

// orderedIn holds an ordered fact against the current view (P4, P13).
func (c *Checker) orderedIn(l *life, in views.ViewID, what string) *visit {
	c.count(InitialView)
	if l.cur == nil {
		c.fail(InitialView, in, []*proc{l.proc}, "%s before its first view", what)
		return nil
	}
	c.count(SendingView)
	if !sameID(in, l.cur.view.id) {
		c.fail(SendingView, in, []*proc{l.proc}, "%s in a view it is not in, being in %s", what, c.viewName(l.viewID()))
	}
	return l.cur
}
