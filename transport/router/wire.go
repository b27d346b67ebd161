package router

import (
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/transport/internal/stream"
	"github.com/gmsd/gmsd/views"
)

// wire is a connection to a router at which we are registered.
type wire struct {
	line   *line
	conn   *net.TCPConn
	raw    syscall.RawConn
	number relay.Number
	lease  time.Duration
	source stream.Source
	out    *stream.Writer
	// used is when a frame last went through, asked when a sign of life was asked for
	// that has not come; in nanoseconds since begun.
	begun       time.Time
	used, asked atomic.Int64
	idle        atomic.Bool   // whoever asks takes his time
	wake        chan struct{} // it is in use again, capacity 1
	done        chan struct{} // it is over; why is fault
	once        sync.Once
	fault       error

	// Under t.mu: what the router tells, and the same by address and by host.
	entries map[relay.Life]relay.Entry
	at      map[netip.AddrPort][]claim
	hosts   map[views.HostID]presence

	// Of the sending goroutine.
	batch []stream.Piece
}

func newWire(l *line, conn *net.TCPConn, number relay.Number, lease time.Duration) (*wire, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	t := l.t
	w := &wire{
		line: l, conn: conn, raw: raw, number: number, lease: lease, wake: make(chan struct{}, 1), done: make(chan struct{}),
		entries: map[relay.Life]relay.Entry{}, at: map[netip.AddrPort][]claim{}, hosts: map[views.HostID]presence{},
	}
	w.out = stream.NewWriter(conn, raw, &t.budget, drops{t.direct.Tally()}, t.wg.Go, 2*t.times.unacked)
	w.source.Init(w, raw, relay.Sizes)
	w.begun = time.Now()
	w.used.Store(-int64(time.Hour))
	w.asked.Store(-int64(time.Hour))
	return w, nil
}

// drops counts what is lost. What goes is counted when it is taken.
type drops struct{ tally *transport.Tally }

func (d drops) Sent(int, int)     {}
func (d drops) Shed(frames int)   { d.tally.Drop(transport.DropQueue, frames) }
func (d drops) Unsent(frames int) { d.tally.Drop(transport.DropUnsent, frames) }

// finish says why it is over; only the first counts.
func (w *wire) finish(err error) {
	w.once.Do(func() {
		w.fault = err
		close(w.done)
	})
}

func (w *wire) hangUp() {
	_ = w.conn.Close()
	w.out.ShutDown(net.ErrClosed)
}

// tend asks for signs of life, and gives the reason for which the connection is over.
func (w *wire) tend() error {
	due := time.Now()
	for {
		now := time.Now()
		if late := now.Sub(due); late > w.line.t.times.doubt {
			w.excuse(now) // we did not run: what it answered may wait to be read
		}
		wait, alive := w.look(now)
		if !alive {
			w.finish(errSilent)
		}
		due = now.Add(wait)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-w.wake:
			due = time.Now()
		case <-w.done:
			timer.Stop()
			return w.fault
		case <-w.line.t.ctx.Done():
			timer.Stop()
			return net.ErrClosed
		}
		timer.Stop()
	}
}

// look asks where it is due, and says when to look again; false: nothing was answered.
func (w *wire) look(now time.Time) (again time.Duration, alive bool) {
	times := &w.line.t.times
	if since, waits := w.waits(now); waits {
		return max(times.lost-since, time.Millisecond), since < times.lost
	}
	every := min(times.pingIdle, w.lease/3)
	w.idle.Store(true) // before looking: a use after it wakes us
	if w.inUse(now) {
		w.idle.Store(false)
		every = times.pingBusy
	}
	if quiet := now.Sub(w.source.HeardAt()); quiet < every {
		return max(every-quiet, time.Millisecond), true
	}
	w.asked.Store(w.mark(now))
	w.out.Urge(relay.Ping(uint64(w.mark(now)))) //nolint:gosec // a number like any other
	return times.pingBusy, true
}

// mark is a moment in nanoseconds since the connection was made.
func (w *wire) mark(now time.Time) int64 { return int64(now.Sub(w.begun)) }

// waits reports whether a sign of life that was asked for has not come, and for how long.
func (w *wire) waits(now time.Time) (since time.Duration, waits bool) {
	asked := w.asked.Load()
	return time.Duration(w.mark(now) - asked), asked > w.mark(w.source.HeardAt())
}

// excuse gives the router time anew to answer what it was asked.
func (w *wire) excuse(now time.Time) {
	if _, waits := w.waits(now); waits {
		w.asked.Store(w.mark(now))
	}
}

// doubtful reports whether it has not answered for a while.
func (w *wire) doubtful(now time.Time) bool {
	since, waits := w.waits(now)
	return waits && since > w.line.t.times.doubt
}

// inUse reports whether frames went through it lately.
func (w *wire) inUse(now time.Time) bool {
	return w.mark(now)-w.used.Load() < int64(w.line.t.times.busy)
}

// use notes that frames go through it. One that was not in use is asked how it is.
func (w *wire) use(now time.Time) {
	w.used.Store(w.mark(now))
	if !w.idle.Swap(false) {
		return
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Piece takes in what the router says.
func (w *wire) Piece(kind byte, body []byte) (frame []byte, from netip.AddrPort, v stream.Verdict) {
	v = stream.Taken
	switch kind {
	case stream.KindFrame:
		var err error
		if from, frame, err = relay.CutFrom(body); err != nil {
			return nil, from, stream.Spoilt
		}
		return frame, from, stream.Frame
	case relay.KindEntries:
		v = w.learn(body)
	case relay.KindGone:
		w.unlearn(body)
	case relay.KindPing:
		w.out.Urge(relay.Pong(slices.Clone(body)))
	case relay.KindPong:
	case relay.KindSynced:
		w.line.t.tellFound()
	case relay.KindRefused:
		w.finish(relay.Refusal(body[0]))
		v = stream.Stop
	default:
		v = stream.Spoilt
	}
	return nil, from, v
}

// Came counts.
func (w *wire) Came(frames, bytes int) {
	w.line.t.direct.Tally().In(transport.Unicast, frames, bytes)
	w.use(time.Now())
}

// Spoil ends a connection on which came what is no stream of pieces.
func (w *wire) Spoil() {
	w.line.t.direct.Tally().Drop(transport.DropStream, 1)
	w.finish(stream.ErrGarbage)
}

// Ended takes in that the router has closed, or nothing more comes.
func (w *wire) Ended(err error) {
	if err == io.EOF { //nolint:errorlint // it is given as it is
		err = errClosed
	}
	w.finish(err)
}
