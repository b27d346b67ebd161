package gossip

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/gmsd/gmsd/transport/internal/greeting"
	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/transport/internal/stream"
)

// peer is another router as configured.
type peer struct {
	s     *Server
	place *relay.Place

	// Under s.mu: the connection that we made, if it stands; what the last attempt met;
	// which router it is, or that it is this one.
	link    *meshLink
	trouble string
	met     relay.Number
	self    bool
}

// run keeps a connection to it.
func (p *peer) run() {
	var steps greeting.Steps
	for greeting.Sleep(p.s.ctx, steps.Next(p.s.times.stepMost, greeting.Jitter)) {
		l, err := p.dial()
		p.note(err)
		switch {
		case errors.Is(err, relay.RefusedSelf) && !p.place.IsName():
			return // it always will be
		case errors.Is(err, relay.RefusedTie):
			// It has dialled us.
		case err == nil:
			begun := time.Now()
			select {
			case <-l.done:
			case <-p.s.ctx.Done():
				return
			}
			if time.Since(begun) > greeting.Settled {
				steps.Reset()
			}
		}
		for p.connected() && greeting.Sleep(p.s.ctx, p.s.times.stepMost) {
			steps.Reset()
		}
	}
}

// connected reports whether there is a connection, whoever dialled.
func (p *peer) connected() bool {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	r := p.s.routers[p.met]
	return r != nil && r.link != nil
}

func (p *peer) note(err error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.self = errors.Is(err, relay.RefusedSelf)
	switch {
	case err == nil || errors.Is(err, relay.RefusedTie):
		p.trouble = ""
	case p.trouble == err.Error():
	case p.self:
		p.trouble = err.Error()
		p.s.tell("self "+p.place.String(), "--peers names this router itself, which is no fault", "router", p.place.String())
	default:
		p.trouble = err.Error()
		p.s.tell("dial "+p.place.String(), "cannot reach a router", "router", p.place.String(), "err", err)
	}
}

// dial connects, greets and enters the router that answers.
func (p *peer) dial() (*meshLink, error) {
	s := p.s
	ctx, cancel := context.WithTimeout(s.ctx, s.times.dial+s.times.greet)
	defer cancel()
	at, err := p.place.Resolve(ctx)
	if err != nil {
		return nil, err
	}
	d := stream.Dialer(s.Local().Addr(), s.times.dial) // by which others know us
	d.Control = stream.Control(s.times.unacked, 0)
	conn, err := d.DialContext(ctx, "tcp4", at.String())
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(s.ctx, func() { _ = conn.Close() })
	defer stop()
	l, err := p.greet(conn.(*net.TCPConn))
	if err != nil {
		_ = conn.Close()
	}
	return l, err
}

func (p *peer) greet(conn *net.TCPConn) (*meshLink, error) {
	s := p.s
	_ = conn.SetDeadline(time.Now().Add(s.times.greet))
	c, err := relay.Introduce(conn, &relay.Hello{Use: relay.UseRouter, Router: s.id})
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	s.mu.Lock()
	p.met = c.Router
	s.mu.Unlock()
	o, err := s.open(conn)
	if err != nil {
		return nil, err
	}
	if r := s.meet(o, c.Router, p); r != 0 {
		return nil, r
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return p.link, nil
}
