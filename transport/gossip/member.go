package gossip

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/transport/internal/stream"
	"github.com/gmsd/gmsd/views"
)

// member is the connection of a registered member.
type member struct {
	*connection
	life  relay.Member
	since time.Time
	// from stands before each of its frames.
	from []byte
}

// register enters a member whose host has proved itself.
func (s *Server) register(c *connection, life *relay.Member) relay.Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.room(life, c.remote.Addr()); r != 0 {
		return r // others came while it proved itself
	}
	g, l, over := s.registry.find(life)
	for _, o := range over {
		s.end(o, "a newer life of its host has its place")
	}
	if l == nil {
		return relay.RefusedGroupFull
	}
	m := &member{connection: c, life: *life, since: time.Now(), from: relay.AppendAddr(nil, life.Addr)}
	if !c.enter(m) {
		s.registry.settle(g, l)
		return relay.RefusedFull
	}
	if len(l.here) >= connectionsMax {
		s.end(l.here[0], "it has newer connections")
	}
	l.Addr = life.Addr
	if len(l.here) == 0 {
		s.registry.here++
	}
	l.here = append(l.here, m)
	g.members[m] = true
	s.sources.join(c.remote.Addr(), life.Group)
	s.counts.registered.Add(1)
	c.out.Urge(relay.Welcome(s.times.lease))
	s.tellAll(m, g)
	s.news(g, l)
	s.tellRouters(l, true)
	s.tell("registered", "registered", "member", life.Process, "addr", life.Addr, "from", c.remote)
	return 0
}

// Piece takes in what a member says.
func (m *member) Piece(kind byte, body []byte) (_ []byte, _ netip.AddrPort, v stream.Verdict) {
	switch kind {
	case stream.KindFrame:
		to, frame, err := relay.CutTargets(body)
		if err != nil {
			return nil, netip.AddrPort{}, stream.Spoilt
		}
		m.s.deliver(m, to, frame)
	case relay.KindPing:
		m.add(stream.Piece{Kind: relay.KindPong, Body: body})
	case relay.KindPong:
	case relay.KindBye:
		m.s.part(m, "it leaves")
		return nil, netip.AddrPort{}, stream.Stop
	default:
		return nil, netip.AddrPort{}, stream.Spoilt
	}
	return nil, netip.AddrPort{}, stream.Taken
}

// Spoil closes a connection on which came what is no stream of pieces.
func (m *member) Spoil() {
	m.s.counts.broken.Add(1)
	m.s.part(m, "what it sent is broken")
}

// Ended takes in that the connection is over.
func (m *member) Ended(error) { m.s.part(m, "its connection ended") }

func (s *Server) part(m *member, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(m, why)
}

// end takes a registration away. Under s.mu.
func (s *Server) end(m *member, why string) {
	if !m.leave() {
		return
	}
	m.hangUp()
	s.sources.part(m.remote.Addr(), m.life.Group)
	g := s.registry.groups[m.life.Group]
	if g == nil {
		return
	}
	delete(g.members, m)
	if l := g.lives[m.life.Life()]; l != nil && slices.Contains(l.here, m) {
		l.here = slices.DeleteFunc(l.here, func(o *member) bool { return o == m })
		if len(l.here) == 0 {
			s.registry.here--
			s.tellRouters(l, false)
		}
		s.registry.settle(g, l)
		s.news(g, l)
	}
	s.registry.maybeForget(g)
	s.tell("ended", "a registration ended", "member", m.life.Process, "why", why)
}

// deliver hands a frame of a member to others of its group.
func (s *Server) deliver(m *member, to relay.Targets, frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.registry.groups[m.life.Group]
	if g == nil {
		return
	}
	to.Each(func(host views.HostID) {
		if !s.deliverHere(g, host, m, stream.Piece{Prefix: m.from, Body: frame}) && !s.forward(g, m, host, frame) {
			s.counts.unknown.Add(1)
		}
	})
}

// deliverHere gives a piece to all connections of a host at this router but one.
func (s *Server) deliverHere(g *group, to [16]byte, but *member, p stream.Piece) bool {
	found := false
	for _, l := range g.hosts[to] {
		for _, m := range l.here {
			if m != but {
				m.add(p)
			}
			found = true
		}
	}
	return found
}
