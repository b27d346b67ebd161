package vsync

import (
	"slices"

	"github.com/gmsd/gmsd/views"
)

// selfState is what a member says of itself.
type selfState struct {
	Bits  views.Bits
	Attrs []views.Attr
}

// pending is what waits to be sent: a message, or a change of this host's state.
type pending struct {
	token   uint64
	tag     uint64
	port    uint32
	order   views.Order
	group   string
	payload []byte
	state   *selfState
}

// queue is first in, first out, without a copy for each that leaves.
type queue struct {
	items []pending
	head  int
	// left counts all that have left.
	left uint64
}

func (q *queue) len() int          { return len(q.items) - q.head }
func (q *queue) at(i int) *pending { return &q.items[q.head+i] }
func (q *queue) push(p pending)    { q.items = append(q.items, p) }
func (q *queue) entered() uint64   { return q.left + uint64(q.len()) }

// shrinkFrom is from how many places left behind on the rest moves to the front.
const shrinkFrom = 1024

func (q *queue) pop() pending {
	p := q.items[q.head]
	q.items[q.head] = pending{}
	q.head++
	q.left++
	switch {
	case q.head == len(q.items):
		q.items, q.head = q.items[:0], 0
	case q.head >= shrinkFrom && 2*q.head >= len(q.items):
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	return p
}

// long is a message too long for one packet. Its parts go between the packets of
// others, so that it delays nobody but what its own port sends after it.
type long struct {
	pending
	sent int
	// after is how many short ones must have left before it may end: those that
	// came before it, of its own port.
	after uint64
	// behind came after it from the same port.
	behind []pending
}

// longsOpen is how many long messages of one class are under way at a time: it
// bounds what the others must put together.
const longsOpen = 4

// outbound is what waits in one class.
type outbound struct {
	// first goes before all else: changes of state and controls.
	first queue
	short queue
	longs []*long
	// turn is the long message whose part comes next; partNext: a part is due.
	turn     int
	partNext bool
}

// ready reports whether there is something that may go, while the messages of
// the application are held or not.
func (o *outbound) ready(held bool) bool {
	return o.next(held) != nil || slices.ContainsFunc(o.longs, func(l *long) bool { return !held || l.control() })
}

// next gives the queue whose front goes next, or nil.
func (o *outbound) next(held bool) *queue {
	switch {
	case o.first.len() > 0:
		return &o.first
	case !held && o.short.len() > 0:
		return &o.short
	}
	return nil
}

// add queues p; fits is how long a message of one packet may be.
func (o *outbound) add(p pending, fits int) {
	if p.state != nil {
		o.first.push(p)
		return
	}
	for i := len(o.longs) - 1; i >= 0; i-- {
		if l := o.longs[i]; l.port == p.port {
			l.behind = append(l.behind, p)
			return
		}
	}
	o.enter(p, fits)
}

// enter queues p, before which nothing of its port waits; it gives the long
// message that p is, if it is one.
func (o *outbound) enter(p pending, fits int) *long {
	if len(p.payload) <= fits {
		q := &o.short
		if p.group == "" {
			q = &o.first
		}
		q.push(p)
		return nil
	}
	l := &long{pending: p, after: o.short.entered()}
	at := len(o.longs)
	if l.control() { // before those of the application, of which few are open
		at = o.controls()
	}
	o.longs = slices.Insert(o.longs, at, l)
	return l
}

// controls is how many long messages are controls: they stand first.
func (o *outbound) controls() (n int) {
	for n < len(o.longs) && o.longs[n].control() {
		n++
	}
	return n
}

// ended takes a long message out, and lets those behind it in.
func (o *outbound) ended(l *long, fits int) {
	o.longs = slices.DeleteFunc(o.longs, func(other *long) bool { return other == l })
	o.turn = 0
	for i := range l.behind {
		if next := o.enter(l.behind[i], fits); next != nil {
			next.behind = l.behind[i+1:]
			return
		}
	}
}

// control reports whether it is one, which is not held back.
func (l *long) control() bool { return l.group == "" }

// mayEnd reports whether all that came before it from its own port has left.
func (o *outbound) mayEnd(l *long) bool {
	if l.control() {
		return o.first.len() == 0
	}
	return o.short.left >= l.after
}

// nextLong gives the long message whose part goes next, or nil, and whether that
// is its end, which takes a place where its class has places.
func (o *outbound) nextLong(fits int, held, places bool) (l *long, ends bool) {
	n := min(len(o.longs), longsOpen)
	for i := range n {
		l = o.longs[(o.turn+i)%n]
		last := len(l.payload)-l.sent <= fits
		if held && !l.control() || last && !(places && o.mayEnd(l)) {
			continue
		}
		o.turn = (o.turn + i + 1) % n
		return l, last
	}
	return nil, false
}

// longAhead is for how many bytes of long messages a member asks for places: while it
// sends them all that others send behind those places waits.
const longAhead = 128 << 10

// ending is how many messages, of those that are long and those behind them, can go
// whole within so many bytes: the first of each port even where it takes a bit more.
func (o *outbound) ending(fits, free int, held bool) (n int) {
	free = min(free, longAhead)
	for _, l := range o.longs[:min(len(o.longs), longsOpen)] {
		if held && !l.control() {
			continue
		}
		need := len(l.payload) - l.sent
		if need > fits && need > free {
			continue
		}
		n, free = n+1, free-need
		for i := range l.behind {
			if free -= len(l.behind[i].payload); free < 0 {
				break
			}
			n++
		}
	}
	return n
}

// nearEnd gives the first long message that can end soon, or nil. It may be behind
// those that are open: a place for it was asked for when it was not. It ends within
// the same step.
func (o *outbound) nearEnd(fits int, held bool) *long {
	for _, l := range o.longs {
		if len(l.payload)-l.sent <= max(fits, longAhead) && o.mayEnd(l) && !(held && !l.control()) {
			return l
		}
	}
	return nil
}

// rewind starts the long messages anew: their parts were of another view.
func (o *outbound) rewind() {
	for _, l := range o.longs {
		l.sent = 0
	}
}

// each calls fn for all that wait.
func (o *outbound) each(fn func(*pending)) {
	for i := range o.first.len() {
		fn(o.first.at(i))
	}
	for i := range o.short.len() {
		fn(o.short.at(i))
	}
	for _, l := range o.longs {
		fn(&l.pending)
		for i := range l.behind {
			fn(&l.behind[i])
		}
	}
}
