package router

import (
	"net/netip"
	"time"
)

// Status is how a router fares, as seen from here.
type Status struct {
	// Router is it as configured.
	Router string
	// Addr is where it was tried last; the zero AddrPort: its name means nothing yet.
	Addr netip.AddrPort
	// Connected: this host is registered there. Since is since when that is so, or not
	// so; zero: it was not tried yet.
	Connected bool
	Since     time.Time
	// Heard is when it last said something; zero where it is not connected.
	Heard time.Time
	// Members counts who is registered in the group there, without this host.
	Members int
	// Relays: frames went through it within the last seconds.
	Relays bool
	// Trouble is what keeps it from being connected.
	Trouble string
}

// Routers gives all, in the order of the configuration. Any goroutine may ask.
func (t *Transport) Routers() []Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	out := make([]Status, 0, len(t.lines))
	for _, l := range t.lines {
		s := Status{Router: l.place.String(), Since: l.since, Trouble: l.trouble, Addr: l.at}
		if w := l.up; w != nil {
			s.Connected, s.Members = true, len(w.entries)
			s.Heard = w.source.HeardAt()
			s.Relays = w.inUse(now)
			if w.doubtful(now) {
				s.Trouble = "it does not answer"
			}
		}
		out = append(out, s)
	}
	return out
}
