package doctor

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
)

// How much it takes to say something.
const (
	// enough is how many frames or questions must have failed one after another.
	enough = 8
	// silence is how long nothing must have come.
	silence = 3 * time.Second
	// deafness is how long no multicast must have come where unicast does.
	deafness = 4 * time.Second
	// lossLeast is the share of lost frames, in a hundred, that is worth a word, of at
	// least lossOf frames: one lost in twenty is borne, and with so many frames chance does
	// not make a sixth of a twentieth.
	lossLeast, lossOf = 15, 150
)

// matrix is what all hosts say, by host.
type matrix struct {
	reports []*Report // sorted by host
	// names of all hosts that were met.
	names map[views.HostID]string
	hosts []views.HostID  // sorted: those of names
	links map[arrow]*Link // what the first says of its link to the second
	// ways are all ordered pairs of which one at least says something, sorted; seen is what
	// others say of a host, by who says it.
	ways []arrow
	seen map[views.HostID][]sight
	// strange are pairs of which it is proved that they do not read each other, both ways
	// round; outdated are hosts of which it is that they seal with a key that was removed.
	strange  map[arrow]bool
	outdated map[views.HostID]bool
	// spots are where those are who are known by nothing else.
	spots map[views.HostID]netip.AddrPort
	// shared are hosts that have one address with another: what is for either may get to
	// the other one.
	shared map[views.HostID]bool
	// gone are hosts of which nothing more is to be said: their ways tell nothing of others'.
	gone map[views.HostID]bool
	// renewed are hosts that heard multicast again once they had joined the group anew: what
	// such a one misses was not lost by chance, and no host or way it comes from is to blame.
	renewed map[views.HostID]bool
	// stale are the addresses at which somebody seals with such a key, as far as is known.
	stale map[netip.Addr]bool
}

// sight is what a host says of its link to another.
type sight struct {
	by   *Report
	link *Link
}

// newMatrix takes one report of each host, sorted by it.
func newMatrix(reports []Report) *matrix {
	m := &matrix{
		names: map[views.HostID]string{}, links: map[arrow]*Link{}, seen: map[views.HostID][]sight{},
		strange: map[arrow]bool{}, spots: map[views.HostID]netip.AddrPort{}, outdated: map[views.HostID]bool{}, shared: map[views.HostID]bool{}, gone: map[views.HostID]bool{}, renewed: map[views.HostID]bool{}, stale: map[netip.Addr]bool{},
	}
	for i := range reports {
		m.reports = append(m.reports, &reports[i])
	}
	nameless := map[views.HostID]bool{}
	for _, r := range m.reports {
		for i := range r.Links {
			l := &r.Links[i]
			if _, known := m.names[l.Peer]; !known || nameless[l.Peer] {
				m.names[l.Peer], nameless[l.Peer] = l.Name, l.isNameless()
			}
		}
	}
	for _, r := range m.reports {
		m.names[r.Host] = r.Name
		for i := range r.Links {
			l := &r.Links[i]
			m.links[arrow{r.Host, l.Peer}] = l
			if l.Renewed {
				m.renewed[r.Host] = true
			}
			if !l.Twin.IsZero() {
				m.shared[l.Peer], m.shared[l.Twin] = true, true
			}
		}
		for _, f := range r.Refusals {
			m.refuse(r.Host, f)
		}
	}
	m.index()
	return m
}

// index sorts once what the rules go through again and again.
func (m *matrix) index() {
	for h := range m.names { // order-free: sorted below
		m.hosts = append(m.hosts, h)
	}
	sortHosts(m.hosts)
	for _, r := range m.reports {
		for i := range r.Links {
			there, back := arrow{r.Host, r.Links[i].Peer}, arrow{r.Links[i].Peer, r.Host}
			if m.links[there] != &r.Links[i] {
				continue // said again
			}
			m.seen[there.to] = append(m.seen[there.to], sight{r, &r.Links[i]})
			if there == back {
				continue
			}
			m.ways = append(m.ways, there)
			if m.links[back] == nil {
				m.ways = append(m.ways, back)
			}
		}
	}
	slices.SortFunc(m.ways, func(a, b arrow) int { return cmp.Or(a.from.Compare(b.from), a.to.Compare(b.to)) })
}

