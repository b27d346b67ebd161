package stream

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Budget bounds, in bytes, what one peer has not taken (Peer), and what all have not
// (All): beyond that a peer has Least. The zero Queued is ready.
type Budget struct {
	Peer, All, Least int
	Queued           atomic.Int64
}

// Counts is told what becomes of frames. Its methods do not block.
type Counts interface {
	// Sent: frames went; bytes are theirs, with what stands before them.
	Sent(frames, bytes int)
	// Shed: frames went to make room for newer ones.
	Shed(frames int)
	// Unsent: frames were lost with the connection.
	Unsent(frames int)
}

// urgentMax bounds what Urge may queue, in bytes.
const urgentMax = 4 << 20

// ErrBehind: so much that must not be lost waits that the connection is given up.
var ErrBehind = errors.New("stream: the other end takes nothing")

// Writer writes to one connection. Any goroutine may use it.
type Writer struct {
	conn   *net.TCPConn
	raw    syscall.RawConn
	budget *Budget
	counts Counts
	start  func(func())
	limit  time.Duration

	mu       sync.Mutex
	urgent   Queue
	queue    Queue
	flushing bool // a goroutine writes what is queued
	said     bool // the last thing that goes out is a goodbye
	shut     bool // nothing more can be written
	fault    error
}

// NewWriter makes one. start runs a function as a goroutine of its owner, limit
// bounds one write of what is queued.
func NewWriter(conn *net.TCPConn, raw syscall.RawConn, budget *Budget, counts Counts, start func(func()), limit time.Duration) *Writer {
	return &Writer{conn: conn, raw: raw, budget: budget, counts: counts, start: start, limit: limit}
}

// Push writes pieces as far as the kernel takes them at once, and queues the rest.
// It never waits. The pieces are the caller's again; false: the connection takes none
// any more, and they are to go elsewhere.
func (w *Writer) Push(g *Gather, pieces []Piece) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	over, fault := g.ended(w.raw)
	if fault != nil {
		w.shutDown(fault)
	}
	switch {
	case w.said || over:
		return false
	case !w.shut && !w.flushing && w.queue.Empty() && w.urgent.Empty():
		pieces = w.writeNow(g, pieces)
	}
	if w.shut {
		w.counts.Unsent(framesOf(pieces))
		return true
	}
	for i := range pieces {
		w.enqueue(pieces[i])
	}
	w.drain()
	return true
}

func framesOf(pieces []Piece) int {
	n := 0
	for i := range pieces {
		if pieces[i].Kind == KindFrame {
			n++
		}
	}
	return n
}

// writeNow gives the pieces that the kernel did not take whole or in part.
func (w *Writer) writeNow(g *Gather, pieces []Piece) []Piece {
	for len(pieces) > 0 {
		fit := g.fill(pieces)
		n, err := g.write(w.raw)
		whole, torn := g.taken(pieces[:fit], n)
		if torn != nil {
			w.queue.torn = torn
			whole++
		}
		w.count(pieces[:whole])
		pieces = pieces[whole:]
		if err != nil {
			w.shutDown(err)
		}
		if err != nil || torn != nil || whole < fit {
			break
		}
	}
	return pieces
}

func (w *Writer) count(pieces []Piece) {
	frames, bytes := 0, 0
	for i := range pieces {
		if pieces[i].Kind == KindFrame {
			frames++
			bytes += pieces[i].Len()
		}
	}
	w.counts.Sent(frames, bytes)
}

// enqueue queues a piece; the oldest make room for it.
func (w *Writer) enqueue(p Piece) {
	most := w.budget.Peer
	if w.budget.Queued.Load() > int64(w.budget.All) {
		most = w.budget.Least
	}
	before := w.queue.bytes
	if n := w.queue.Shed(HeadSize+p.Len(), most); n > 0 {
		w.counts.Shed(n)
	}
	w.queue.Put(p)
	w.budget.Queued.Add(int64(w.queue.bytes - before))
}

// Put queues frames behind what is queued and has them written, all or none: false
// where the connection takes none any more.
func (w *Writer) Put(frames *Queue) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shut || w.said {
		return false
	}
	frames.Each(func(body []byte) { w.enqueue(Piece{Kind: KindFrame, Body: body}) })
	w.drain()
	return true
}

