package gossip

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/views"
)

// Registration is one life of a member, as it stands.
type Registration struct {
	// Group is the hash of the group's name.
	Group uint64
	views.Process
	Nonce uint64
	// Addr is where the member says that it is, From where its connection comes from;
	// the latter is zero where another router holds it.
	Addr, From netip.AddrPort
	Since      time.Time
	// Here: this router holds it. Via names those that do.
	Here bool
	Via  []string
	// Queued: it takes its frames more slowly than they come.
	Queued bool
}

// Router is another router.
type Router struct {
	// At is where it is or was, Number the one it drew at its start; empty: never met.
	At, Number string
	Connected  bool
	// Self: the name leads to this router.
	Self bool
	// Since is when the connection was made, Heard when something last came; zero: never.
	Since, Heard time.Time
	// Held counts the registrations that it holds.
	Held int
	// Trouble is what the last attempt met.
	Trouble string
}

// Number is this router's.
func (s *Server) Number() string { return hex.EncodeToString(s.id[:]) }

// Begun is when it was started.
func (s *Server) Begun() time.Time { return s.begun }

// Lease is for how long a registration stands without a sign of life.
func (s *Server) Lease() time.Duration { return s.times.lease }

// Registrations gives all, by group, host and life.
func (s *Server) Registrations() []Registration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	var out []Registration
	for _, g := range s.registry.groups {
		for id, l := range g.lives {
			if e, ok := g.entry(id, s.id, now); ok {
				out = append(out, s.registration(l, &e, now))
			}
		}
	}
	slices.SortFunc(out, func(a, b Registration) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), bytes.Compare(a.Host[:], b.Host[:]),
			cmp.Compare(a.Incarnation, b.Incarnation), cmp.Compare(a.Nonce, b.Nonce))
	})
	return out
}

func (s *Server) registration(l *life, e *relay.Entry, now time.Time) Registration {
	r := Registration{Group: l.Group, Process: l.Process, Nonce: l.Nonce, Addr: l.Addr, Since: now.Add(-e.Age), Here: len(l.here) > 0}
	if r.Here {
		m := l.here[len(l.here)-1]
		r.From, r.Queued = m.remote, m.out.Behind()
		r.Via = append(r.Via, hex.EncodeToString(s.id[:]))
	}
	for id := range l.there {
		r.Via = append(r.Via, hex.EncodeToString(id[:]))
	}
	slices.Sort(r.Via)
	return r
}

// Routers gives the other routers: those that are configured, in order, and those that
// came by themselves.
func (s *Server) Routers() []Router {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := map[relay.Number]int{}
	for _, g := range s.registry.groups {
		for _, l := range g.lives {
			for id := range l.there {
				held[id]++
			}
		}
	}
	var out []Router
	seen := map[relay.Number]bool{}
	for _, p := range s.peers {
		one := Router{At: p.place.String(), Self: p.self, Trouble: p.trouble}
		if p.self {
			one.Trouble = ""
		}
		if r := s.routers[p.met]; r != nil {
			seen[p.met] = true
			r.describe(&one, held[p.met])
		}
		out = append(out, one)
	}
	for id, r := range s.routers {
		if !seen[id] {
			one := Router{At: r.at}
			r.describe(&one, held[id])
			out = append(out, one)
		}
	}
	slices.SortStableFunc(out[len(s.peers):], func(a, b Router) int { return cmp.Compare(a.Number, b.Number) })
	return out
}

func (r *router) describe(to *Router, held int) {
	to.Number, to.Connected, to.Since, to.Held = hex.EncodeToString(r.id[:]), r.link != nil, r.since, held
	to.Heard = r.lost
	if r.link != nil {
		to.Heard, to.Trouble = r.link.heard(), ""
	}
}

// Figures are the counts of a router since its start, and what stands now.
type Figures struct {
	// Here are the registrations that it holds, Held those of all routers; Groups are
	// theirs.
	Here, Held, Groups int
	// Connections are those that have greeted, Strangers the others.
	Connections, Strangers int
	// QueuedBytes wait for who takes them too slowly.
	QueuedBytes int64
	// Relayed are frames that were written, Forwarded those of them that went to
	// another router; Shed were dropped for a slow one, Unsent lost with a connection,
	// Unknown for nobody who is registered.
	Relayed, RelayedBytes, Forwarded, Shed, Unsent, Unknown uint64
	// Registered and Expired count registrations, Refused those that were not let in,
	// by reason.
	Registered, Expired uint64
	Refused             map[string]uint64
	// Broken are connections closed for what came on them, Greetings those that began
	// with something else, StrangersFull those put out since too many had not greeted.
	Broken, Greetings, StrangersFull uint64
}

// Figures gives them.
func (s *Server) Figures() Figures {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.counts
	f := Figures{
		Here: s.registry.here, Held: s.registry.held, Groups: len(s.registry.groups),
		Connections: len(s.all), Strangers: s.strangers.Len(), QueuedBytes: s.budget.Queued.Load(),
		Relayed: c.relayed.Load(), RelayedBytes: c.relayedBytes.Load(), Forwarded: c.forwarded.Load(),
		Shed: c.shed.Load(), Unsent: c.unsent.Load(), Unknown: c.unknown.Load(),
		Registered: c.registered.Load(), Expired: c.expired.Load(), Refused: map[string]uint64{},
		Broken: c.broken.Load(), Greetings: c.greetings.Load(), StrangersFull: c.strangersFull.Load(),
	}
	for _, r := range relay.Refusals() {
		f.Refused[r.String()] = c.refused[r].Load()
	}
	return f
}
