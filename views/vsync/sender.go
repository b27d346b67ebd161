package vsync

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// Limits of sending.
const (
	// windowItems and windowBytes bound what a member has sent and not all hold.
	windowItems = 2048
	windowBytes = 2 << 20
	// queueItems and queueBytes bound what waits to be sent; beyond it Submit
	// is refused with views.ErrFull.
	queueItems = 8192
	queueBytes = 8 << 20
)

// pending is a submitted message that was not sent yet.
type pending struct {
	kind    message.ItemKind
	token   uint64
	group   string
	payload []byte
	state   *message.State
}

// sender is this host's side of its own stream.
type sender struct {
	// n counts the messages of this incarnation.
	n           uint64
	fifo        []pending
	agreed      []pending
	queuedBytes int
	// sent is the last packet of the own stream that was given to the network.
	sent          views.StreamSeq
	unstableBytes int
	// granted places were received in this view; asked were wanted in all.
	granted, asked uint64
	requestAt      views.Instant
	requestTries   uint8
	tailAt         views.Instant
	tailTries      uint8
	// tokens of messages that were sent and not yet delivered here, by count.
	tokens map[uint64]uint64
}

// Submit queues a message. Its fate is a [Submitted].
func (c *Core) Submit(now views.Instant, token uint64, group string, order views.Order, payload []byte) {
	c.now = now
	if err := c.submittable(group, payload); err != nil {
		c.deliver(Submitted{Token: token, Err: err})
		return
	}
	p := pending{kind: message.ItemFIFO, token: token, group: group, payload: payload}
	if order == views.Agreed {
		p.kind = message.ItemAgreed
	}
	c.enqueue(p)
	c.settle()
}

func (c *Core) submittable(group string, payload []byte) error {
	q := &c.sender
	switch {
	case c.leaving || c.stopped:
		return views.ErrLeaving
	case len(payload) > views.PayloadMax:
		return views.ErrTooLong
	case group == "" || len(group) > views.GroupNameMax:
		return views.ErrGroupName
	case len(q.fifo)+len(q.agreed) >= queueItems || q.queuedBytes+len(payload) > queueBytes:
		return views.ErrFull
	}
	return nil
}

// SetState makes this host's bits and attributes known in view order.
func (c *Core) SetState(now views.Instant, bits views.Bits, attrs []views.Attr) {
	c.now = now
	if c.stopped {
		return
	}
	c.self.Bits, c.self.Attrs = bits, attrs
	if c.view == nil {
		return
	}
	c.enqueueState(&message.State{Bits: bits, Attrs: attrs})
	c.settle()
}

// enqueueState queues a change of state; one that still waits is overtaken.
func (c *Core) enqueueState(state *message.State) {
	for i := range c.sender.agreed {
		if c.sender.agreed[i].kind == message.ItemState {
			c.sender.agreed[i].state = state
			return
		}
	}
	c.enqueue(pending{kind: message.ItemState, state: state})
}

// Self is this host's record as it wants to be known.
func (c *Core) Self() views.Member { return c.self }

func (c *Core) enqueue(p pending) {
	q := &c.sender
	if p.kind == message.ItemFIFO {
		q.fifo = append(q.fifo, p)
	} else {
		q.agreed = append(q.agreed, p)
	}
	q.queuedBytes += len(p.payload)
	c.pump()
}

// windowFree is how many more packets may be in flight.
func (c *Core) windowFree() int {
	own := &c.streams[c.rank]
	if c.sender.unstableBytes >= windowBytes {
		return 0
	}
	return windowItems - int(own.have-own.stable)
}

// pump sends what may be sent now.
func (c *Core) pump() {
	if c.phase != Operational {
		return
	}
	q := &c.sender
	for len(q.fifo) > 0 && c.windowFree() > 0 {
		c.transmit(pop(&q.fifo), 0)
	}
	if c.rank == 0 {
		for len(q.agreed) > 0 && c.windowFree() > 0 && c.order.grantable() > 0 {
			c.transmit(pop(&q.agreed), c.order.grantOne())
		}
		return
	}
	if len(q.agreed) > 0 && q.requestAt == 0 {
		c.requestPlaces()
	}
}

func pop(queue *[]pending) pending {
	p := (*queue)[0]
	(*queue)[0] = pending{}
	*queue = (*queue)[1:]
	if len(*queue) == 0 {
		*queue = nil
	}
	return p
}

