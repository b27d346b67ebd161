package doctor

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
)

// pausedLeast and syncedLeast are from when on a pause of a process, and a sync of
// its disk, are worth a word.
const (
	pausedLeast = Window / 4
	syncedLeast = 500 * time.Millisecond
	clockLeast  = time.Second
)

// refusedFor makes the rule for frames that are not read for one of some reasons.
func refusedFor(codes ...views.RefuseCode) func(*matrix) []finding {
	return func(m *matrix) []finding {
		var list []finding
		met := map[arrow]bool{}
		for _, r := range m.reports {
			proved := map[netip.AddrPort]bool{} // who is there may be known by two names
			for _, f := range r.Refusals {
				a := f.arrowAt(r.Host)
				if !f.proved() || f.Who == r.Host || !slices.Contains(codes, f.Code) || m.mistaken(a, f) || proved[f.Addr] || met[a] || met[a.back()] {
					continue
				}
				met[a], proved[f.Addr] = true, true
				list = append(list, between(a, f.words()))
			}
			list = append(list, m.strangersAt(r, codes, proved, false)...)
			list = append(list, m.strangersAt(r, codes, proved, true)...)
		}
		return list
	}
}

// transportDiffers: members say so, or a gossip router is where a member was to be.
func transportDiffers(m *matrix) []finding {
	list := refusedFor(views.RefuseTransport)(m)
	for _, a := range m.ways {
		if l := m.at(a.from, a.to); l != nil && l.TCP == TCPRouter {
			list = append(list, between(a, said("a gossip router answers at %v: name it in routers, with transport router; peers are the ports of members", l.Addr)))
		}
	}
	return list
}

// strangersAt names those together of whom nobody has proved who and where they are, and
// whom the host does not read, or who do not read it (ours): how many there are, and what
// they are called, is up to whoever sends one frame for each.
func (m *matrix) strangersAt(r *Report, codes []views.RefuseCode, proved map[netip.AddrPort]bool, ours bool) []finding {
	var all *finding
	for _, f := range r.Refusals {
		a := f.arrowAt(r.Host)
		switch {
		case f.proved() || f.Ours != ours || f.Who == r.Host || !slices.Contains(codes, f.Code) || proved[f.Addr] || m.mistaken(a, f):
		case ours && r.cannotRead(f.Addr.Addr(), codes): // that says it
		case all == nil:
			way := arrow{Stranger, r.Host}
			if ours {
				way = way.back()
			}
			one := between(way, f.words())
			one.claims = []views.HostID{f.Who}
			all = &one
		case len(all.evidence) < strangersTold && !slices.Contains(all.evidence, f.words()):
			all.evidence, all.claims = append(all.evidence, f.words()), append(all.claims, f.Who)
		}
	}
	if all == nil {
		return nil
	}
	return []finding{*all}
}

// cannotRead reports whether a host does not read for one of some reasons what comes from
// an address.
func (r *Report) cannotRead(from netip.Addr, codes []views.RefuseCode) bool {
	return slices.ContainsFunc(r.Refusals, func(f Refusal) bool {
		return !f.Ours && f.Addr.Addr() == from && slices.Contains(codes, f.Code)
	})
}

// strangersTold bounds the strangers that a verdict tells of.
const strangersTold = 4

// mistaken reports whether the key that is strange is one that was removed: whoever was
// away for that does not know the one in use either.
func (m *matrix) mistaken(a arrow, f Refusal) bool {
	if f.Code != views.RefuseKey {
		return false
	}
	return m.stale[f.Addr.Addr()] || m.outdated[a.from] || m.outdated[a.to]
}

// arrowAt is the direction of a refusal that a host reports: whose frames are not read.
func (f *Refusal) arrowAt(h views.HostID) arrow {
	if f.Ours {
		return arrow{h, f.Who}
	}
	return arrow{f.Who, h}
}

func (f *Refusal) words() string { return said("%s at %v: %s", word(f.Ours), f.Addr, f.Code) }

func word(ours bool) string {
	if ours {
		return "our frames were not read"
	}
	return "we could not read the frames of the one"
}

func duplicateID(m *matrix) []finding {
	var list []finding
	named := map[views.HostID]bool{}
	for _, r := range m.reports {
		for _, f := range r.Refusals {
			if f.Code != views.RefuseDuplicate || named[f.Who] {
				continue
			}
			named[f.Who] = true
			list = append(list, at(f.Who, said("%s says that a second process with this host id is at %v", r.Name, f.Addr)))
		}
	}
	return list
}

func duplicateAddress(m *matrix) []finding {
	var list []finding
	met := map[arrow]bool{}
	for _, r := range m.reports {
		for i := range r.Links {
			l := &r.Links[i]
			a := arrow{l.Peer, l.Twin}
			if l.Twin.IsZero() || met[a] || met[arrow{a.to, a.from}] {
				continue
			}
			met[a] = true
			list = append(list, between(a, said("%s gets frames of both from %v", r.Name, l.Addr)))
		}
	}
	return list
}

