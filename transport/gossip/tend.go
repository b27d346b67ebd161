package gossip

import (
	"encoding/hex"
	"time"

	"github.com/gmsd/gmsd/transport/internal/greeting"
	"github.com/gmsd/gmsd/transport/internal/relay"
)

// tend looks at deadlines, by this router's own clock.
func (s *Server) tend() {
	for greeting.Sleep(s.ctx, s.times.tend) {
		s.tidy(time.Now())
	}
}

func (s *Server) tidy(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.registry.groups {
		for m := range g.members {
			if now.Sub(m.heard()) > s.times.lease {
				s.counts.expired.Add(1)
				s.end(m, "its lease is over")
			}
		}
	}
	for id, r := range s.routers {
		switch {
		case r.link != nil:
			s.ping(r.link, now)
		case now.Sub(r.lost) > s.times.lease:
			s.dropOf(id, r.round+1)
			delete(s.routers, id)
		}
	}
}

// ping asks a router for a sign of life, and gives it up where none comes.
func (s *Server) ping(l *meshLink, now time.Time) {
	switch {
	case now.Sub(l.heard()) > s.times.deaf:
		s.lose(l, "it is silent")
	case now.Sub(l.said) >= s.times.ping:
		l.said = now
		l.out.Urge(relay.Ping(uint64(now.UnixNano()))) //nolint:gosec // a number like any other
	}
}

func shortNumber(n relay.Number) string { return hex.EncodeToString(n[:4]) }
