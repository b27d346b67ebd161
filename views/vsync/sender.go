package vsync

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// Limits of sending.
const (
	// queueItems and queueBytes bound what waits to be sent; beyond it Submit
	// is refused with views.ErrFull. One long message may pass them.
	queueItems = 1 << 16
	queueBytes = 8 << 20
	// itemLeast is what a driver takes a message for at least, so that it does not
	// bring more than queueItems.
	itemLeast = 64
	// packetFirst is how long a packet is where the driver does not say.
	packetFirst = 1300
	// packetMost bounds it: header and frame must still fit into a datagram.
	packetMost  = views.DatagramMax - 512
	packetLeast = 800
	// controlMax bounds a control.
	controlMax = 32 << 10
)

// Submission is a message to multicast.
type Submission struct {
	// Token is the caller's: the fate comes back as a [Submitted] with it. 0
	// asks for no word, unless it is refused.
	Token uint64
	// Tag, if not 0, goes with the message unread.
	Tag uint64
	// Port is who at this host sends, 0 for the host itself.
	Port uint32
	// Group is whom it is for; without one, and with Order Agreed, it is a
	// [Control].
	Group string
	Order views.Order
	// Payload is the core's until the message was sent.
	Payload []byte
}

// sender is this host's side of its own streams.
type sender struct {
	// n counts the messages of this incarnation.
	n           uint64
	out         [message.Classes]outbound
	queued      int
	queuedBytes int
	// sent is, by class, the last packet that was given to the network.
	sent [message.Classes]views.StreamSeq
	// inFlight is what the packets take that not all members hold; sinceMark what
	// went out since one last asked for an Ack.
	inFlight, sinceMark int
	// placedFirst: the placed class went first the last time.
	placedFirst bool
	// marked is, by class, the last packet that asked for one.
	marked [message.Classes]views.StreamSeq
	// places were granted and are not used yet; granted and asked count from the
	// beginning of the view.
	places         []message.PlaceRange
	granted, asked uint64
	requestAt      views.Instant
	requestTries   uint8
	tailAt         views.Instant
	tailTries      uint8
	// fence is the place of the last control that was delivered here.
	fence views.Position
	ports portQueues
	// tokens of messages that were sent and not yet delivered here, by number.
	tokens map[uint64]uint64
	pack   packer
}

// Submit queues messages, in order.
func (c *Core) Submit(now views.Instant, messages ...Submission) {
	c.now = now
	for i := range messages {
		c.submit(&messages[i])
	}
	c.pump()
	c.settle()
}

func (c *Core) submit(m *Submission) {
	if err := c.submittable(m); err != nil {
		c.deliver(Submitted{Token: m.Token, Err: err})
		return
	}
	if m.isControl() {
		m.Port = controlPort
	}
	c.enqueue(pending{token: m.Token, tag: m.Tag, port: m.Port, order: m.Order, group: m.Group, payload: m.Payload})
}

// controlPort is the port of controls.
const controlPort = 1<<32 - 1

// portShown is the port as the log tells it: that of controls is nobody's.
func portShown(port uint32) uint32 {
	if port == controlPort {
		return 0
	}
	return port
}

func (m *Submission) isControl() bool { return m.Group == "" && m.Order == views.Agreed }

func (c *Core) submittable(m *Submission) error {
	q := &c.sender
	switch {
	case c.stopped:
		return views.ErrLeaving
	case m.isControl() && len(m.Payload) <= controlMax:
		return nil // whoever sends controls bounds them
	case c.leaving:
		return views.ErrLeaving
	case len(m.Payload) > views.PayloadMax:
		return views.ErrTooLong
	case len(m.Group) > views.GroupNameMax || m.Order >= views.OrderEnd:
		return views.ErrGroupName
	case q.queued >= queueItems || q.queuedBytes >= max(queueBytes, c.cfg.Window):
		return views.ErrFull
	}
	return nil
}

// Room is how many bytes of messages may be submitted now without a refusal
// and without waiting long: a driver with a queue of its own keeps the rest there.
func (c *Core) Room() int {
	return min(max(0, c.window()-c.sender.queuedBytes), (queueItems-c.sender.queued)*itemLeast)
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
	c.enqueueState(&selfState{Bits: bits, Attrs: attrs})
	c.pump()
	c.settle()
}

// enqueueState queues a change of state; one that still waits is overtaken.
func (c *Core) enqueueState(state *selfState) {
	if p := c.waitingState(); p != nil {
		p.state = state
		return
	}
	c.enqueue(pending{order: views.Agreed, state: state})
}

