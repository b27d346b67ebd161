package gms

import (
	"net/netip"
	"time"

	"github.com/gmsd/gmsd/discovery"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/router"
	"github.com/gmsd/gmsd/views"
)

// Router is how a gossip router fares, as seen from this host.
type Router struct {
	// Router is it as configured.
	Router string
	// Addr is where it was tried last; zero: its name means nothing yet.
	Addr netip.AddrPort
	// Connected: this host is registered there. Since is for how long that is so, or not.
	Connected bool
	Since     time.Duration
	// Members counts the other hosts registered there.
	Members int
	// Relays: it carries frames just now, for members without a way of their own.
	Relays bool
	// Trouble is what keeps it from working; empty: nothing.
	Trouble string
}

// openRouter makes the transport by way of routers. Whom they name is sought.
func (a *assembly) openRouter(advertise netip.AddrPort) (transport.Transport, error) {
	given := discovery.NewGiven(sourceRouters)
	t, err := router.Open(router.Config{
		Direct: a.tcp(advertise), Routers: a.cfg.Routers, Identity: a.identity,
		Found: func(addrs []netip.AddrPort, trouble string) {
			found := make([]discovery.Found, len(addrs))
			for i, addr := range addrs {
				found[i] = discovery.Found{Addr: addr, Why: "registered at a router", At: time.Now()}
			}
			given.Set(found, trouble)
		},
	})
	if err != nil {
		return nil, err
	}
	a.loop.seeker.given, a.host.routers = given, t
	return t, nil
}

// nameMembers tells the transport by way of routers who is where: what outsiders claim of
// the addresses of members counts for nothing there.
func (h *Host) nameMembers(v *views.View) {
	if h.routers == nil {
		return
	}
	members := make([]transport.Target, len(v.Members))
	for i := range v.Members {
		members[i] = transport.Target{Process: v.Members[i].Process, Addr: v.Members[i].Addr}
	}
	h.routers.SetMembers(members)
}

// sourceRouters is what the addresses are called that routers name.
const sourceRouters = "routers"

// routerPatience is how long a router may be lost before the doctor is told.
const routerPatience = 3 * time.Second

// lostRouters are those that have not answered for a while.
func (h *Host) lostRouters() []netip.AddrPort {
	var lost []netip.AddrPort
	for _, r := range h.Routers() {
		if !r.Connected && r.Since > routerPatience && r.Addr.IsValid() {
			lost = append(lost, r.Addr)
		}
	}
	return lost
}

// Routers gives the routers of the configuration, none with another transport.
func (h *Host) Routers() []Router {
	if h.routers == nil {
		return nil
	}
	var out []Router
	for _, s := range h.routers.Routers() {
		r := Router{Router: s.Router, Addr: s.Addr, Connected: s.Connected, Members: s.Members, Relays: s.Relays, Trouble: s.Trouble}
		if !s.Since.IsZero() {
			r.Since = time.Since(s.Since)
		}
		out = append(out, r)
	}
	return out
}
