package router

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/views"
)

// An address is claimed and not proved: whoever reaches a router can register as a host
// of his own with the address of a member, as often as the router lets him. So a claim
// counts for nothing where it is known who is there. Where it is not, each has its turn,
// and nobody is put behind by those who come later.

// claim is one life that says that an address is its host's.
type claim struct {
	host views.HostID
	life relay.Life
	// turn is when it came, or was last served: the lowest is next.
	turn uint64
}

// presence is how a host is registered at a router: its lives, and those of them whose
// own connection this router holds.
type presence struct{ lives, near int }

// SetMembers says who is where: the members of the view. A frame for the address of a
// member is for that member and for nobody else who claims it. Who was named before is
// the first of those who claim his address.
func (t *Transport) SetMembers(members []transport.Target) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.past)+len(t.members) > pastMax {
		clear(t.past)
	}
	for addr, hosts := range t.members {
		t.past[addr] = hosts[0]
	}
	clear(t.members)
	for _, m := range members {
		if !slices.Contains(t.members[m.Addr], m.Host) {
			t.members[m.Addr] = append(t.members[m.Addr], m.Host)
		}
	}
}

// addressees gives the hosts whom a frame for an address is for, all of them registered:
// who is watched there, else the members that are there, else those whose turn it is of
// all who claim it. The slice is good until the next call. Under t.mu.
func (t *Transport) addressees(to netip.AddrPort) []views.HostID {
	t.hosts = t.hosts[:0]
	if h, some := t.watched[to]; some && t.registered(h) {
		t.hosts = append(t.hosts, h)
		return t.hosts
	}
	if members := t.members[to]; len(members) > 0 {
		for _, h := range members {
			if t.registered(h) {
				t.hosts = append(t.hosts, h)
			}
		}
		return t.hosts
	}
	return t.takeTurns(to)
}

// leads reports whether there is somebody whom a frame for an address is for. Under t.mu.
func (t *Transport) leads(to netip.AddrPort) bool {
	if members := t.members[to]; len(members) > 0 {
		return slices.ContainsFunc(members, t.registered)
	}
	return slices.ContainsFunc(t.lines, func(l *line) bool { return l.up != nil && len(l.up.at[to]) > 0 })
}

// registered reports whether a host is, at any router. Under t.mu.
func (t *Transport) registered(host views.HostID) bool {
	return slices.ContainsFunc(t.lines, func(l *line) bool { return l.up != nil && l.up.hosts[host].lives > 0 })
}

// takeTurns gives who is next of those that claim an address, at all routers, and puts
// them behind the others. Under t.mu.
func (t *Transport) takeTurns(to netip.AddrPort) []views.HostID {
	all := t.claimants(to)
	for i := range all[:min(len(all), claimsMax)] {
		t.hosts = append(t.hosts, all[i].host)
	}
	if len(all) <= claimsMax {
		return t.hosts
	}
	t.turns++
	for _, l := range t.lines {
		if l.up == nil {
			continue
		}
		for i := range l.up.at[to] {
			if c := &l.up.at[to][i]; slices.Contains(t.hosts, c.host) {
				c.turn = t.turns
			}
		}
	}
	return t.hosts
}

// claimants gives the hosts that claim an address, each once, in the order of their
// turns; a member of earlier is the first. Under t.mu.
func (t *Transport) claimants(to netip.AddrPort) []claim {
	all := t.queue[:0]
	for _, l := range t.lines {
		if l.up != nil {
			all = append(all, l.up.at[to]...)
		}
	}
	t.queue = all
	if past, some := t.past[to]; some {
		for i := range all {
			if all[i].host == past {
				all[i].turn = 0
			}
		}
	}
	slices.SortFunc(all, func(a, b claim) int {
		return cmp.Or(a.host.Compare(b.host), cmp.Compare(a.turn, b.turn))
	})
	all = slices.CompactFunc(all, func(a, b claim) bool { return a.host == b.host })
	slices.SortStableFunc(all, func(a, b claim) int { return cmp.Compare(a.turn, b.turn) })
	return all
}
