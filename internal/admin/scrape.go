package admin

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gmsd/gmsd/transport"
)

// scraped are the metrics that are read from the host when asked for.
type scraped struct {
	group Group
	drops *dropCount
}

var (
	descViewSeq     = prometheus.NewDesc("gmsd_view_seq", "Seq of the current view.", nil, nil)
	descViewMembers = prometheus.NewDesc("gmsd_view_members", "Members of the current view.", nil, nil)
	descViewPrimary = prometheus.NewDesc("gmsd_view_primary", "1 while the current view is primary.", nil, nil)
	descViewEpoch   = prometheus.NewDesc("gmsd_view_epoch", "Epoch of the current view, 0 without one.", nil, nil)
	descBytes       = prometheus.NewDesc("gmsd_transport_bytes_total", "Bytes of frames.", []string{"dir", "kind"}, nil)
	descPackets     = prometheus.NewDesc("gmsd_transport_packets_total", "Frames.", []string{"dir", "kind"}, nil)
	descDropped     = prometheus.NewDesc("gmsd_dropped_total", "Input and output thrown away.", []string{"reason"}, nil)
)

// Describe is part of prometheus.Collector.
func (s *scraped) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descViewSeq, descViewMembers, descViewPrimary, descViewEpoch, descBytes, descPackets, descDropped} {
		ch <- d
	}
}

// Collect is part of prometheus.Collector.
func (s *scraped) Collect(ch chan<- prometheus.Metric) {
	s.collectView(ch)
	stats := s.group.Stats()
	stats.Transport.Each(func(dir, kind string, t transport.Traffic) {
		ch <- prometheus.MustNewConstMetric(descBytes, prometheus.CounterValue, float64(t.Bytes), dir, kind)
		ch <- prometheus.MustNewConstMetric(descPackets, prometheus.CounterValue, float64(t.Packets), dir, kind)
	})
	drops := s.drops.snapshot()
	stats.Transport.EachDropped(func(reason transport.Drop, n uint64) { drops[reason.String()] += n })
	drops["send-error"] += stats.SendErrors
	drops["receive-error"] += stats.ReceiveErrors
	for reason, n := range drops {
		ch <- prometheus.MustNewConstMetric(descDropped, prometheus.CounterValue, float64(n), reason)
	}
}

func (s *scraped) collectView(ch chan<- prometheus.Metric) {
	var seq, members float64
	if v := s.group.View().View; v != nil {
		seq, members = float64(v.ID.Seq), float64(v.Size())
	}
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	gauge(descViewSeq, seq)
	gauge(descViewMembers, members)
	gauge(descViewPrimary, 0) // nothing is primary before there is a cluster
	gauge(descViewEpoch, 0)
}

// dropCount adds up what drop events say. The reasons are the engine's own
// words; reasonsMax is there so that a mistake cannot become a flood of series.
type dropCount struct {
	mu     sync.Mutex
	counts map[string]uint64
}

const reasonsMax = 64

func (d *dropCount) add(reason string, n uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.counts == nil {
		d.counts = map[string]uint64{}
	}
	if _, known := d.counts[reason]; !known && len(d.counts) >= reasonsMax {
		reason = "other"
	}
	d.counts[reason] += n
}

func (d *dropCount) snapshot() map[string]uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make(map[string]uint64, len(d.counts))
	for reason, n := range d.counts {
		out[reason] = n
	}
	return out
}