func (c *Core) waitingState() *pending {
	first := &c.sender.out[message.ClassPlaced].first
	for i := range first.len() {
		if p := first.at(i); p.state != nil {
			return p
		}
	}
	return nil
}

// Self is this host's record as it wants to be known.
func (c *Core) Self() views.Member { return c.self }

func classOf(o views.Order) message.Class {
	if o.Placed() {
		return message.ClassPlaced
	}
	return message.ClassFIFO
}

func (c *Core) enqueue(p pending) {
	q := &c.sender
	q.out[classOf(p.order)].add(p, c.fits())
	q.queued++
	q.queuedBytes += len(p.payload)
	if p.port != 0 {
		q.ports.enter(&p)
	}
}

// fits is how long a payload may be to go in one packet, whatever its group.
func (c *Core) fits() int {
	return c.cfg.PacketBytes - headMax - topicMax - views.GroupNameMax - recordMax
}

// pump sends what may be sent now, the two classes in turn as to who goes first: each
// could use up all the credit. Places are asked for before.
func (c *Core) pump() {
	q := &c.sender
	if c.phase != Operational || q.queued == 0 {
		return
	}
	if c.credit() > 0 {
		c.maybeRequest()
	}
	if q.placedFirst = !q.placedFirst; q.placedFirst {
		c.pumpPlaced()
	}
	fifo := &q.out[message.ClassFIFO]
	for fifo.ready(c.held) && c.credit() > 0 && c.sendNext(fifo, message.ClassFIFO, 0, queueItems) {
	}
	if !q.placedFirst {
		c.pumpPlaced()
	}
}

// pumpPlaced sends what has places: the coordinator takes them as it goes, the
// others ask. What was granted is used at once, since all wait for it.
func (c *Core) pumpPlaced() {
	out := &c.sender.out[message.ClassPlaced]
	c.useGranted(out)
	if c.rank == 0 && c.credit() <= 0 {
		c.sendFirst(out)
	}
	for out.ready(c.held) && c.credit() > 0 {
		most := 0
		if c.rank == 0 {
			most = int(c.order.grantable())
		}
		if !c.sendNext(out, message.ClassPlaced, c.order.slot, most) {
			break
		}
	}
	c.maybeRequest()
}

// sendFirst sends, at the coordinator, changes of state and controls without
// credit, as the others do with places: they are few, and a slow receiver must not
// keep from all who is in the groups.
func (c *Core) sendFirst(out *outbound) {
	for out.first.len() > 0 {
		most := min(out.first.len(), int(c.order.grantable())) //nolint:gosec // at most orderWindow
		if most == 0 {
			return
		}
		c.sendShort(out, message.ClassPlaced, c.order.slot, most)
	}
}

// useGranted uses the places that were granted, whatever the credit: there was some
// for them when they were asked for.
func (c *Core) useGranted(out *outbound) {
	q := &c.sender
	for len(q.places) > 0 {
		r := q.places[0]
		if out.next(c.held) != nil {
			c.sendShort(out, message.ClassPlaced, r.K, int(r.Count))
			continue
		}
		l := out.nearEnd(c.fits(), c.held)
		if l == nil {
			return
		}
		c.sendPartOf(out, message.ClassPlaced, r.K, l, len(l.payload)-l.sent <= c.fits())
	}
}

// sendNext sends one packet, short messages and parts of long ones in turn;
// false where there is none to send.
func (c *Core) sendNext(out *outbound, class message.Class, k views.Position, most int) bool {
	out.partNext = !out.partNext
	if out.partNext && c.sendPart(out, class, k, most) {
		return true
	}
	if most > 0 && out.next(c.held) != nil {
		c.sendShort(out, class, k, most)
		return true
	}
	return c.sendPart(out, class, k, most)
}

// Release lets the messages of the application go in the current view: after an
// install only changes of state and controls do, until whoever keeps the groups
// knows who is in them.
func (c *Core) Release(now views.Instant) {
	c.now = now
	if !c.held || c.stopped {
		return
	}
	c.held = false
	c.pump()
	c.settle()
}

// beginPacket opens a packet of a class whose first placed record stands at k. However
// small the share is, a payload of least bytes goes in: what waits since packets could
// be longer makes a longer one, which goes in pieces.
func (c *Core) beginPacket(class message.Class, k views.Position, least int) {
	q := &c.sender
	least += headMax + topicMax + views.GroupNameMax + recordMax
	need := headMax + topicMax + views.GroupNameMax + q.queuedBytes + (recordMax+topicMax)*q.queued + attrsRoom
	limit := headroom + max(least, min(c.cfg.PacketBytes, max(c.share(), packetFirst), need))
	q.pack.begin(c.slab.reserve(limit)[:headroom], limit, class, q.n+1, c.fence(class, k), k)
}

