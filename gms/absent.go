package gms

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
)

// AbsentHost is a host that this one knows of and that is not in the view: what the
// members are told it does not hear.
type AbsentHost struct {
	// Host and Name are zero where only an address is known, which Source names:
	// peers, peers-file, peers-dns or routers.
	Host   views.HostID
	Name   string
	Addr   netip.AddrPort
	Source string
	// Seen is when this host was with it last; zero: not known.
	Seen time.Time
}

// absentHosts are those that this host was with before, the one seen last first, and
// behind them the addresses at which others should be. Who was expelled is not missed.
func (l *loop) absentHosts(barred []views.HostID) []AbsentHost {
	s, view := &l.seeker, l.view()
	if s.layers == nil {
		return nil
	}
	var out []AbsentHost
	for _, r := range s.cache.Records() {
		if view.Rank(r.Host) < 0 && !slices.Contains(barred, r.Host) {
			out = append(out, AbsentHost{Host: r.Host, Name: r.Name, Addr: r.Addr, Source: s.cache.Name(), Seen: r.Seen})
		}
	}
	for _, p := range l.vacancies() {
		out = append(out, AbsentHost{Addr: p.addr, Source: p.source})
	}
	return out
}