// Urge queues a piece before all frames that are queued. It is not dropped; where so
// many wait that it must be, the connection fails.
func (w *Writer) Urge(p Piece) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shut || w.said {
		return
	}
	if w.urgent.bytes+p.Len() > urgentMax {
		w.failLocked(ErrBehind)
		return
	}
	w.urgent.Put(p)
	w.budget.Queued.Add(int64(HeadSize + p.Len()))
	w.drain()
}

// drain has what is queued written. The caller holds w.mu.
func (w *Writer) drain() {
	if w.flushing || w.shut || w.queue.Empty() && w.urgent.Empty() {
		return
	}
	w.flushing = true
	w.start(w.flush)
}

// flushBytes is about how much one write of flush carries.
const flushBytes = 512 << 10

// takeNext gives what flush writes next: the rest of a piece must be first.
func (w *Writer) takeNext() (out net.Buffers, frames, bytes int) {
	if len(w.queue.torn) > 0 {
		out, w.queue.torn = append(out, w.queue.torn), nil
	}
	first, _, n := w.urgent.take(flushBytes)
	out, bytes = append(out, first...), n
	if n == 0 {
		var more net.Buffers
		more, frames, bytes = w.queue.take(flushBytes)
		out = append(out, more...)
	}
	return out, frames, bytes
}

// flush writes what is queued until nothing is. It is the only writer meanwhile.
func (w *Writer) flush() {
	for {
		w.mu.Lock()
		out, frames, bytes := w.takeNext()
		if len(out) == 0 || w.shut {
			w.flushing = false
			w.mu.Unlock()
			return
		}
		w.budget.Queued.Add(int64(-bytes))
		w.mu.Unlock()
		w.counts.Sent(frames, max(0, bytes-frames*HeadSize))
		// The kernel gives up sooner, unless the peer takes a little now and then.
		_ = w.conn.SetWriteDeadline(time.Now().Add(w.limit))
		if _, err := out.WriteTo(w.conn); err != nil {
			w.Fail(err)
			return
		}
		_ = w.conn.SetWriteDeadline(time.Time{})
	}
}

// Fail notes that nothing more can be written. What has come is still read; the
// reader ends the connection.
func (w *Writer) Fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failLocked(err)
}

func (w *Writer) failLocked(err error) {
	w.shutDown(err)
	_ = w.conn.CloseRead() // wakes the reader where the kernel has not
}

// ShutDown ends writing; err is why, where nothing was before.
func (w *Writer) ShutDown(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shutDown(err)
}

func (w *Writer) shutDown(err error) {
	if w.fault == nil {
		w.fault = err
	}
	w.shut, w.flushing = true, false
	if n := w.queue.frames; n > 0 {
		w.counts.Unsent(n)
	}
	w.budget.Queued.Add(int64(-w.queue.bytes - w.urgent.bytes))
	w.queue, w.urgent = Queue{}, Queue{}
}

// Say queues a goodbye behind what is queued; only the first is said, and nothing
// goes behind it.
func (w *Writer) Say(p Piece) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.shut && !w.said {
		w.said = true
		w.enqueue(p)
		w.drain()
	}
}

// SayNow says goodbye on a connection that is closed at once, where nothing is before it.
func (w *Writer) SayNow(p Piece) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shut || w.said || w.flushing || !w.queue.Empty() || !w.urgent.Empty() {
		return
	}
	w.said = true
	h := Head(p.Kind, p.Len())
	word := append(append(h[:], p.Prefix...), p.Body...)
	_ = w.raw.Control(func(fd uintptr) { _, _ = unix.Write(int(fd), word) }) // it is given up in any case
}

// Behind reports whether something queued is still to be written.
func (w *Writer) Behind() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flushing
}

// Fault is why nothing more can be written; nil: it can. Of a connection that was reset
// flush may have the error and not have noted it yet.
func (w *Writer) Fault() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault == nil && w.flushing && isClosed(w.raw) {
		return syscall.ECONNRESET
	}
	return w.fault
}

// Queue queues one piece behind what is queued and has it written.
func (w *Writer) Queue(p Piece) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shut || w.said {
		return false
	}
	w.enqueue(p)
	w.drain()
	return true
}