// fence is what must be delivered before the packet that is being packed at k. One
// of parts alone, without a place, stands before all places: it must not wait for a
// FIFO packet, which may itself wait for a place.
func (c *Core) fence(class message.Class, k views.Position) uint64 {
	q := &c.sender
	switch {
	case class == message.ClassFIFO:
		return uint64(q.fence)
	case k == 0:
		return 0
	case q.out[class].first.len() > 0 || q.out[class].controls() > 0:
		return uint64(c.streams[message.StreamOf(c.rank, message.ClassFIFO)].have)
	}
	return 0
}

// sendShort fills a packet with short messages, at most most of them. There is one.
func (c *Core) sendShort(out *outbound, class message.Class, k views.Position, most int) {
	c.beginPacket(class, k, len(out.next(c.held).at(0).payload))
	taken, flags := c.packShort(out, most)
	c.usePlaces(class, taken)
	c.takeOwn(class, flags)
}

// sendPart sends a part of a long message, if there is one that may go on.
func (c *Core) sendPart(out *outbound, class message.Class, k views.Position, most int) bool {
	l, ends := out.nextLong(c.fits(), c.held, most > 0)
	if l == nil {
		return false
	}
	c.sendPartOf(out, class, k, l, ends)
	return true
}

// fillLeast is the least room that is worth a part of another message.
const fillLeast = 64

// fill fills a packet in which a long message has ended with the next part of
// another that does not end.
func (c *Core) fill(out *outbound) {
	pack := &c.sender.pack
	if pack.limit-len(pack.b) < fillLeast+topicMax+recordMax+views.GroupNameMax {
		return
	}
	if l, _ := out.nextLong(c.fits(), c.held, false); l != nil {
		pack.part(l, false)
	}
}

// sendPartOf sends the next part of a long message, or its end.
func (c *Core) sendPartOf(out *outbound, class message.Class, k views.Position, l *long, ends bool) {
	if !ends {
		k = 0
	}
	least := 0
	if ends {
		least = len(l.payload) - l.sent
	}
	c.beginPacket(class, k, least)
	c.sender.pack.part(l, ends)
	var flags message.DataFlags
	if ends {
		flags = ackFlags(l.order)
		c.sentMessage(&l.pending)
		out.ended(l, c.fits())
		c.usePlaces(class, 1)
		if c.credit() > 0 {
			c.fill(out)
		}
	}
	c.takeOwn(class, flags)
}

// attrsRoom is what a state takes at most.
const attrsRoom = views.AttrBytesMax + 4*views.AttrsMax + 16

func ackFlags(o views.Order) message.DataFlags {
	if o == views.Safe {
		return message.AckAll
	}
	return 0
}

// packShort packs what fits.
func (c *Core) packShort(out *outbound, most int) (taken int, flags message.DataFlags) {
	pack := &c.sender.pack
	for taken < most {
		from := out.next(c.held)
		if from == nil {
			break
		}
		p := from.at(0)
		switch {
		case p.state != nil:
			if taken > 0 && pack.limit-len(pack.b) < attrsRoom {
				return taken, flags
			}
			pack.state(p.state)
			c.said.Bits, c.said.Attrs = p.state.Bits, p.state.Attrs
			c.sender.queued--
		case pack.room(p.port, p.group) < len(p.payload):
			return taken, flags
		default:
			pack.message(p)
			flags |= ackFlags(p.order)
			c.sentMessage(p)
		}
		from.pop()
		taken++
	}
	return taken, flags
}

// sentMessage numbers a message that now goes out whole.
func (c *Core) sentMessage(p *pending) {
	q := &c.sender
	q.n++
	q.queued--
	q.queuedBytes -= len(p.payload)
	if p.port != 0 {
		q.ports.leave(p)
	}
	if p.token != 0 {
		if q.tokens == nil {
			q.tokens = make(map[uint64]uint64)
		}
		q.tokens[q.n] = p.token
	}
	c.counters.Sent[p.order]++
	if c.cfg.MessageEvents {
		c.emit(trace.Send{
			Msg: trace.MsgID{From: c.self.Process, N: q.n}, Port: portShown(p.port), Group: p.group,
			View: c.view.ID, Order: p.order, Len: len(p.payload), Sum: checksum(p.payload),
		})
	}
}

