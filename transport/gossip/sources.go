package gossip

import (
	"net/netip"

	"github.com/gmsd/gmsd/transport/internal/relay"
)

// source is an address from which connections come, and what it has of this router: many
// honest members where a NAT stands before them, or one who means ill with as many hosts
// as he likes, each with a key that he drew. No router can tell these apart; so none is
// ever put out for another, and no address gets more than a part of any bound.
type source struct {
	connections int
	// groups counts the connections of members by group.
	groups map[uint64]int
}

// sources are all that have connections. Under the server's mutex.
type sources map[netip.Addr]*source

func (s sources) enter(at netip.Addr) {
	o := s[at]
	if o == nil {
		o = &source{groups: map[uint64]int{}}
		s[at] = o
	}
	o.connections++
}

func (s sources) leave(at netip.Addr) {
	if o := s[at]; o != nil {
		if o.connections--; o.connections == 0 {
			delete(s, at)
		}
	}
}

// join notes that a connection from an address, which has entered, is of a group's member.
func (s sources) join(at netip.Addr, group uint64) {
	if o := s[at]; o != nil {
		o.groups[group]++
	}
}

func (s sources) part(at netip.Addr, group uint64) {
	if o := s[at]; o != nil {
		if o.groups[group]--; o.groups[group] == 0 {
			delete(o.groups, group)
		}
	}
}

// of is what an address has, the zero source where it has nothing.
func (s sources) of(at netip.Addr) source {
	if o := s[at]; o != nil {
		return *o
	}
	return source{}
}

// room says why a life cannot be registered from an address, 0 where it can. A life that
// is registered may connect anew whatever else is so, and one in a group that is here
// needs no place for the group. Under s.mu.
func (s *Server) room(m *relay.Member, from netip.Addr) relay.Refusal {
	g := s.registry.groups[m.Group]
	switch {
	case g == nil && len(s.sources.of(from).groups) >= sourceGroupsMax:
		return relay.RefusedSource
	case g != nil && g.needsPlace(m) && s.sources.of(from).groups[m.Group] >= sourceGroupMax:
		return relay.RefusedSource
	case g != nil && g.needsPlace(m) && g.claims(m, from) >= sourceClaimsMax:
		return relay.RefusedSource
	}
	return s.registry.room(m)
}

// claims counts the connections from an address whose hosts are others and say that they
// are where a member says that it is.
func (g *group) claims(m *relay.Member, from netip.Addr) (n int) {
	for o := range g.members {
		if o.life.Addr == m.Addr && o.life.Host != m.Host && o.remote.Addr() == from {
			n++
		}
	}
	return n
}
