package gossip

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/transport/internal/stream"
	"github.com/gmsd/gmsd/views"
)

// router is another router that is or was connected. Under s.mu.
type router struct {
	id relay.Number
	// at is where it was reached or came from.
	at    string
	since time.Time
	// link is the connection to it; nil: it is lost, since lost.
	link *meshLink
	lost time.Time
	// round numbers the connections, so that what it does not tell anew is dropped.
	round uint64
	// told is what was told of it last.
	told string
}

// What is told of a router.
const (
	toldConnected = "connected to a router"
	toldLost      = "lost a router"
)

// meshLink is a connection to another router.
type meshLink struct {
	*connection
	id   relay.Number
	ours bool // we dialled it
	done chan struct{}
	// said is when we last sent a Ping.
	said time.Time
}

// meet enters another router that has greeted; dialled is the peer that we dialled.
func (s *Server) meet(c *connection, id relay.Number, dialled *peer) relay.Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	r := s.routers[id]
	if r == nil {
		if len(s.routers) >= 2*RoutersMax {
			return relay.RefusedFull
		}
		r = &router{id: id}
		s.routers[id] = r
	}
	l := &meshLink{connection: c, id: id, ours: dialled != nil, done: make(chan struct{})}
	if old := r.link; old != nil {
		if s.prefers(old) && !s.prefers(l) && now.Sub(old.heard()) < s.times.ping*2 {
			return relay.RefusedTie
		}
		s.disconnect(old) // there is a newer one, so the router is not lost
		r.link, r.lost = nil, now
	}
	if !c.enter(l) {
		if r.told == toldConnected {
			s.tellMesh(r, id, toldLost, "why", "there is no room for its newer connection")
		}
		return relay.RefusedFull
	}
	r.link, r.since, r.lost, r.at = l, now, time.Time{}, c.remote.String()
	if dialled != nil {
		r.at = dialled.place.String()
		dialled.link = l
	}
	r.round++
	s.tellRouterAll(l)
	s.tellMesh(r, id, toldConnected)
	return 0
}

// prefers: of two connections that cross, both routers keep the one that the lower dialled.
// What is on the way through the other is lost, as a datagram may be.
func (s *Server) prefers(l *meshLink) bool { return l.ours == (bytes.Compare(s.id[:], l.id[:]) < 0) }

// lose takes a connection to a router away; what it held stands for a lease. Under s.mu.
func (s *Server) lose(l *meshLink, why string) {
	if !s.disconnect(l) {
		return
	}
	if r := s.routers[l.id]; r != nil && r.link == l {
		r.link, r.lost = nil, time.Now()
		s.tellMesh(r, l.id, toldLost, "why", why)
	}
}

// disconnect ends a connection to a router; false: it was over.
func (s *Server) disconnect(l *meshLink) bool {
	if !l.leave() {
		return false
	}
	l.hangUp()
	close(l.done)
	return true
}

// tellMesh tells of a router what is not what was told of it last: the last line is true,
// and there are no more of them than dials.
func (s *Server) tellMesh(r *router, id relay.Number, text string, args ...any) {
	if r.told != text {
		r.told = text
		s.log.Info(text, append([]any{"router", r.at, "number", shortNumber(id)}, args...)...)
	}
}

func (s *Server) loseNow(l *meshLink, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose(l, why)
}

// Piece takes in what a router says.
func (l *meshLink) Piece(kind byte, body []byte) (_ []byte, _ netip.AddrPort, v stream.Verdict) {
	v = stream.Taken
	switch kind {
	case stream.KindFrame:
		if l.s.deliverForwarded(body) != nil {
			v = stream.Spoilt
		}
	case relay.KindEntries:
		if relay.EachEntry(body, func(e *relay.Entry) { l.s.learn(l, e) }) != nil {
			v = stream.Spoilt
		}
	case relay.KindGone:
		relay.EachGone(body, func(group uint64, id relay.Life) { l.s.unlearn(l, group, id) })
	case relay.KindSynced:
		l.s.synced(l)
	case relay.KindPing:
		l.add(stream.Piece{Kind: relay.KindPong, Body: body})
	case relay.KindPong:
	case relay.KindRefused:
		l.s.loseNow(l, "it has another connection to us")
		v = stream.Stop
	default:
		v = stream.Spoilt
	}
	return nil, netip.AddrPort{}, v
}

