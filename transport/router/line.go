package router

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/gmsd/gmsd/transport/internal/greeting"
	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/transport/internal/stream"
)

// line is the way to one router, whether it stands or not.
type line struct {
	t     *Transport
	place *relay.Place

	// Under t.mu: the connection that is registered, nil: none; since when that is so;
	// what the last attempt met; when a line about it was logged last.
	up      *wire
	at      netip.AddrPort // where it was tried last
	since   time.Time
	trouble string
	told    time.Time
}

// run keeps the member registered.
func (l *line) run() {
	var steps greeting.Steps
	for greeting.Sleep(l.t.ctx, steps.Next(l.t.times.stepMost, greeting.Jitter)) {
		w, err := l.register()
		if err != nil {
			l.failed(err)
			continue
		}
		begun := time.Now()
		l.stands(w)
		err = w.tend()
		l.lost(w, err)
		if time.Since(begun) >= greeting.Settled {
			steps.Reset()
		}
	}
}

// register dials, greets and proves. What the router says of the proof comes as a
// piece; until then the connection is not counted on.
func (l *line) register() (*wire, error) {
	t := l.t
	ctx, cancel := context.WithTimeout(t.ctx, t.times.dial+t.times.greet)
	defer cancel()
	at, err := l.place.Resolve(ctx)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	l.at = at
	t.mu.Unlock()
	d := stream.Dialer(t.source, t.times.dial)
	d.Control = stream.Control(t.times.unacked, stream.SegmentLeast)
	conn, err := d.DialContext(ctx, "tcp4", at.String())
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(t.ctx, func() { _ = conn.Close() })
	defer stop()
	_ = conn.SetDeadline(time.Now().Add(t.times.greet))
	w, err := l.greet(conn.(*net.TCPConn))
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return w, nil
}

// greet is the exchange up to the router's welcome.
func (l *line) greet(conn *net.TCPConn) (*wire, error) {
	t := l.t
	c, err := relay.Introduce(conn, &t.self)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(relay.Sign(t.identity, &c, &t.self)); err != nil {
		return nil, err
	}
	lease, err := readWelcome(conn)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	return newWire(l, conn, c.Router, lease)
}

// readWelcome reads a Welcome, or why there is none, and nothing behind it.
func readWelcome(conn net.Conn) (time.Duration, error) {
	var b [stream.HeadSize + 2]byte
	if _, err := io.ReadFull(conn, b[:stream.HeadSize+1]); err != nil {
		return 0, err
	}
	if kind, body, _, err := stream.Cut(b[:stream.HeadSize+1], relay.Sizes); err == nil && kind == relay.KindRefused && body != nil {
		return 0, relay.Refusal(body[0])
	}
	if _, err := io.ReadFull(conn, b[stream.HeadSize+1:]); err != nil {
		return 0, err
	}
	kind, body, _, err := stream.Cut(b[:], relay.Sizes)
	if err != nil || body == nil || kind != relay.KindWelcome || relay.LeaseOf(body) == 0 {
		return 0, relay.ErrPiece
	}
	return relay.LeaseOf(body), nil
}

// stands makes a registered connection serve.
func (l *line) stands(w *wire) {
	t := l.t
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || !t.direct.Inbox().Add(&w.source) {
		w.finish(net.ErrClosed)
		return
	}
	l.up, l.since, l.trouble = w, time.Now(), ""
	l.tell(false, "registered at a gossip router")
}

// lost takes in that a connection is over.
func (l *line) lost(w *wire, err error) {
	t := l.t
	t.mu.Lock()
	t.direct.Inbox().Remove(&w.source)
	if l.up == w {
		l.up, l.since, l.trouble = nil, time.Now(), err.Error()
		if !t.closed {
			l.tell(true, "lost a gossip router; others and direct connections go on", "err", err)
		}
	}
	t.mu.Unlock()
	w.hangUp()
	t.tellFound()
}

// failed takes in that an attempt registered nothing.
func (l *line) failed(err error) {
	t := l.t
	t.mu.Lock()
	if l.since.IsZero() {
		l.since = time.Now()
	}
	if text := err.Error(); text != l.trouble && !t.closed {
		l.trouble = text
		l.tell(true, "cannot register at a gossip router", "err", err, "cure", cure(err))
	}
	t.mu.Unlock()
	t.tellFound()
}

// cure says what to do.
func cure(err error) string {
	var r relay.Refusal
	switch {
	case errors.Is(err, relay.RefusedProof):
		return "the identity in the data directory does not belong to this host's id"
	case errors.As(err, &r):
		return "see the router's log and /metrics"
	}
	return "start gmsd router there, let this host reach it by TCP, or take it out of routers"
}

// tell logs, not too often. Under t.mu.
func (l *line) tell(bad bool, text string, args ...any) {
	now := time.Now()
	if now.Sub(l.told) < l.t.times.tell && bad {
		return
	}
	if bad {
		l.told = now
		l.t.log.Warn(text, append([]any{"router", l.place.String()}, args...)...)
		return
	}
	l.t.log.Info(text, append([]any{"router", l.place.String()}, args...)...)
}