// transmit puts a message into the own stream and delivers it here as soon as
// its order allows. flushSends gives it to the network.
func (c *Core) transmit(p pending, k views.Position) {
	q := &c.sender
	q.queuedBytes -= len(p.payload)
	q.n++
	item := &message.Item{Kind: p.kind, K: k, N: q.n, Group: p.group, Payload: p.payload, State: p.state}
	own := &c.streams[c.rank]
	own.put(own.have+1, item)
	q.unstableBytes += len(p.payload)
	if p.kind == message.ItemState {
		c.said.Bits, c.said.Attrs = p.state.Bits, p.state.Attrs
	} else {
		if q.tokens == nil {
			q.tokens = make(map[uint64]uint64)
		}
		q.tokens[item.N] = p.token
		order := orderOf(p.kind)
		c.counters.Sent[order]++
		c.emit(trace.Send{
			Msg: trace.MsgID{From: c.self.Process, N: item.N}, Group: p.group, View: c.view.ID,
			Order: order, Len: len(p.payload), Sum: checksum(p.payload),
		})
	}
	c.process(c.rank)
	if len(c.addrs) == 0 {
		c.settleOwn(own.have)
	}
}

// settleOwn notes that all members hold the own stream up to seq.
func (c *Core) settleOwn(seq views.StreamSeq) {
	own := &c.streams[c.rank]
	for s := own.stable + 1; s <= min(seq, own.processed); s++ {
		c.sender.unstableBytes -= len(own.at(s).Payload)
	}
	own.settleTo(seq)
	if own.stable == own.have {
		c.sender.tailAt, c.sender.tailTries = 0, 0
	}
}

// flushSends gives the packets of the own stream that are new to the network.
func (c *Core) flushSends() {
	own := &c.streams[c.rank]
	if c.sender.sent >= own.have {
		return
	}
	if len(c.addrs) == 0 {
		c.sender.sent = own.have
		return
	}
	for c.sender.sent < own.have {
		left := resendItems
		first := c.sender.sent + 1
		items := own.run(first, own.have, &left)
		c.sendAll(&message.Data{View: c.view.ID, Origin: uint16(c.rank), First: first, Items: items})
		c.sender.sent += views.StreamSeq(len(items))
	}
	c.armAck() // the own stream counts: where two are alone nobody else reports it
	if c.sender.tailAt == 0 {
		c.sender.tailAt = c.after(c.t.Tail)
	}
}

// repeatTail says again how much was sent, until all hold it: the last packet
// may have been lost, and nothing else would show it.
func (c *Core) repeatTail() {
	q := &c.sender
	q.tailAt = 0
	own := &c.streams[c.rank]
	if own.stable >= own.have || c.phase != Operational {
		return
	}
	c.sendAll(c.Heartbeat())
	if q.tailTries >= tailUnicast {
		// Perhaps our multicast does not pass: say it to each, and offer the rest.
		c.sendTail()
	}
	q.tailTries++
	q.tailAt = c.after(backoff(c.t.Tail, q.tailTries, c.t.RetryMax))
}

// tailUnicast is after how many repetitions by multicast the tail goes by unicast.
const tailUnicast = 3

// sendTail sends every member the first packets that not all hold.
func (c *Core) sendTail() {
	own := &c.streams[c.rank]
	left := resendItems
	first := own.stable + 1
	items := own.run(first, own.have, &left)
	for _, addr := range c.addrs {
		c.sendTo(addr, c.Heartbeat())
		if len(items) > 0 {
			c.sendTo(addr, &message.Data{View: c.view.ID, Origin: uint16(c.rank), First: first, Items: items})
		}
	}
}

// resetSender starts the own stream of a new view. What waits goes on waiting.
func (c *Core) resetSender() {
	q := &c.sender
	q.sent, q.unstableBytes, q.granted, q.asked = 0, 0, 0, 0
	q.requestAt, q.requestTries, q.tailAt, q.tailTries = 0, 0, 0, 0
}

// refuseQueued gives back what will never be sent.
func (c *Core) refuseQueued(err error) {
	q := &c.sender
	for _, queue := range [][]pending{q.fifo, q.agreed} {
		for _, p := range queue {
			if p.kind != message.ItemState {
				c.deliver(Submitted{Token: p.token, Err: err})
			}
		}
	}
	q.fifo, q.agreed, q.queuedBytes = nil, nil, 0
}

func orderOf(k message.ItemKind) views.Order {
	if k == message.ItemFIFO {
		return views.FIFO
	}
	return views.Agreed
}
