package tcp

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/greeting"
	"github.com/gmsd/gmsd/transport/internal/stream"
)

// pursue begins to dial a peer that is wanted and has no link that works. Under t.mu.
func (t *Transport) pursue(p *peer, now time.Time) {
	if p.pursued || p.ourselves || t.closed || !p.wanted(t, now) || !p.lacks() {
		return
	}
	p.pursued = true
	t.wg.Go(func() {
		for t.attempt(p) {
		}
	})
}

// attempt waits for the next step and dials once. It gives false at the end, when
// there is a link or nobody wants one.
func (t *Transport) attempt(p *peer) bool {
	wait, narrow, wanted := t.next(p)
	if !wanted || !greeting.Sleep(t.ctx, wait) {
		return false
	}
	select {
	case t.slots <- struct{}{}:
		defer func() { <-t.slots }()
	case <-t.ctx.Done():
		return false
	}
	if !t.open(p) { // somebody was here first
		return true
	}
	began := time.Now()
	conn, who, err := t.dial(p, narrow)
	if err != nil {
		t.missed(p, began, err)
		return true
	}
	t.meet(conn, who, p, narrow)
	return true
}

// next says whether and when to dial.
func (t *Transport) next(p *peer) (wait time.Duration, narrow, wanted bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.closed || p.ourselves || !p.wanted(t, now) || !p.lacks() {
		p.pursued = false
		if p.link() == nil {
			t.lose(p)
		}
		return 0, false, false
	}
	if l := p.link(); l != nil {
		p.narrow = l.chokes(now, p.misses == 0)
	}
	return p.steps.Next(t.stepMost(p, now), t.rand.Int64N), p.narrow, true
}

// stepMost bounds the waits between dials. To one who was there lately and is not
// reached they stay short: that is a cut, and when it heals is what counts. One who
// refuses has ended, and dials us when it is back.
func (t *Transport) stepMost(p *peer, now time.Time) time.Duration {
	switch {
	case !t.known(p, now):
		return t.times.stepMost
	case p.refuses:
		return max(t.times.stepKnown, min(now.Sub(p.met)/16, t.times.stepRefused))
	}
	return t.times.stepKnown
}

// known reports whether somebody was met there lately.
func (t *Transport) known(p *peer, now time.Time) bool {
	return p.link() != nil || !p.met.IsZero() && now.Sub(p.met) < t.times.knownFor
}

// open reports whether a connection is still lacking and allowed.
func (t *Transport) open(p *peer) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.links) >= linksMax {
		t.tally.Drop(transport.DropConnections, 1)
		return false
	}
	return !t.closed && p.lacks()
}

// hurried is how many dials in a row are given up early: to one who was there lately
// a new try is better than a kernel's repetition of the old. One that is frozen gets
// longer ones then.
const hurried = 8

// limits bounds the making of a connection and the exchange of greetings.
func (t *Transport) limits(p *peer) (dial, greet time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.known(p, time.Now()) {
		return t.times.firstDial, t.times.greet
	}
	dial = t.times.dial + 4*p.trip
	if p.misses < hurried {
		return dial, dial
	}
	return dial, t.times.greet
}

var errMeanwhile = errors.New("tcp: there is a connection meanwhile")

// dial connects and greets.
func (t *Transport) dial(p *peer, narrow bool) (*net.TCPConn, greeting.Peer, error) {
	limit, greet := t.limits(p)
	began := time.Now()
	conn, err := t.connect(p, narrow, limit)
	if err != nil {
		return nil, greeting.Peer{}, err
	}
	return t.greet(conn, p, max(greet, t.greetAfter(began)))
}

// dialer makes the sockets.
func (t *Transport) dialer(narrow bool, limit time.Duration) *net.Dialer {
	segment := 0
	if narrow {
		segment = stream.SegmentLeast
	}
	d := stream.Dialer(t.source, limit)
	d.Control = stream.Control(t.times.unacked, segment)
	return d
}

// greet exchanges greetings on a new connection, where it is still lacking.
func (t *Transport) greet(conn net.Conn, p *peer, limit time.Duration) (*net.TCPConn, greeting.Peer, error) {
	if !t.open(p) { // the acceptor minds nobody who goes before he greets
		_ = conn.Close()
		return nil, greeting.Peer{}, errMeanwhile
	}
	stop := context.AfterFunc(t.ctx, func() { _ = conn.Close() })
	defer stop()
	_ = conn.SetDeadline(time.Now().Add(limit))
	who, err := t.greeter.Greet(conn)
	if err == nil && !who.Addr.IsValid() {
		err = greeting.ErrGarbage
	}
	if err != nil {
		if greeting.Refused(err) {
			t.countGreeting(err)
		}
		_ = conn.Close()
		return nil, who, err
	}
	keep := stream.Head(kindKeep, 0)
	if _, err = conn.Write(keep[:]); err != nil {
		_ = conn.Close()
		return nil, who, err
	}
	_ = conn.SetDeadline(time.Time{})
	return conn.(*net.TCPConn), who, nil
}

// missed takes in that a dial made no link.
func (t *Transport) missed(p *peer, began time.Time, err error) {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		t.tell("cannot dial a peer", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p.misses++
	p.refuses = errors.Is(err, syscall.ECONNREFUSED)
	if p.link() != nil {
		return
	}
	switch {
	case p.refuses:
		t.refused(p)
	case p.reset != nil && !began.Before(p.met) && time.Since(p.met) >= t.times.unanswered && isSilence(err):
		t.lost(p, p.reset)
	default: // a dial that was under way at a reset says nothing of it, nor one that was given up soon
		return
	}
	p.reset = nil
}

// isSilence reports whether a dial failed since nothing answered, and not for a reason
// here, or since somebody answered whom we do not understand.
func isSilence(err error) bool {
	for _, other := range []error{syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL, syscall.ENETUNREACH, errMeanwhile} {
		if errors.Is(err, other) {
			return false
		}
	}
	return !greeting.Refused(err)
}

// meet makes a link of a connection that we dialled.
func (t *Transport) meet(conn *net.TCPConn, who greeting.Peer, p *peer, narrow bool) {
	if who.Same(t.self) {
		t.mu.Lock()
		p.ourselves = true
		t.mu.Unlock()
		_ = conn.Close()
		return
	}
	l, err := t.newLink(conn, who, true, narrow)
	if err != nil || !t.attach(l, p) {
		_ = conn.Close()
	}
}
