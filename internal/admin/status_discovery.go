package admin

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/views"
)

// StatusDiscovery says where this host looks for others.
type StatusDiscovery struct {
	// Sources are the layers, with what keeps each from knowing more.
	Sources []StatusSource `json:"sources"`
	// Known counts the addresses known, Absent those at which no member is; Sought
	// names the first of those.
	Known  int            `json:"known"`
	Absent int            `json:"absent"`
	Sought []StatusSought `json:"sought"`
	// AloneSeconds is for how long this host has been alone though it was with
	// others before; 0: it is not so.
	AloneSeconds float64 `json:"aloneSeconds"`
	// MulticastDeaf are the members with whom multicast does not work, though
	// unicast does; what is for all goes to them by unicast.
	MulticastDeaf []StatusDeaf `json:"multicastDeaf"`
	// Routers are the gossip routers, with the transport of that name.
	Routers []StatusRouter `json:"routers,omitempty"`
}

// StatusRouter is a gossip router, as seen from this host. Seconds is for how long it
// has been connected, or has not; Relays: it carries frames just now.
type StatusRouter struct {
	Router    string  `json:"router"`
	Connected bool    `json:"connected"`
	Seconds   float64 `json:"seconds"`
	Members   int     `json:"members"`
	Relays    bool    `json:"relays"`
	Trouble   string  `json:"trouble,omitempty"`
}

// StatusSource is one layer.
type StatusSource struct {
	Name      string `json:"name"`
	Addresses int    `json:"addresses"`
	Trouble   string `json:"trouble,omitempty"`
}

// StatusSought is an address at which a host may be that is not in the view.
type StatusSought struct {
	Addr string        `json:"addr"`
	By   []StatusNamed `json:"by"`
}

// StatusNamed is what one source says of it. At is empty where it was written there.
type StatusNamed struct {
	Source string `json:"source"`
	Why    string `json:"why"`
	At     string `json:"at,omitempty"`
}

// StatusDeaf is a member with whom multicast does not work. Unheard: its multicast
// does not reach this host. Deaf: this host's does not reach it.
type StatusDeaf struct {
	Host    views.HostID `json:"host"`
	Name    string       `json:"name"`
	Unheard bool         `json:"unheard"`
	Deaf    bool         `json:"deaf"`
}

func statusDiscovery(st *gms.Status) StatusDiscovery {
	d := &st.Discovery
	out := StatusDiscovery{
		Known: d.Known, Absent: d.Absent, AloneSeconds: d.Alone.Seconds(),
		Sources: []StatusSource{}, Sought: []StatusSought{}, MulticastDeaf: []StatusDeaf{},
	}
	for _, l := range d.Layers {
		out.Sources = append(out.Sources, StatusSource(l))
	}
	for _, a := range d.Sought {
		s := StatusSought{Addr: a.Addr.String()}
		for _, n := range a.By {
			named := StatusNamed{Source: n.Source, Why: n.Why}
			if !n.At.IsZero() {
				named.At = n.At.UTC().Format(time.RFC3339)
			}
			s.By = append(s.By, named)
		}
		out.Sought = append(out.Sought, s)
	}
	for _, m := range st.Engine.OutOfEarshot {
		out.MulticastDeaf = append(out.MulticastDeaf, StatusDeaf(m))
	}
	for _, r := range st.Routers {
		out.Routers = append(out.Routers, StatusRouter{
			Router: r.Router, Connected: r.Connected, Seconds: r.Since.Seconds(), Members: r.Members, Relays: r.Relays, Trouble: r.Trouble,
		})
	}
	return out
}

var (
	descKnown  = prometheus.NewDesc("gmsd_known_peers", "Addresses at which other hosts may be, by list, file, DNS and what is remembered.", nil, nil)
	descAbsent = prometheus.NewDesc("gmsd_known_peers_absent", "Of those, at how many no member of the view is.", nil, nil)
	descAlone  = prometheus.NewDesc("gmsd_alone_seconds", "For how long this host has been alone though it was with others before; 0: it is not so.", nil, nil)
	descDeaf   = prometheus.NewDesc("gmsd_multicast_deaf", "Members with whom multicast does not work, though unicast does, one way or both.", nil, nil)
	descRouter = prometheus.NewDesc("gmsd_router_connected", "1 where this host is registered at the gossip router, 0 where it is not.", []string{"router"}, nil)
)

func collectDiscovery(ch chan<- prometheus.Metric, st *gms.Status) {
	d := &st.Discovery
	gauge := func(desc *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, v)
	}
	gauge(descKnown, float64(d.Known))
	gauge(descAbsent, float64(d.Absent))
	gauge(descAlone, d.Alone.Seconds())
	gauge(descDeaf, float64(len(st.Engine.OutOfEarshot)))
	for _, r := range st.Routers {
		connected := 0.0
		if r.Connected {
			connected = 1
		}
		ch <- prometheus.MustNewConstMetric(descRouter, prometheus.GaugeValue, connected, r.Router)
	}
}