// Spoil closes a connection on which came what is no stream of pieces.
func (l *meshLink) Spoil() {
	l.s.counts.broken.Add(1)
	l.s.loseNow(l, "what it sent is broken")
}

// Ended takes in that the connection is over.
func (l *meshLink) Ended(error) { l.s.loseNow(l, "its connection ended") }

// tellRouterAll tells a router what is registered here.
func (s *Server) tellRouterAll(l *meshLink) {
	now := time.Now()
	var w listing
	for _, g := range s.registry.groups {
		for _, id := range inOrder(g.lives) {
			if len(g.lives[id].here) > 0 {
				e, _ := g.entry(id, s.id, now)
				w.entry(l.out, &e)
			}
		}
	}
	w.end(l.out)
	l.out.Urge(stream.Piece{Kind: relay.KindSynced})
}

// tellRouters tells all routers that a life is registered here, or no more. Under s.mu.
func (s *Server) tellRouters(l *life, held bool) {
	for _, r := range s.routers {
		if r.link == nil {
			continue
		}
		var w listing
		if held {
			w.entry(r.link.out, &relay.Entry{Member: l.Member, Via: s.id})
		} else {
			w.gone(r.link.out, l.Group, l.Life())
		}
		w.end(r.link.out)
	}
}

// learn takes in what is registered at another router.
func (s *Server) learn(from *meshLink, e *relay.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.routers[from.id]
	if r == nil || r.link != from {
		return
	}
	g, l, over := s.registry.find(&e.Member)
	for _, o := range over {
		s.end(o, "a newer life of its host has its place")
	}
	if l == nil {
		s.counts.refused[relay.RefusedFull].Add(1)
		return
	}
	_, known := l.there[from.id]
	l.there[from.id] = remote{entry: *e, at: time.Now(), round: r.round}
	if len(l.here) == 0 && !known {
		l.Addr = e.Addr
		s.news(g, l)
	}
}

func (s *Server) unlearn(from *meshLink, group uint64, id relay.Life) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.registry.groups[group]; g != nil && g.lives[id] != nil {
		s.drop(g, g.lives[id], from.id)
	}
}

// drop forgets that a router holds a life. Under s.mu.
func (s *Server) drop(g *group, l *life, of relay.Number) {
	if _, some := l.there[of]; !some {
		return
	}
	delete(l.there, of)
	s.registry.settle(g, l)
	s.news(g, l)
}

// synced drops what a router held and did not tell anew.
func (s *Server) synced(from *meshLink) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.routers[from.id]; r != nil && r.link == from {
		s.dropOf(from.id, r.round)
	}
}

// dropOf forgets what a router held before a round. Under s.mu.
func (s *Server) dropOf(id relay.Number, before uint64) {
	for _, g := range s.registry.groups {
		for _, l := range g.lives {
			if held, some := l.there[id]; some && held.round < before {
				s.drop(g, l, id)
			}
		}
	}
}

// forward hands a frame to a router that has the host registered. Under s.mu, by the
// receiving goroutine.
func (s *Server) forward(g *group, m *member, host views.HostID, frame []byte) bool {
	for _, l := range g.hosts[host] {
		for id := range l.there {
			r := s.routers[id]
			if r == nil || r.link == nil {
				continue
			}
			prefix := relay.AppendForward(make([]byte, 0, 14+1+len(host)), g.hash, m.life.Addr)
			target := relay.AppendTarget(nil, host)
			r.link.add(stream.Piece{Prefix: append(prefix, target...), Body: frame})
			s.counts.forwarded.Add(1)
			return true
		}
	}
	return false
}

// deliverForwarded hands a frame on to members at this router, never farther.
func (s *Server) deliverForwarded(body []byte) error {
	hash, from, rest, err := relay.CutForward(body)
	if err != nil {
		return err
	}
	to, frame, err := relay.CutTargets(rest)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.registry.groups[hash]
	if g == nil {
		return nil
	}
	p := stream.Piece{Prefix: relay.AppendAddr(nil, from), Body: frame}
	to.Each(func(host views.HostID) {
		if !s.deliverHere(g, host, nil, p) {
			s.counts.unknown.Add(1)
		}
	})
	return nil
}