// takeOwn puts the packet into the own stream and hands it on here.
func (c *Core) takeOwn(class message.Class, flags message.DataFlags) {
	q := &c.sender
	whole := c.slab.keep(q.pack.b)
	body := whole[headroom:]
	id := message.StreamOf(c.rank, class)
	own := &c.streams[id]
	size := packetCost(body)
	q.inFlight += size
	q.sinceMark += size
	if q.sinceMark >= c.share()/markParts || c.credit() <= 0 && !c.awaitsMark() {
		flags |= message.AckNow
		q.sinceMark, q.marked[class] = 0, own.have+1
	}
	own.put(own.have+1, body, flags)
	own.at(own.announced).whole = whole
	own.firm = own.have
	if len(c.addrs) == 0 {
		c.settleStream(id, own.have)
	}
	c.process(id)
}

// awaitsMark reports whether a packet that asked for an Ack is not yet with all: what
// comes of it gives credit, so others need not ask.
func (c *Core) awaitsMark() bool {
	for class, seq := range c.sender.marked {
		if seq > c.streams[message.StreamOf(c.rank, message.Class(class))].stable { //nolint:gosec // below Classes
			return true
		}
	}
	return false
}

// settleOwn gives back what packets of the own stream took that all hold now.
func (c *Core) settleOwn(own *stream, from, to views.StreamSeq) {
	for seq := from + 1; seq <= to; seq++ {
		c.sender.inFlight -= packetCost(own.at(seq).body)
	}
}

// unsettled reports whether there are own packets that not all hold.
func (c *Core) unsettled() bool {
	for class := range message.Classes {
		if own := &c.streams[message.StreamOf(c.rank, class)]; own.stable < own.have {
			return true
		}
	}
	return false
}

// flushSends gives the packets of the own streams that are new to the network.
func (c *Core) flushSends() {
	q := &c.sender
	sent := false
	for class := range message.Classes {
		id := message.StreamOf(c.rank, class)
		own := &c.streams[id]
		if len(c.addrs) == 0 {
			q.sent[class] = own.have
			continue
		}
		for q.sent[class] < own.have {
			q.sent[class]++
			c.sendAll(c.dataOf(id, q.sent[class]))
			sent = true
		}
	}
	if !sent {
		return
	}
	c.armAck() // the own stream counts: where two are alone nobody else reports it
	if q.tailAt == 0 {
		q.tailAt = c.after(c.t.Tail)
	}
}

// dataOf is the message that carries a held packet, valid for this step.
func (c *Core) dataOf(id message.StreamID, seq views.StreamSeq) *message.Data {
	p := c.streams[id].at(seq)
	d := c.pool.data()
	*d = message.Data{View: c.view.ID, Stream: id, Seq: seq, Flags: p.flags, Body: p.body, Whole: p.whole}
	return d
}

// repeatTail says again how much was sent, until all hold it: the last packet
// may have been lost, and nothing else would show it.
func (c *Core) repeatTail() {
	q := &c.sender
	q.tailAt = 0
	if !c.unsettled() || c.phase != Operational {
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

// tailUnicast is after how many repetitions by multicast the tail goes by
// unicast, tailPackets how many packets of a class then.
const (
	tailUnicast = 3
	tailPackets = 16
)

// sendTail sends every member the first packets that not all hold.
func (c *Core) sendTail() {
	for _, addr := range c.addrs {
		c.sendTo(addr, c.Heartbeat())
		for class := range message.Classes {
			id := message.StreamOf(c.rank, class)
			own := &c.streams[id]
			for seq := own.stable + 1; seq <= min(own.have, own.stable+tailPackets); seq++ {
				c.sendTo(addr, c.dataOf(id, seq))
			}
		}
	}
}

// resetSender starts the own streams of a new view. What waits goes on waiting.
func (c *Core) resetSender() {
	q := &c.sender
	q.sent, q.marked = [message.Classes]views.StreamSeq{}, [message.Classes]views.StreamSeq{}
	q.inFlight, q.sinceMark, q.granted, q.asked, q.places, q.fence = 0, 0, 0, 0, nil, 0
	q.requestAt, q.requestTries, q.tailAt, q.tailTries = 0, 0, 0, 0
	for class := range q.out {
		q.out[class].rewind()
	}
}

// refuseQueued gives back what will never be sent.
func (c *Core) refuseQueued(err error) {
	q := &c.sender
	for class := range q.out {
		q.out[class].each(func(p *pending) {
			if p.state == nil {
				c.deliver(Submitted{Token: p.token, Err: err})
			}
		})
		q.out[class] = outbound{}
	}
	q.queued, q.queuedBytes, q.ports = 0, 0, portQueues{}
}

// SetPacketBytes says how long the bodies of packets may be from now on. Those that
// were made before stay as they are, and a message that was to go in one still does.
func (c *Core) SetPacketBytes(n int) { c.cfg.PacketBytes = min(max(n, packetLeast), packetMost) }
