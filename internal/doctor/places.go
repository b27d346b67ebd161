package doctor

import (
	"net/netip"
	"slices"

	"github.com/gmsd/gmsd/views"
)

// PlaceID stands for whoever is at an address of which nothing else is known. It is the
// same at all hosts.
func PlaceID(at netip.AddrPort) views.HostID { return views.HostIDOf([]byte(at.String())) }

// withHosts gives the reports with the hosts that are at places, where any of them knows
// who is there: what two call by two names is one.
func withHosts(reports []Report) []Report {
	at := map[netip.AddrPort]views.HostID{}
	places := false
	for i := range reports {
		r := &reports[i]
		at[r.Addr] = r.Host
		for j := range r.Links {
			switch l := &r.Links[j]; {
			case l.isPlace():
				places = true
			case !at[l.Addr].IsZero():
			default:
				at[l.Addr] = l.Peer
			}
		}
	}
	if !places {
		return reports
	}
	out := slices.Clone(reports)
	for i := range out {
		out[i].Links, out[i].Refusals = slices.Clone(out[i].Links), slices.Clone(out[i].Refusals)
		for j := range out[i].Links {
			if l := &out[i].Links[j]; l.isPlace() && !at[l.Addr].IsZero() {
				l.Peer, l.Name = at[l.Addr], ""
			}
		}
		for j := range out[i].Refusals {
			if f := &out[i].Refusals[j]; f.Who == PlaceID(f.Addr) && !at[f.Addr].IsZero() {
				f.Who = at[f.Addr]
			}
		}
	}
	return out
}

// isPlace reports whether of the other end of a link nothing is known but where it is.
func (l *Link) isPlace() bool { return !l.Member && l.Peer == PlaceID(l.Addr) }
