package gms

import (
	"context"
	"sync"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
)

// outbox is what callers want to send and the engine has not taken yet. It is
// where senders feel that the group is slower than they are: it has a limit in
// bytes, and who meets it waits or is refused, by choice. Payloads are copied
// into slabs, so that a message costs no allocation of its own.
type outbox struct {
	clock func() views.Instant
	flow  flow

	mu      sync.Mutex
	waiting []outgoing
	bytes   int // of all that the engine was not given yet
	slab    []byte
	closed  error
	// held are the callers that wait for room, long those of them with a long
	// message. Room is closed when it is worth while to look again.
	held, long int
	room       chan struct{}
	// wake tells the loop; capacity 1.
	wake chan struct{}
	// posted counts all that came in.
	posted uint64

	// The loop's own: what it took and not yet gave to the engine.
	taken  []outgoing
	given  int
	submit engine.Submit
	// total counts all that the loop took out; later is what it does once total has
	// come to a number.
	total uint64
	later []delayed
}

// outgoing is one message. Who wants to know its fate has done set: the loop calls
// it once, with the receipt or an error, so it must not wait.
type outgoing struct {
	engine.Submission
	done fate
	at   views.Instant // of a call whose latency counts
}

// outgoingCost is what a message takes beside its payload.
const outgoingCost = 128

// fate is called with what became of a message.
type fate func(Receipt, error)

// replyTo gives a fate that fills a channel with room for it.
func replyTo(reply chan<- answer[Receipt]) fate {
	return func(r Receipt, err error) { reply <- answer[Receipt]{value: r, err: err} }
}

func (m *outgoing) bytes() int { return len(m.Payload) + outgoingCost }

// long reports whether m takes more than half of the room there is at all. Such
// a message may pass the limit.
func (m *outgoing) long() bool { return m.bytes() > OutboxMax/2 }

// slabBytes is how much is taken for copies of payloads at a time.
const slabBytes = 64 << 10

// sampleEvery is how many posted messages there are to each whose latency is
// measured.
const sampleEvery = 256

func newOutbox(clock func() views.Instant) *outbox {
	return &outbox{clock: clock, wake: make(chan struct{}, 1)}
}

// post queues m. Where there is no room it waits for some, or, without wait,
// gives views.ErrFull.
func (o *outbox) post(ctx context.Context, m outgoing, wait bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed == nil && !o.fits(&m) {
		if !wait {
			return views.ErrFull
		}
		if err := o.await(ctx, &m); err != nil {
			return err
		}
	}
	if o.closed != nil {
		return o.closed
	}
	o.add(m)
	return nil
}

// fits reports whether there is room for m. Those with short messages stand back
// where somebody waits with a long one, which would wait for ever otherwise.
func (o *outbox) fits(m *outgoing) bool {
	if m.long() {
		return o.bytes <= OutboxMax/2
	}
	return o.long == 0 && o.bytes+m.bytes() <= OutboxMax
}

// await waits until m fits or nothing fits any more. The lock is held before and
// after.
func (o *outbox) await(ctx context.Context, m *outgoing) error {
	o.hold(m, 1)
	defer o.hold(m, -1)
	for o.closed == nil && !o.fits(m) {
		if o.room == nil {
			o.room = make(chan struct{})
		}
		room := o.room
		o.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
		}
		o.mu.Lock()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// hold counts one more or one less who waits.
func (o *outbox) hold(m *outgoing, n int) {
	before := o.held
	o.held += n
	if before == 0 || o.held == 0 {
		o.flow.set(o.clock(), o.held > 0)
	}
	if m.long() {
		o.long += n
		if o.long == 0 {
			o.wakeHeld() // those who stood back
		}
	}
}

// wakeHeld lets all who wait look again.
func (o *outbox) wakeHeld() {
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
}

func (o *outbox) add(m outgoing) {
	if o.posted%sampleEvery == 0 || m.done != nil {
		m.at = o.clock()
	}
	o.posted++
	m.Payload = o.copy(m.Payload)
	o.waiting = append(o.waiting, m)
	o.bytes += m.bytes()
	if len(o.waiting) == 1 {
		o.nudge()
	}
}

// nudge makes sure that the loop looks at the outbox soon.
func (o *outbox) nudge() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// copy gives a copy of a payload.
func (o *outbox) copy(p []byte) []byte {
	if len(p) > slabBytes/4 {
		return append([]byte(nil), p...)
	}
	if len(p) > cap(o.slab)-len(o.slab) {
		o.slab = make([]byte, 0, slabBytes)
	}
	n := len(o.slab)
	o.slab = append(o.slab, p...)
	return o.slab[n:len(o.slab):len(o.slab)]
}

// take gives the loop messages of about most bytes, at least one; nothing where
// there are none. They are its own until it calls gave.
func (o *outbox) take(most int) []outgoing {
	if o.given == len(o.taken) {
		o.mu.Lock()
		o.taken, o.waiting = o.waiting, o.taken[:0]
		o.mu.Unlock()
		o.given = 0
	}
	first, bytes := o.given, 0
	for o.given < len(o.taken) && (bytes == 0 || bytes+o.taken[o.given].bytes() <= most) {
		bytes += o.taken[o.given].bytes()
		o.given++
		o.total++
	}
	return o.taken[first:o.given]
}

// gave says that the engine has these, which are what take gave: they are
// forgotten, and those let in who wait for room.
func (o *outbox) gave(messages []outgoing) {
	bytes := 0
	for i := range messages {
		bytes += messages[i].bytes()
	}
	clear(messages)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= bytes
	if o.bytes <= OutboxMax/2 {
		o.wakeHeld()
	}
}

// pending reports whether the loop has something left to give.
func (o *outbox) pending() bool {
	if o.given < len(o.taken) {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting) > 0
}

// lost gives back, at the end, what the engine was never given.
func (o *outbox) lost(err error) {
	o.mu.Lock()
	waiting := o.waiting
	o.waiting = nil
	o.mu.Unlock()
	for _, list := range [][]outgoing{o.taken[o.given:], waiting} {
		for i := range list {
			if list[i].done != nil {
				list[i].done(Receipt{}, err)
			}
		}
	}
}

// close refuses, with err, all that comes and those who wait. What was taken in
// before can still be given to the engine.
func (o *outbox) close(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = err
	o.wakeHeld()
}
