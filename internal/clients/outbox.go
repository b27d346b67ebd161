package clients

import (
	"net"
	"sync"
	"time"

	"github.com/gmsd/gmsd/internal/clientwire"
	"github.com/gmsd/gmsd/internal/straight"
)

// outbox is what was written and the kernel has not yet. Writers append to
// pending under the lock; the flusher writes all of it at once, so that frames
// which come close together cost one call of the kernel. After a while without any
// the writer itself gives them to the kernel, as far as that takes them at once.
type outbox struct {
	mu sync.Mutex
	// changed: there is room, credit, or the end.
	changed sync.Cond
	// work: there is something to flush, or the end.
	work    sync.Cond
	pending []byte
	spare   []byte
	// credit is how many bytes of events the client takes.
	credit int
	// frames counts those in pending.
	frames uint64
	// straight is the writers' way, nil where there is none; flushing: the flusher
	// is at it.
	straight *straight.Writer
	flushing bool
	counters *counters
	// stopped: writers shall not wait any more. closed: the flusher ends when
	// all is written.
	stopped, closed bool
}

func (o *outbox) init(conn net.Conn, c *counters) {
	o.changed.L, o.work.L = &o.mu, &o.mu
	o.straight, o.counters = straight.NewWriter(conn), c
}

// lock begins to append to pending; unlock ends that.
func (o *outbox) lock() { o.mu.Lock() }

func (o *outbox) unlock() {
	if !o.flushing && len(o.pending) > 0 && o.straight.Due() {
		o.writeStraight()
	}
	if len(o.pending) > 0 {
		o.work.Signal()
	}
	o.mu.Unlock()
}

// writeStraight writes what the kernel takes at once.
func (o *outbox) writeStraight() {
	if len(o.pending) >= outboxMax {
		o.changed.Broadcast() // as take does
	}
	n := o.straight.Write(o.pending)
	o.counters.bytesOut.Add(uint64(n)) //nolint:gosec // not negative
	if n == len(o.pending) {
		o.counters.framesOut.Add(o.frames)
		o.frames = 0
	}
	o.pending = o.pending[:copy(o.pending, o.pending[n:])]
}

// append adds one short frame that is free and waits for nothing.
func (o *outbox) append(frame func([]byte) []byte) {
	o.lock()
	defer o.unlock()
	o.pending = frame(o.pending)
	o.frames++
}

// room waits, locked, until the flusher keeps up. It gives false at the end.
func (o *outbox) room() bool {
	for len(o.pending) >= outboxMax && !o.stopped {
		o.work.Signal()
		o.changed.Wait()
	}
	return !o.stopped
}

// roomForEvent waits, locked, for room and for credit.
func (o *outbox) roomForEvent() bool {
	for (o.credit <= 0 || len(o.pending) >= outboxMax) && !o.stopped {
		o.work.Signal()
		o.changed.Wait()
	}
	return !o.stopped
}

// grant adds to the credit. It gives false where that is too much.
func (o *outbox) grant(n uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n > clientwire.CreditMax || o.credit+int(n) > clientwire.CreditMax { //nolint:gosec // the first says that it fits
		return false
	}
	if o.credit <= 0 {
		o.changed.Broadcast()
	}
	o.credit += int(n) //nolint:gosec // bounded
	return true
}

// waitRoom is room for one who does not hold the lock.
func (o *outbox) waitRoom() {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.room() // at the end nobody minds what is appended
}

// stop wakes all writers for good.
func (o *outbox) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopped = true
	o.changed.Broadcast()
}

// close lets the flusher end.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.work.Signal()
}

// flush writes to conn until close or an error.
func (o *outbox) flush(conn net.Conn, timeout time.Duration) error {
	for {
		b, frames, stopped := o.take()
		if b == nil {
			return nil
		}
		if stopped {
			timeout = lastWords
		}
		conn.SetWriteDeadline(time.Now().Add(timeout))
		_, err := conn.Write(b)
		if err != nil {
			return err
		}
		conn.SetWriteDeadline(time.Time{}) // passed, it would be in the way of what is written straight
		o.counters.framesOut.Add(frames)
		o.counters.bytesOut.Add(uint64(len(b)))
	}
}

// take waits for work and gives it; nil at the end.
func (o *outbox) take() (b []byte, frames uint64, stopped bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.flushing {
		o.flushing = false
		o.straight.Wrote()
	}
	for len(o.pending) == 0 {
		if o.closed {
			return nil, 0, true
		}
		o.work.Wait()
	}
	o.flushing = true
	b, frames = o.pending, o.frames
	o.pending, o.spare, o.frames = o.spare[:0], b, 0
	o.changed.Broadcast()
	return b, frames, o.stopped
}

// drain throws away what cannot be written, until close.
func (o *outbox) drain() {
	o.mu.Lock()
	o.straight = nil // a frame may be cut off: nothing may come behind it
	o.mu.Unlock()
	for {
		if b, _, _ := o.take(); b == nil {
			return
		}
	}
}
