package vsync

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// orderWindow bounds how many places are granted beyond the next to deliver.
const orderWindow = 1 << 16

// head is the first undelivered packet of a placed stream and where it stands.
type head struct {
	k  views.Position
	id message.StreamID
}

// order is the agreed order of the current view.
type order struct {
	// next is the place to deliver next.
	next views.Position
	// heads are the streams that have something, as a heap by place.
	heads []head
	// waiting has, by rank, who is in heads.
	waiting []bool
	// slot is the place to grant next, ledgers what was granted to each rank;
	// the coordinator's alone.
	slot    views.Position
	ledgers []*ledger
	// unsafe: the next is a safe message that not all who must are known to hold.
	unsafe bool
	// fenced: the next packet holds a control and waits for what its sender sent in
	// FIFO order before.
	fenced bool
}

func newOrder(size int) order {
	return order{next: 1, slot: 1, ledgers: make([]*ledger, size), waiting: make([]bool, size)}
}

// grantable is how many places may be granted now.
func (o *order) grantable() uint64 {
	return uint64(max(o.next+orderWindow, o.slot) - o.slot)
}

// wait puts a stream among those that have something, by its first packet.
func (o *order) wait(id message.StreamID, s *stream) {
	if o.waiting[id.Rank()] || s.delivered >= s.processed {
		return
	}
	o.waiting[id.Rank()] = true
	h := head{k: s.reader.k, id: id}
	if !s.reading {
		h.k = placeOf(s.at(s.delivered + 1).body)
	}
	o.heads = append(o.heads, h)
	for i := len(o.heads) - 1; i > 0; {
		parent := (i - 1) / 2
		if !o.less(i, parent) {
			return
		}
		o.heads[i], o.heads[parent] = o.heads[parent], o.heads[i]
		i = parent
	}
}

// less orders by place; the stream decides where somebody broke the rules and
// two stand at one place.
func (o *order) less(i, j int) bool {
	a, b := o.heads[i], o.heads[j]
	if a.k != b.k {
		return a.k < b.k
	}
	return a.id < b.id
}

// take removes the head with the lowest place.
func (o *order) take() head {
	w := o.heads
	first, last := w[0], len(w)-1
	w[0] = w[last]
	o.heads = w[:last]
	o.waiting[first.id.Rank()] = false
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if o.less(child, least) {
				least = child
			}
		}
		if least == i {
			return first
		}
		w[i], w[least] = w[least], w[i]
		i = least
	}
}

// deliverPlaced delivers what stands next in the order. A packet without a place
// holds only parts, which nobody waits for.
func (c *Core) deliverPlaced() {
	o := &c.order
	o.unsafe, o.fenced = false, false
	for len(o.heads) > 0 && o.heads[0].k <= o.next && !o.unsafe {
		s := &c.streams[o.heads[0].id]
		if c.isFenced(o.heads[0].id, s) {
			o.fenced = true
			return
		}
		h := o.take()
		c.readPacket(h.id, s, true, false)
		s.forget()
		o.wait(h.id, s)
		c.readFenced()
	}
}

// isFenced reports whether the next packet of a placed stream waits for its
// sender's FIFO stream.
func (c *Core) isFenced(id message.StreamID, s *stream) bool {
	fifo := c.streams[message.StreamOf(id.Rank(), message.ClassFIFO)].delivered
	return !s.reading && fenceOf(s.at(s.delivered+1).body, message.ClassPlaced) > uint64(fifo)
}

// finishOrder delivers, at the end of a view, what is left of the order among
// those who go on together: behind the first gap only what they themselves
// sent, since what others sent there may depend on what is missing. A packet whose
// fence is not met is such a gap: its sender went another way, and what it sent in
// FIFO order before is missing.
func (c *Core) finishOrder(together []bool) {
	c.deliverPlaced()
	for len(c.order.heads) > 0 {
		h := c.order.take()
		s := &c.streams[h.id]
		switch {
		case h.k <= c.order.next && !c.isFenced(h.id, s): // it is safe, or follows what is: all who go on hold it
			c.readPacket(h.id, s, true, true)
		case together[h.id.Rank()]:
			c.readPacket(h.id, s, false, true)
		default:
			continue
		}
		c.order.wait(h.id, s)
		c.readFenced() // before a control that may take its sender out
	}
}

// takePlace moves the order on; false where the place was delivered already, which
// only a peer that breaks the rules brings about.
func (c *Core) takePlace(id message.StreamID, k views.Position) bool {
	if k < c.order.next {
		c.drop(c.base.Members[id.Rank()].Host, "place-taken")
		return false
	}
	c.order.next = k + 1
	return true
}
