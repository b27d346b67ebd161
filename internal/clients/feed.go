package clients

import (
	"fmt"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
	"github.com/gmsd/gmsd/views"
)

// feeder writes the events of a port.
type feeder struct {
	*session
	senders senderTable
	// streams counts the states given and asked for.
	streams uint64
	// group and handle are those of the last event.
	group  string
	handle uint32
	// scratch is where views are encoded.
	scratch []byte
}

// feed takes events from the port until either ends.
func (ss *session) feed() {
	f := &feeder{session: ss}
	f.senders.init()
	for {
		events, err := ss.port.Next(ss.ctx)
		if err != nil {
			if ss.ctx.Err() == nil {
				ss.failWith(err)
			}
			return
		}
		if !f.write(events) {
			ss.askWhy()
			return
		}
	}
}

// askWhy ends a session whose port ended while its client had no credit.
func (ss *session) askWhy() {
	if ss.ctx.Err() != nil {
		return
	}
	for {
		if _, err := ss.port.Next(ss.ctx); err != nil {
			ss.failWith(err)
			return
		}
	}
}

// watchEnd wakes the feeder at the end of the port.
func (ss *session) watchEnd() {
	e, ok := ss.port.(Ender)
	if !ok {
		return
	}
	select {
	case <-e.Ended():
		ss.out.stop()
	case <-ss.ctx.Done():
	}
}

// write appends events as far as room and credit go, and waits for more.
func (f *feeder) write(events []member.Event) bool {
	f.out.lock()
	defer f.out.unlock()
	for i := range events {
		e := &events[i]
		if e.Group != f.group || f.group == "" {
			h, ok := f.names.number(e.Group)
			if !ok {
				f.server.config.Logger.Error("clients: an event of a group without a number", "client", f.name, "group", e.Group)
				continue
			}
			f.group, f.handle = e.Group, h
		}
		if !f.event(e) {
			return false
		}
	}
	return true
}

func (f *feeder) event(e *member.Event) bool {
	switch e.Kind {
	case member.KindMessage:
		return f.message(&e.Msg)
	case member.KindView:
		return f.view(e)
	case member.KindBlock:
		return f.put(func(b []byte) []byte { return clientwire.AppendBlock(b, f.handle) })
	case member.KindUnblock:
		return f.put(func(b []byte) []byte { return clientwire.AppendUnblock(b, f.handle) })
	case member.KindParted:
		return f.parted(e)
	case member.KindState:
		return f.state(e)
	case member.KindDonate:
		return f.donate(e)
	case member.KindProgress:
		return f.progress(&e.Progress)
	default:
		// A kind that this version of the protocol does not carry.
		return true
	}
}

// put appends one short frame, when its time has come.
func (f *feeder) put(frame func([]byte) []byte) bool {
	o := &f.out
	if !o.roomForEvent() {
		return false
	}
	at := len(o.pending)
	o.pending = frame(o.pending)
	f.paid(at)
	return true
}

// paid takes the frame behind at from the credit.
func (f *feeder) paid(at int) {
	f.out.credit -= len(f.out.pending) - at
	f.out.frames++
}

func (f *feeder) message(m *member.Message) bool {
	sender, isNew := f.senders.index(m.ID.From, m.Port)
	if isNew && !f.put(func(b []byte) []byte {
		return clientwire.AppendSender(b, &clientwire.Sender{Index: sender, From: m.ID.From, Port: m.Port})
	}) {
		return false
	}
	rest, ok := f.parts(m.Payload)
	if !ok || !f.out.roomForEvent() {
		return false
	}
	at := len(f.out.pending)
	f.out.pending = clientwire.AppendMessage(f.out.pending, &clientwire.Message{
		Order: m.Order, Transitional: m.Transitional, Parts: len(rest) < len(m.Payload), Handle: f.handle, Sender: sender,
		N: m.ID.N, K: m.K, Request: m.Request, Tail: rest,
	})
	f.paid(at)
	return true
}

// parts writes all of a long payload but for its last piece.
func (f *feeder) parts(payload []byte) (rest []byte, ok bool) {
	for len(payload) > clientwire.TailMax {
		p := cutPart(&payload)
		if !f.put(func(b []byte) []byte { return clientwire.AppendPart(b, clientwire.TypeEventPart, p) }) {
			return nil, false
		}
	}
	return payload, true
}

func (f *feeder) view(e *member.Event) bool {
	f.scratch = clientwire.AppendGroupView(f.scratch[:0], e.View)
	rest, ok := f.parts(f.scratch)
	return ok && f.put(func(b []byte) []byte {
		return clientwire.AppendView(b, &clientwire.View{Parts: len(rest) < len(f.scratch), Handle: f.handle, Tail: rest})
	})
}

// parted frees the number of the group: the client may use it for another when it
// reads this.
func (f *feeder) parted(e *member.Event) bool {
	p := &clientwire.Parted{Handle: f.handle, Why: e.Why, Code: codeOf(e.Err)}
	if e.Err != nil {
		p.Text = fmt.Sprint(e.Err)
	}
	f.names.use(f.handle, -1)
	f.group = ""
	return f.put(func(b []byte) []byte { return clientwire.AppendParted(b, p) })
}

// senderTable numbers the senders of messages; the oldest number is given anew.
type senderTable struct {
	of   map[senderKey]uint32
	keys []senderKey
	next uint32
	// last was asked for before, and has the number lastIndex.
	last      senderKey
	lastIndex uint32
}

type senderKey struct {
	process views.Process
	port    uint32
}

func (t *senderTable) init() { t.of = make(map[senderKey]uint32) }

// index gives the number of a sender, and whether the client must be told.
func (t *senderTable) index(p views.Process, port uint32) (n uint32, isNew bool) {
	key := senderKey{p, port}
	if key == t.last && len(t.keys) > 0 {
		return t.lastIndex, false
	}
	n, ok := t.of[key]
	if !ok {
		n = t.add(key)
	}
	t.last, t.lastIndex = key, n
	return n, !ok
}

func (t *senderTable) add(key senderKey) uint32 {
	n := t.next
	t.next = (t.next + 1) % clientwire.SendersMax
	if n < uint32(len(t.keys)) { //nolint:gosec // at most SendersMax
		delete(t.of, t.keys[n])
		t.keys[n] = key
	} else {
		t.keys = append(t.keys, key)
	}
	t.of[key] = n
	return n
}