func advertiseWrong(m *matrix) []finding {
	var list []finding
	named := map[views.HostID]bool{}
	for _, r := range m.reports {
		for i := range r.Links {
			l := &r.Links[i]
			wrong := l.Source.IsValid() && l.Source != l.Addr && l.SourceAnswers && l.Small.Sent >= enough && l.Small.Answered == 0
			if wrong && !named[l.Peer] {
				named[l.Peer] = true
				list = append(list, at(l.Peer, said("%s sent %d questions to %v, as it says, and had no answer; %v, where its frames come from, answers",
					r.Name, l.Small.Sent, l.Addr, l.Source)))
			}
		}
	}
	return list
}

func noLoopback(m *matrix) []finding {
	var list []finding
	for _, r := range m.reports {
		if r.Multicast && r.Loop == Bad {
			list = append(list, at(r.Host, "what it sent to the multicast group did not come back to it"))
		}
	}
	return list
}

func starved(m *matrix) []finding {
	var list []finding
	for _, r := range m.reports {
		switch {
		case r.Paused >= Window:
			list = append(list, at(r.Host, said("it stood still for %v and runs again: it was stopped, or its machine was", r.Paused.Round(time.Millisecond))))
		case r.Paused >= pausedLeast:
			list = append(list, at(r.Host, said("it did not run for %v of the last %v", r.Paused.Round(time.Millisecond), Window)))
		}
	}
	return list
}

func diskSlow(m *matrix) []finding {
	var list []finding
	for _, r := range m.reports {
		if r.Synced >= syncedLeast {
			list = append(list, at(r.Host, said("a sync took %v", r.Synced.Round(time.Millisecond))))
		}
	}
	return list
}

// routerLost blames a router that answers nobody, and else the way there from each host
// that it does not answer.
func routerLost(m *matrix) []finding {
	var routers []netip.AddrPort
	by := map[netip.AddrPort][]*Report{}
	reporting := 0
	for _, r := range m.reports {
		if m.gone[r.Host] {
			continue
		}
		reporting++
		for _, a := range r.Lost {
			if by[a] == nil {
				routers = append(routers, a)
			}
			if !slices.Contains(by[a], r) {
				by[a] = append(by[a], r)
			}
		}
	}
	var list []finding
	for _, a := range routers {
		router := PlaceID(a)
		m.spots[router] = a
		if len(by[a]) == reporting {
			list = append(list, at(router, said("it answers none of %d that report", len(by[a]))))
			continue
		}
		for _, r := range by[a] {
			list = append(list, between(arrow{r.Host, router}, said("it does not answer %d of %d that report", len(by[a]), reporting)))
		}
	}
	return list
}

// clockOffset blames the host whose clock differs from most; of two, the later.
func clockOffset(m *matrix) []finding {
	off := map[arrow]time.Duration{}
	count := map[views.HostID]int{}
	for _, r := range m.reports {
		for i := range r.Links {
			l := &r.Links[i]
			if l.Error > 0 && l.Clock.Abs() > clockLeast+l.Error {
				off[arrow{r.Host, l.Peer}] = l.Clock
				count[r.Host]++
				count[l.Peer]++
			}
		}
	}
	var list []finding
	named := map[views.HostID]bool{}
	for _, r := range m.reports { // sorted: the verdicts do not depend on a map
		for i := range r.Links {
			a := arrow{r.Host, r.Links[i].Peer}
			d, found := off[a]
			if !found || count[a.from] > count[a.to] || count[a.from] == count[a.to] && a.to.Compare(a.from) < 0 && count[a.from] > 1 {
				continue
			}
			if named[a.to] || named[a.from] {
				continue
			}
			named[a.to] = true
			list = append(list, at(a.to, said("its clock is %v ahead of that of %s", d.Round(time.Millisecond), r.Name)))
		}
	}
	return list
}

func nameDiffers(m *matrix) []finding {
	first := map[string]*Report{}
	var list []finding
	for _, r := range m.reports {
		if m.gone[r.Host] {
			continue // others are not held to one of whom all is said
		}
		for _, n := range r.Names {
			if len(n.Addrs) == 0 {
				continue
			}
			o, met := first[n.Name]
			if !met {
				first[n.Name] = r
				continue
			}
			if before := addrsOf(o, n.Name); !slices.Equal(before, n.Addrs) {
				list = append(list, between(arrow{o.Host, r.Host}, said("%s is %v at %s and %v at %s", n.Name, before, o.Name, n.Addrs, r.Name)))
			}
		}
	}
	return list
}

func addrsOf(r *Report, name string) []netip.Addr {
	for _, n := range r.Names {
		if n.Name == name {
			return n.Addrs
		}
	}
	return nil
}

func nameUnresolved(m *matrix) []finding {
	var list []finding
	for _, r := range m.reports {
		for _, n := range r.Names {
			if len(n.Addrs) == 0 {
				list = append(list, at(r.Host, said("%s has no address there", n.Name)))
			}
		}
	}
	return list
}