// refuse notes who does not read whom: silence between the two is no other cause. What
// somebody without a key may have made up says nothing of a host.
func (m *matrix) refuse(at views.HostID, f Refusal) {
	if f.Code == views.RefuseOldKey {
		m.stale[f.Addr.Addr()] = true
	}
	if !f.proved() {
		return
	}
	m.spots[f.Who] = f.Addr
	switch f.Code { //nolint:exhaustive // the others are read
	case views.RefuseGroup, views.RefuseVersion, views.RefuseKey, views.RefuseOldKey, views.RefusePlain, views.RefuseSealed, views.RefuseTransport:
		m.strange[arrow{at, f.Who}], m.strange[arrow{f.Who, at}] = true, true
	}
	if f.Code != views.RefuseOldKey {
		return
	}
	if f.Ours {
		m.outdated[at] = true
	} else {
		m.outdated[f.Who] = true
	}
}

func (m *matrix) of(h views.HostID) *Report {
	i, found := slices.BinarySearchFunc(m.reports, h, func(r *Report, h views.HostID) int { return r.Host.Compare(h) })
	if !found {
		return nil
	}
	return m.reports[i]
}

// at is what a host says of its link to another; nil: nothing.
func (m *matrix) at(here, there views.HostID) *Link {
	return m.links[arrow{here, there}]
}

// arrow is a direction: what From sends and To does not get.
type arrow struct{ from, to views.HostID }

func (a arrow) back() arrow { return arrow{a.to, a.from} }

// way is whether frames get from one host to another.
type way uint8

const (
	unknown way = iota
	open
	shut
)

// unicast says whether frames get from one host to another. It is open where some
// came of late, or where a question was answered; shut where enough were sent and
// nothing came.
func (m *matrix) unicast(a arrow) way {
	out, in := m.at(a.from, a.to), m.at(a.to, a.from)
	switch {
	case m.strange[a], m.shared[a.from], m.shared[a.to]:
		return unknown
	case in != nil && in.One.Got > 0 && in.One.Age >= 0 && in.One.Age < silence, out != nil && out.Small.Answered > 0:
		return open
	case in != nil && out != nil && out.Small.Sent >= enough && !m.elsewhere(a) && (in.One.Age < 0 || in.One.Age >= silence):
		return shut
	}
	return unknown
}

// multicast says whether what a host says to all gets to another.
func (m *matrix) multicast(a arrow) way {
	from, to, in := m.of(a.from), m.of(a.to), m.at(a.to, a.from)
	switch {
	case m.strange[a] || from == nil || to == nil || in == nil || !from.Multicast || !to.Multicast || !in.Member && in.All.Age < 0 && in.One.Age < 0:
		return unknown
	case in.All.Got > 0 && in.All.Age >= 0 && in.All.Age < silence:
		return open
	case m.renewed[a.to]:
		return unknown
	case m.unicast(a) == open && in.All.Got == 0 && in.One.Got >= 2*enough:
		return shut
	case in.All.Age >= deafness && in.One.Got > 0 && in.One.Age >= 0 && in.One.Age < silence:
		return shut // the one comes and the other does not; there were ten or more of it
	}
	return unknown
}

// elsewhere reports whether a host is not where it says: what is asked of it there is asked
// of nobody.
func (m *matrix) elsewhere(a arrow) bool {
	l := m.at(a.from, a.to)
	return l != nil && l.Source.IsValid() && l.Source != l.Addr && l.Small.Answered == 0
}

// streams reports whether frames of either go over TCP: there UDP is not tested, and what
// fails with TCP fails altogether.
func (m *matrix) streams(a arrow) bool {
	from, to := m.of(a.from), m.of(a.to)
	return from != nil && from.Streams || to != nil && to.Streams
}

// both reports whether unicast works between two hosts both ways.
func (m *matrix) both(a arrow) bool {
	return m.unicast(a) == open && m.unicast(arrow{a.to, a.from}) == open
}
