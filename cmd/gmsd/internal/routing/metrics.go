package routing

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gmsd/gmsd/transport/gossip"
)

func desc(name, text string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("gmsd_router_"+name, text, labels, nil)
}

var (
	descMembers     = desc("members", "Members that are registered, at this router or at any of the mesh.", "at")
	descGroups      = desc("groups", "Groups with a member that is registered.")
	descConnections = desc("connections", "Connections of members and routers, and of those that have not greeted yet.", "kind")
	descQueued      = desc("queued_bytes", "Bytes that wait for members that take them more slowly than they come.")
	descFrames      = desc("frames_total", "Frames that were relayed, and those of them that went to another router.", "to")
	descBytes       = desc("relayed_bytes_total", "Bytes of the frames that were relayed.")
	descDropped     = desc("dropped_total", "Frames thrown away: for a slow member, with a connection, for nobody who is registered.", "reason")
	descRegistered  = desc("registrations_total", "Registrations, and those that ended without a sign of life.", "outcome")
	descRefused     = desc("refused_total", "Who was not let in, by reason.", "reason")
	descBroken      = desc("broken_total", "Connections on which something else came than members and routers say.", "when")
	descPeer        = desc("peer_connected", "1 where the other router is connected, 0 where it is not.", "peer")
)

// collector gives the figures of a router.
type collector struct{ s *gossip.Server }

// Describe is part of prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descMembers, descGroups, descConnections, descQueued, descFrames, descBytes, descDropped, descRegistered, descRefused, descBroken, descPeer,
	} {
		ch <- d
	}
}

// Collect is part of prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	f := c.s.Figures()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge(descMembers, float64(f.Here), "here")
	gauge(descMembers, float64(f.Held), "all")
	gauge(descGroups, float64(f.Groups))
	gauge(descConnections, float64(f.Connections), "greeted")
	gauge(descConnections, float64(f.Strangers), "stranger")
	gauge(descQueued, float64(f.QueuedBytes))
	count(descFrames, f.Relayed, "all")
	count(descFrames, f.Forwarded, "router")
	count(descBytes, f.RelayedBytes)
	count(descDropped, f.Shed, "queue")
	count(descDropped, f.Unsent, "unsent")
	count(descDropped, f.Unknown, "unknown")
	count(descRegistered, f.Registered, "registered")
	count(descRegistered, f.Expired, "expired")
	for reason, n := range f.Refused {
		count(descRefused, n, reason)
	}
	count(descRefused, f.StrangersFull, "strangers")
	count(descBroken, f.Broken, "later")
	count(descBroken, f.Greetings, "greeting")
	for _, r := range c.s.Routers() {
		if r.Self {
			continue
		}
		connected := 0.0
		if r.Connected {
			connected = 1
		}
		gauge(descPeer, connected, r.At)
	}
}
