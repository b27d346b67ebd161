package vsync

import (
	"hash/crc32"
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// orderWindow bounds how far ahead of delivery places may be used.
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
	// window holds the packets at next, next+1, …; a nil item where missing.
	window []placed
	// slot is the place to grant next, ledgers what was granted to each rank;
	// the coordinator's alone.
	slot    views.Position
	ledgers []*ledger
}

func newOrder(size int) order {
	return order{next: 1, slot: 1, ledgers: make([]*ledger, size)}
}

// place puts an agreed packet at its place. One that lies outside the window
// was placed by somebody who does not keep the rules, and is left out.
func (o *order) place(k views.Position, origin int, item *message.Item) {
	if k < o.next || k >= o.next+orderWindow {
		return
	}
	i := int(k - o.next)
	for len(o.window) <= i {
		o.window = append(o.window, placed{})
	}
	if o.window[i].item == nil {
		o.window[i] = placed{origin, item}
	}
}

// deliverAgreed delivers what stands next in the order.
func (c *Core) deliverAgreed() {
	o := &c.order
	for len(o.window) > 0 && o.window[0].item != nil {
		p := o.window[0]
		o.window = o.window[1:]
		o.next++
		c.deliverItem(p.origin, p.item, false)
	}
}

// finishOrder delivers, at the end of a view, what is left of the order among
// those who go on together: behind the first gap only what they themselves
// sent, since what others sent there may depend on what is missing.
func (c *Core) finishOrder(together []bool) {
	c.deliverAgreed()
	window := c.order.window
	c.order.window = nil
	for _, p := range window {
		if p.item != nil && together[p.origin] {
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

// applyState changes a member's bits and attributes in the current view.
func (c *Core) applyState(origin int, item *message.Item) {
	v := *c.view
	v.Members = slices.Clone(v.Members)
	m := &v.Members[origin]
	m.Bits, m.Attrs = item.State.Bits, item.State.Attrs
	c.view = &v
	c.emit(trace.BitsChanged{View: v.ID, K: item.K, Who: m.Host, Bits: m.Bits})
	c.deliver(StateChanged{View: c.view, K: item.K, Who: m.Host})
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(p []byte) uint32 { return crc32.Checksum(p, castagnoli) }
