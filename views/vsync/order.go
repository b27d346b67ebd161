package vsync

import (
	"hash/crc32"
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// orderWindow bounds how many places are granted beyond the next to deliver.
const orderWindow = 1 << 16

// placed is an agreed packet waiting for its turn.
type placed struct {
	origin int
	item   *message.Item
}

// order is the agreed order of the current view.
type order struct {
	// next is the place to deliver next.
	next views.Position
	// waiting holds the packets that came before their turn, as a heap by place.
	// The windows of the streams bound it.
	waiting []placed
	// slot is the place to grant next, ledgers what was granted to each rank;
	// the coordinator's alone.
	slot    views.Position
	ledgers []*ledger
}

func newOrder(size int) order {
	return order{next: 1, slot: 1, ledgers: make([]*ledger, size)}
}

// grantable is how many places may be granted now.
func (o *order) grantable() uint64 {
	return uint64(max(o.next+orderWindow, o.slot) - o.slot)
}

// place puts an agreed packet where its turn will find it.
func (o *order) place(origin int, item *message.Item) {
	o.waiting = append(o.waiting, placed{origin, item})
	for i := len(o.waiting) - 1; i > 0; {
		parent := (i - 1) / 2
		if !o.less(i, parent) {
			return
		}
		o.waiting[i], o.waiting[parent] = o.waiting[parent], o.waiting[i]
		i = parent
	}
}

// less orders by place; the origin decides where somebody broke the rules and
// two stand at one place.
func (o *order) less(i, j int) bool {
	a, b := &o.waiting[i], &o.waiting[j]
	if a.item.K != b.item.K {
		return a.item.K < b.item.K
	}
	return a.origin < b.origin
}

// take removes the packet with the lowest place.
func (o *order) take() placed {
	w := o.waiting
	first, last := w[0], len(w)-1
	w[0], w[last] = w[last], placed{}
	o.waiting = w[:last]
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

// deliverAgreed delivers what stands next in the order.
func (c *Core) deliverAgreed() {
	o := &c.order
	for len(o.waiting) > 0 && o.waiting[0].item.K <= o.next {
		p := o.take()
		if p.item.K < o.next {
			c.drop(c.base.Members[p.origin].Host, "place-taken")
			continue
		}
		o.next++
		c.deliverItem(p.origin, p.item, false)
	}
}

// finishOrder delivers, at the end of a view, what is left of the order among
// those who go on together: behind the first gap only what they themselves
// sent, since what others sent there may depend on what is missing.
func (c *Core) finishOrder(together []bool) {
	c.deliverAgreed()
	for len(c.order.waiting) > 0 {
		if p := c.order.take(); together[p.origin] {
			c.deliverItem(p.origin, p.item, true)
		}
	}
}

// deliverItem delivers one packet to the application or applies it.
func (c *Core) deliverItem(origin int, item *message.Item, transitional bool) {
	from := c.base.Members[origin].Process
	if item.Kind == message.ItemState {
		c.applyState(origin, item)
		return
	}
	msg := Message{
		Msg: trace.MsgID{From: from, N: item.N}, View: c.view.ID, K: item.K, Order: orderOf(item.Kind),
		Group: item.Group, Transitional: transitional, Payload: item.Payload,
	}
	c.counters.Delivered[msg.Order]++
	c.emit(trace.Deliver{
		Msg: msg.Msg, Group: msg.Group, View: msg.View, K: msg.K, Order: msg.Order,
		Len: len(msg.Payload), Sum: checksum(msg.Payload), Transitional: transitional,
	})
	c.deliver(msg)
	if origin == c.rank {
		c.deliver(Submitted{Token: c.sender.tokens[item.N], Msg: msg.Msg, View: msg.View, K: msg.K})
		delete(c.sender.tokens, item.N)
	}
}

// applyState changes a member's bits and attributes in the current view; the
// attributes stay where there is no room for the new ones.
func (c *Core) applyState(origin int, item *message.Item) {
	v := *c.view
	v.Members = slices.Clone(v.Members)
	m := &v.Members[origin]
	var err error
	if c.grows(m, item.State.Attrs) {
		m.Attrs = item.State.Attrs
	} else {
		c.drop(m.Host, "attributes-do-not-fit")
		if origin == c.rank && c.phase == Operational { // else the next view says what became of them
			err = views.ErrViewFull
			c.said.Attrs = m.Attrs
			c.forgetAttrs()
		}
	}
	m.Bits = item.State.Bits
	c.view = &v
	c.emit(trace.BitsChanged{View: v.ID, K: item.K, Who: m.Host, Bits: m.Bits})
	c.deliver(StateChanged{View: c.view, K: item.K, Who: m.Host, Err: err})
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(p []byte) uint32 { return crc32.Checksum(p, castagnoli) }
