package gms

import (
	"context"
	"slices"
	"sync"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
)

// outbox is what callers want to send and the engine has not taken yet, in a lane
// for each port and one for the calls of the host itself. It is where senders feel
// that the group is slower than they are: who meets a limit waits or is refused,
// by choice. Lanes take turns, so that who floods one waits for that one alone.
// Payloads are copied into slabs: a message costs no allocation of its own.
type outbox struct {
	clock func() views.Instant
	flow  flow
	// own is the lane of the host's own calls.
	own lane

	mu sync.Mutex
	// bytes are those of all lanes but for long messages; longs counts those,
	// queued all messages that the engine was not given.
	bytes, longs, queued int
	slab                 []byte
	closed               error
	// holding are the lanes somebody waits at, held how many wait.
	holding []*lane
	held    int
	// fresh are the lanes that have something and are not in the round.
	fresh []*lane
	// wake tells the loop; capacity 1.
	wake chan struct{}

	// The loop's own: the lanes that take turns, and what it took and not yet gave
	// to the engine.
	round  []*lane
	turns  []turn
	submit engine.Submit
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
// a message may pass the limit; there is one at a time.
func (m *outgoing) long() bool { return m.bytes() > OutboxMax/2 }

// slabBytes is how much is taken for copies of payloads at a time.
const slabBytes = 64 << 10

// sampleEvery is how many posted messages there are to each whose latency is
// measured.
const sampleEvery = 256

func newOutbox(clock func() views.Instant) *outbox {
	return &outbox{clock: clock, wake: make(chan struct{}, 1)}
}

// post queues m in a lane. Where there is no room it waits for some, or, without
// wait, gives views.ErrFull.
func (o *outbox) post(ctx context.Context, l *lane, m outgoing, wait bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed == nil && !o.fits(l, &m) {
		if !wait {
			return views.ErrFull
		}
		if err := o.await(ctx, l, &m); err != nil {
			return err
		}
	}
	if o.closed != nil {
		return o.closed
	}
	o.add(l, m)
	return nil
}

// waiting gives the bytes that the engine was not given, without long messages.
func (o *outbox) waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes
}

// limit is how much may wait in a lane: half of what the others leave, so that
// there is always something left, however many flood theirs.
func (o *outbox) limit(l *lane) int { return OutboxMax - (o.bytes-l.bytes)/2 }

// fits reports whether there is room for m. Where a lane is empty there is room for
// a turn of it. Those with short messages stand back where somebody waits with a
// long one, which would wait for ever otherwise.
func (o *outbox) fits(l *lane, m *outgoing) bool {
	switch {
	case m.long():
		return o.longs == 0 && l.bytes <= OutboxMax/2
	case l.long > 0:
		return false
	case l.bytes == 0:
		return m.bytes() <= laneQuantum || o.bytes < OutboxTotal
	}
	return l.bytes+m.bytes() <= o.limit(l)
}

// await waits until m fits or nothing fits any more. The lock is held before and
// after.
func (o *outbox) await(ctx context.Context, l *lane, m *outgoing) error {
	o.hold(l, m, 1)
	defer o.hold(l, m, -1)
	for o.closed == nil && !o.fits(l, m) {
		if l.room == nil {
			l.room = make(chan struct{})
		}
		room := l.room
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

// hold counts one more or one less who waits at a lane.
func (o *outbox) hold(l *lane, m *outgoing, n int) {
	before := o.held
	o.held += n
	if before == 0 || o.held == 0 {
		o.flow.set(o.clock(), o.held > 0)
	}
	if l.held == 0 {
		o.holding = append(o.holding, l)
	}
	l.held += n
	if l.held == 0 {
		o.holding = slices.DeleteFunc(o.holding, func(other *lane) bool { return other == l })
	}
	if m.long() {
		l.long += n
		if l.long == 0 {
			l.wakeHeld() // those who stood back
		}
	}
}

func (o *outbox) add(l *lane, m outgoing) {
	if l.posted%sampleEvery == 0 || m.done != nil {
		m.at = o.clock()
	}
	l.posted++
	m.Payload = o.copy(m.Payload)
	l.waiting = append(l.waiting, m)
	o.count(l, &m, 1)
	if !l.listed {
		l.listed = true
		o.fresh = append(o.fresh, l)
	}
	if len(l.waiting) == 1 {
		o.nudge()
	}
}

// count notes that m is one more, or one less, in a lane.
func (o *outbox) count(l *lane, m *outgoing, n int) {
	o.queued += n
	if m.long() {
		o.longs += n
		return
	}
	l.bytes += n * m.bytes()
	o.bytes += n * m.bytes()
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
func (o *outbox) take(most int) []turn {
	o.refill()
	o.turns = o.turns[:0]
	left := len(o.round)
	for bytes := 0; left > 0 && (bytes == 0 || bytes < most); {
		l := o.nextLane()
		if l.given == len(l.taken) {
			continue
		}
		alone := left == 1
		if alone {
			l.deficit = most
		}
		messages, n := l.serve(most-bytes, bytes == 0)
		if n > 0 {
			bytes += n
			o.turns = append(o.turns, turn{l, messages})
		}
		switch {
		case l.given == len(l.taken):
			left--
		case alone || l.deficit >= l.taken[l.given].bytes():
			return o.turns // the next one does not fit
		}
	}
	return o.turns
}

// nextLane gives the first of the round, which is the last from now on.
func (o *outbox) nextLane() *lane {
	l, last := o.round[0], len(o.round)-1
	copy(o.round, o.round[1:])
	o.round[last] = l
	return l
}

// refill brings what was posted into the round, and takes lanes out of it that
// have nothing.
func (o *outbox) refill() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.round = append(o.round, o.fresh...)
	clear(o.fresh)
	o.fresh = o.fresh[:0]
	o.round = slices.DeleteFunc(o.round, func(l *lane) bool { return !l.refill() })
}

// gave says that the engine has these, which are what take gave: they are
// forgotten, and those let in who wait for room.
func (o *outbox) gave(turns []turn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range turns {
		for i := range t.messages {
			o.count(t.lane, &t.messages[i], -1)
		}
		clear(t.messages)
	}
	for _, l := range o.holding {
		if l.bytes <= o.limit(l)/2 {
			l.wakeHeld()
		}
	}
}

// pending reports whether the loop has something left to give.
func (o *outbox) pending() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.queued > 0
}

// lost gives back, at the end, what the engine was never given.
func (o *outbox) lost(err error) {
	o.refill()
	for _, l := range o.round {
		for _, list := range [][]outgoing{l.taken[l.given:], l.waiting} {
			for i := range list {
				if list[i].done != nil {
					list[i].done(Receipt{}, err)
				}
			}
		}
	}
	o.round = nil
}

// close refuses, with err, all that comes and those who wait. What was taken in
// before can still be given to the engine.
func (o *outbox) close(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = err
	for _, l := range o.holding {
		l.wakeHeld()
	}
}
