package gossip

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/transport/internal/greeting"
	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/transport/internal/stream"
)

// acceptPause is the wait after a failed accept.
const acceptPause = 100 * time.Millisecond

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		switch {
		case err == nil:
			s.admit(conn.(*net.TCPConn))
		case s.ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return
		default:
			s.mu.Lock()
			s.tell("accept", "cannot accept a connection", "err", err, "cure", "raise ulimit -n: each member takes a descriptor")
			s.mu.Unlock()
			if !greeting.Sleep(s.ctx, acceptPause) {
				return
			}
		}
	}
}

// admit lets a stranger in, in another's place where there are too many.
func (s *Server) admit(conn *net.TCPConn) {
	in, crowded := s.strangers.Enter(conn)
	if crowded {
		s.counts.strangersFull.Add(1)
	}
	if !in {
		_ = conn.Close()
		return
	}
	s.wg.Go(func() { s.answer(conn) })
}

// answer greets one who dialled, and registers it.
func (s *Server) answer(conn *net.TCPConn) {
	_ = conn.SetDeadline(time.Now().Add(s.times.greet))
	h, err := s.greet(conn)
	_ = conn.SetDeadline(time.Time{})
	s.strangers.Leave(conn)
	var c *connection
	if err == nil {
		c, err = s.open(conn)
	}
	if err == nil {
		err = s.enter(c, &h)
	}
	if err == nil {
		return
	}
	s.refuse(conn, err)
	_ = conn.Close()
}

// enter makes a member or a router of a connection.
func (s *Server) enter(c *connection, h *relay.Hello) error {
	var r relay.Refusal
	if h.Use == relay.UseMember {
		r = s.register(c, &h.Member)
	} else {
		r = s.meet(c, h.Router, nil)
	}
	if r != 0 {
		return r
	}
	return nil
}

// refuse tells why, where there is a reason, and counts it.
func (s *Server) refuse(conn *net.TCPConn, err error) {
	var r relay.Refusal
	if !errors.As(err, &r) {
		if !errors.Is(err, io.EOF) {
			s.counts.greetings.Add(1)
		}
		return
	}
	s.counts.refused[r].Add(1)
	p := relay.Refused(r)
	head := stream.Head(p.Kind, p.Len())
	_ = conn.SetWriteDeadline(time.Now().Add(s.times.greet))
	_, _ = conn.Write(append(head[:], p.Body...)) // who does not read it learns nothing
	if r == relay.RefusedSelf {
		return // it knows
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell("refused "+r.String(), "refused a connection", "from", conn.RemoteAddr(), "why", r.String())
}

// greet is the exchange up to the proof. What is refused before the challenge is told
// in its place.
func (s *Server) greet(conn *net.TCPConn) (relay.Hello, error) {
	var first [relay.HelloSize]byte
	if _, err := io.ReadFull(conn, first[:]); err != nil {
		return relay.Hello{}, err
	}
	h, err := relay.ParseHello(first)
	c := relay.Challenge{Router: s.id}
	switch {
	case errors.Is(err, relay.ErrVersion):
		c.Refusal = relay.RefusedVersion
	case err != nil:
		return h, err
	default:
		c.Refusal = s.judge(&h, conn)
	}
	if c.Refusal == 0 {
		_, _ = rand.Read(c.Random[:]) // never fails: crypto/rand
	}
	answer := c.Bytes()
	if _, err := conn.Write(answer[:]); err != nil {
		return h, err
	}
	if c.Refusal != 0 {
		return h, c.Refusal
	}
	return h, s.prove(conn, &c, &h)
}

// prove waits for a member's signature; another router has none.
func (s *Server) prove(conn *net.TCPConn, c *relay.Challenge, h *relay.Hello) error {
	if h.Use == relay.UseRouter {
		return nil
	}
	var signature [ed25519.SignatureSize]byte
	if _, err := io.ReadFull(conn, signature[:]); err != nil {
		return fmt.Errorf("no proof: %w", cut(err))
	}
	if !relay.Proves(c, h, signature[:]) {
		return relay.RefusedProof
	}
	return nil
}

// cut makes the end of a connection that has said something one out of order.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// judge says why one is not let in, before anything is spent on it.
func (s *Server) judge(h *relay.Hello, conn *net.TCPConn) relay.Refusal {
	from := netip.Addr{}
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		from = a.AddrPort().Addr().Unmap()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case h.Router == s.id:
		return relay.RefusedSelf
	case h.Use == relay.UseRouter && !slices.ContainsFunc(s.peers, func(p *peer) bool { return p.place.IsAt(from) }):
		return relay.RefusedStranger
	case !s.rates.take(from, time.Now()):
		return relay.RefusedRate
	case s.sources.of(from).connections >= sourceMax:
		return relay.RefusedSource
	case h.Use == relay.UseMember:
		return s.room(&h.Member, from)
	}
	return 0
}
