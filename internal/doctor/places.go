package doctor

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/gmsd/gmsd/views"
)

// PlaceID stands for whoever is at an address of which nothing else is known. It is the
// same at all hosts.
func PlaceID(at netip.AddrPort) views.HostID { return views.HostIDOf([]byte(at.String())) }

// withHosts gives the reports, one of each host and sorted by it, with the hosts that are
// at places, where any of them knows who is there: what two call by two names is one.
func withHosts(reports []Report) []Report {
	out := slices.Clone(reports)
	slices.SortStableFunc(out, func(a, b Report) int { return a.Host.Compare(b.Host) })
	out = slices.CompactFunc(out, func(a, b Report) bool { return a.Host == b.Host })
	at := map[netip.AddrPort]views.HostID{}
	note := func(a netip.AddrPort, h views.HostID) {
		if at[a].IsZero() {
			at[a] = h
		}
	}
	for i := range out { // each knows best where it is itself
		note(out[i].Addr, out[i].Host)
	}
	places := false
	for i := range out {
		for j := range out[i].Links {
			if l := &out[i].Links[j]; l.isPlace() {
				places = true
			} else {
				note(l.Addr, l.Peer)
			}
		}
	}
	for i := range out {
		if places {
			out[i] = out[i].withHosts(at)
		}
	}
	return out
}

// withHosts gives a report with the hosts that are at places. Who is elsewhere, as the
// report itself says, is not at a place on another one's word; and of whom it says more by
// name, what it says of the place goes: that was asked of nobody in particular.
func (r *Report) withHosts(at map[netip.AddrPort]views.HostID) Report {
	out := *r
	out.Links, out.Refusals = nil, slices.Clone(r.Refusals)
	is := map[views.HostID]netip.AddrPort{r.Host: {}}
	for i := range r.Links {
		if l := &r.Links[i]; !l.isPlace() {
			is[l.Peer] = l.Addr
		}
	}
	hostAt := func(a netip.AddrPort) (views.HostID, bool) {
		h := at[a]
		if here, known := is[h]; h.IsZero() || known && here != a {
			return h, false
		}
		is[h] = a
		return h, true
	}
	named := maps.Clone(is)
	for i := range r.Links {
		l := r.Links[i]
		if l.isPlace() {
			if h, found := hostAt(l.Addr); found {
				if _, twice := named[h]; twice {
					continue
				}
				l.Peer, l.Name = h, ""
			}
		}
		out.Links = append(out.Links, l)
	}
	for i := range out.Refusals {
		if f := &out.Refusals[i]; f.Who == PlaceID(f.Addr) {
			if h, found := hostAt(f.Addr); found {
				f.Who = h
			}
		}
	}
	return out
}

// isPlace reports whether of the other end of a link nothing is known but where it is.
func (l *Link) isPlace() bool { return !l.Member && l.Peer == PlaceID(l.Addr) }

// isNameless reports whether who reports a link does not know what the other end is called.
func (l *Link) isNameless() bool {
	return l.Name == "" || l.Name == l.Peer.Short() || l.Name == l.Addr.String()
}
