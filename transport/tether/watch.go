package tether

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/greeting"
	"github.com/gmsd/gmsd/transport/internal/stream"
	"github.com/gmsd/gmsd/views/message"
)

// dialTimeout bounds the making of a connection.
const dialTimeout = 2 * time.Second

// watch is one watched process. Its goroutine alone uses the fields below cancel.
type watch struct {
	target transport.Target
	cancel context.CancelFunc

	subject greeting.Subject
	steps   greeting.Steps
}

// start begins to watch; the caller holds t.mu.
func (t *Tethers) start(target transport.Target) *watch {
	ctx, cancel := context.WithCancel(t.ctx)
	w := &watch{
		target: target, cancel: cancel,
		subject: greeting.Subject{Process: target.Process}, steps: greeting.FirstSteps(),
	}
	t.wg.Go(func() {
		defer cancel()
		for ctx.Err() == nil {
			t.attempt(ctx, w)
			greeting.Sleep(ctx, w.steps.Next(greeting.StepMax, greeting.Jitter))
		}
	})
	return w
}

// attempt dials once and, where the process answers, stays until it no longer does.
func (t *Tethers) attempt(ctx context.Context, w *watch) {
	conn, who, met := t.dial(ctx, w)
	if met == greeting.Refuses {
		if w.subject.Refused() {
			t.report(w, message.EvidenceRefused)
		}
		return
	}
	if conn == nil {
		return
	}
	first := !w.subject.Reached()
	met, found, news := w.subject.Greeted(who)
	if news {
		t.report(w, found)
	}
	if met != greeting.Alive {
		_ = conn.Close()
		return
	}
	if first {
		w.steps.Reset()
	}
	t.hold(ctx, w, conn)
}

// hold keeps the silent connection until it ends, and reports its end if the
// peer's kernel made it.
func (t *Tethers) hold(ctx context.Context, w *watch, conn net.Conn) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer func() { _ = conn.Close() }()

	since := time.Now()
	var b [1]byte
	_, err := conn.Read(b[:])
	if time.Since(since) >= greeting.Settled {
		w.steps.Reset()
	}
	switch {
	case ctx.Err() != nil:
	case err == nil: // nobody speaks on a tether
		t.tally.Drop(transport.DropTetherHello, 1)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		if w.subject.Closed() {
			t.report(w, message.EvidenceClosed)
		}
	}
}

// dial connects and greets. The connection is set where somebody answered.
func (t *Tethers) dial(ctx context.Context, w *watch) (net.Conn, greeting.Peer, greeting.Outcome) {
	d := stream.Dialer(t.cfg.Source, dialTimeout)
	conn, err := d.DialContext(ctx, "tcp4", w.target.Addr.String())
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, greeting.Peer{}, greeting.Refuses
	}
	if err != nil {
		return nil, greeting.Peer{}, greeting.Unknown
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	_ = conn.SetDeadline(time.Now().Add(greeting.Timeout))
	who, err := t.greeter.Greet(conn)
	if err != nil {
		// Silence and broken connections are no offence of one we dialled: it
		// may be frozen or just ending.
		if greeting.Refused(err) {
			t.countBadGreeting(err)
		}
		_ = conn.Close()
		return nil, greeting.Peer{}, greeting.Unknown
	}
	_ = conn.SetDeadline(time.Time{})
	return conn, who, greeting.Unknown
}
