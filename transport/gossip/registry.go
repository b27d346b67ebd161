package gossip

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/views"
)

// registry knows who is registered, here or at another router. Under the server's mutex.
type registry struct {
	groups map[uint64]*group
	// here counts the lives that are registered at this router, held all.
	here, held int
}

// group is one group of hosts.
type group struct {
	hash  uint64
	lives map[relay.Life]*life
	hosts map[views.HostID][]*life // oldest first
	// members are the connections to be told.
	members map[*member]bool
	// entries and gone are still to be told, in the order of pieces.
	changed map[relay.Life]bool
	// toldAt is when they were told last, toldBefore the time before.
	toldBefore, toldAt time.Time
	timer              bool // news are on their way
}

// life is one life of a host, and who holds a connection of it.
type life struct {
	relay.Member
	here []*member // newest last
	// there are the routers that say they hold one, and since when.
	there map[relay.Number]remote
}

// remote is what another router says of a life.
type remote struct {
	entry relay.Entry
	at    time.Time
	round uint64
}

// group gives a group; nil: there are as many as are allowed.
func (r *registry) group(hash uint64) *group {
	g := r.groups[hash]
	if g == nil && len(r.groups) < GroupsMax {
		g = &group{
			hash: hash, lives: map[relay.Life]*life{}, hosts: map[views.HostID][]*life{},
			members: map[*member]bool{}, changed: map[relay.Life]bool{},
		}
		r.groups[hash] = g
	}
	return g
}

// room says why a life cannot be registered, 0 where it can. Lives of the host itself
// make room for each other.
func (r *registry) room(m *relay.Member) relay.Refusal {
	g := r.groups[m.Group]
	switch {
	case g != nil && !g.needsPlace(m):
	case g == nil && len(r.groups) >= GroupsMax, r.held >= MembersMax:
		return relay.RefusedFull
	case g != nil && len(g.lives) >= GroupMax:
		return relay.RefusedGroupFull
	}
	return 0
}

// find gives a life's place, made where there is none; nil: there is no room. The
// oldest life of the host goes where it has too many: it gives the connections to end.
func (r *registry) find(m *relay.Member) (g *group, l *life, over []*member) {
	if g = r.group(m.Group); g == nil {
		return nil, nil, nil
	}
	if l = g.lives[m.Life()]; l != nil {
		return g, l, nil
	}
	if of := g.hosts[m.Host]; len(of) >= livesMax {
		over = slices.Clone(of[0].here)
		r.remove(g, of[0])
	}
	if len(g.lives) >= GroupMax || r.held >= MembersMax {
		r.maybeForget(g)
		return nil, nil, over
	}
	l = &life{Member: *m, there: map[relay.Number]remote{}}
	g.lives[m.Life()] = l
	g.hosts[m.Host] = append(g.hosts[m.Host], l)
	r.held++
	return g, l, over
}

// settle takes a life away that nobody holds, and notes that there is news.
func (r *registry) settle(g *group, l *life) {
	g.changed[l.Life()] = true
	if len(l.here) == 0 && len(l.there) == 0 {
		r.remove(g, l)
	}
}

func (r *registry) remove(g *group, l *life) {
	g.changed[l.Life()] = true
	if g.lives[l.Life()] != l {
		return
	}
	if len(l.here) > 0 {
		r.here--
	}
	l.here, l.there = nil, map[relay.Number]remote{}
	delete(g.lives, l.Life())
	rest := slices.DeleteFunc(g.hosts[l.Host], func(o *life) bool { return o == l })
	if g.hosts[l.Host] = rest; len(rest) == 0 {
		delete(g.hosts, l.Host)
	}
	r.held--
	r.maybeForget(g)
}

func (r *registry) maybeForget(g *group) {
	if len(g.lives) == 0 && len(g.members) == 0 {
		delete(r.groups, g.hash)
	}
}

// needsPlace reports whether a life takes one more place than its host has: it is not
// registered, and none of its host makes room for it.
func (g *group) needsPlace(m *relay.Member) bool {
	return g.lives[m.Life()] == nil && len(g.hosts[m.Host]) < livesMax
}

// inOrder gives the lives of a set in an order that does not depend on chance.
func inOrder[V any](set map[relay.Life]V) []relay.Life {
	return slices.SortedFunc(maps.Keys(set), func(a, b relay.Life) int {
		return cmp.Or(a.Host.Compare(b.Host), cmp.Compare(a.Incarnation, b.Incarnation), cmp.Compare(a.Nonce, b.Nonce))
	})
}

// entry says how a life stands; false: it does not.
func (g *group) entry(id relay.Life, self relay.Number, now time.Time) (relay.Entry, bool) {
	l := g.lives[id]
	if l == nil {
		return relay.Entry{}, false
	}
	if n := len(l.here); n > 0 {
		return relay.Entry{Member: l.Member, Via: self, Age: now.Sub(l.here[n-1].since)}, true
	}
	for via, r := range l.there {
		return relay.Entry{Member: l.Member, Via: via, Age: r.entry.Age + now.Sub(r.at)}, true
	}
	return relay.Entry{}, false
}
