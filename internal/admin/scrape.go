package admin

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
)

// scrapeTimeout bounds the one question a scrape asks the host's loop; what it
// does not answer in time is left out of the scrape.
const scrapeTimeout = time.Second

// scraped are the metrics that are read from the host when asked for.
type scraped struct {
	group  Group
	bodies *bodies
}

var (
	descViewSeq     = prometheus.NewDesc("gmsd_view_seq", "Seq of the current view.", nil, nil)
	descViewMembers = prometheus.NewDesc("gmsd_view_members", "Members of the current view.", nil, nil)
	descViewPrimary = prometheus.NewDesc("gmsd_view_primary", "1 while the current view is primary.", nil, nil)
	descViewEpoch   = prometheus.NewDesc("gmsd_view_epoch", "Epoch of the current view, 0 without one.", nil, nil)
	descBytes       = prometheus.NewDesc("gmsd_transport_bytes_total", "Bytes of frames.", []string{"dir", "kind"}, nil)
	descPackets     = prometheus.NewDesc("gmsd_transport_packets_total", "Frames.", []string{"dir", "kind"}, nil)
	descRetransmits = prometheus.NewDesc("gmsd_retransmits_total", "Packets sent again.", nil, nil)
	descFlow        = prometheus.NewDesc("gmsd_flow_blocked_seconds_total", "Time in which callers of send waited because too much of this host's waited to be sent.", nil, nil)
	descBacklog     = prometheus.NewDesc("gmsd_backlog_bytes", "What listeners and programs of this host have not read yet; from one window on the group sends less.", nil, nil)
	descSent        = prometheus.NewDesc("gmsd_messages_sent_total", "Messages sent by this host, changes of light groups included, which are agreed messages.", []string{"order"}, nil)
	descDelivered   = prometheus.NewDesc("gmsd_messages_delivered_total", "Messages delivered at this host, changes of light groups included, which are agreed messages.", []string{"order"}, nil)
	descDelivery    = prometheus.NewDesc("gmsd_delivery_seconds", "Time from the call that sends a message to its delivery at its sender; of all sends, and of a sample of the posts.", []string{"order"}, nil)
	descBound       = prometheus.NewDesc("gmsd_detection_bound_seconds", "Worst case until a silent member is suspected.", nil, nil)
	descWindow      = prometheus.NewDesc("gmsd_window_bytes", "What may be under way in the group altogether.", nil, nil)
	descRoom        = prometheus.NewDesc("gmsd_room_bytes", "What the slowest member lets be under way: the window while nobody is slow, 0 while the group waits.", nil, nil)
	descSlow        = prometheus.NewDesc("gmsd_slow_receiver", "1 for the member whose programs do not keep up, so that the group sends less; absent while nobody is slow.", []string{"peer"}, nil)
	descBacklogMax  = prometheus.NewDesc("gmsd_backlog_limit_bytes", "From how much backlog of one host on the group sends nothing.", nil, nil)
	descOutbox      = prometheus.NewDesc("gmsd_outbox_bytes", "What programs and callers of this host want sent and the protocol has not taken yet, without messages above 2 MiB.", nil, nil)
	descOutboxMax   = prometheus.NewDesc("gmsd_outbox_limit_bytes", "How much gmsd_outbox_bytes may be before senders wait.", nil, nil)
	descBodies      = prometheus.NewDesc("gmsd_admin_body_bytes", "Messages in the hands of admin requests.", nil, nil)
	descBodiesMax   = prometheus.NewDesc("gmsd_admin_body_limit_bytes", "How much gmsd_admin_body_bytes may be before requests get code full.", nil, nil)
	descCut         = prometheus.NewDesc("gmsd_listeners_cut_total", "Listeners and programs cut because they did not read while the group waited for them.", nil, nil)
	descPorts       = prometheus.NewDesc("gmsd_ports", "Programs of this host with a way into light groups.", nil, nil)
	descGroups      = prometheus.NewDesc("gmsd_light_groups", "Light groups with a program of this host in them.", nil, nil)
	descStates      = prometheus.NewDesc("gmsd_state_transfers", "Transfers of an application's state under way at this host.", []string{"role"}, nil)
	descSealed      = prometheus.NewDesc("gmsd_sealed", "1 where frames are sealed, 0 with insecure-lab.", nil, nil)
	descRotating    = prometheus.NewDesc("gmsd_keys_rotating", "1 while not all members are as far with the keys as this host.", nil, nil)
	descDropped     = prometheus.NewDesc("gmsd_dropped_total", "Input and output thrown away.", []string{"reason"}, nil)
)

// Describe is part of prometheus.Collector.
func (s *scraped) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descViewSeq, descViewMembers, descViewPrimary, descViewEpoch, descBytes, descPackets, descRetransmits, descFlow, descBacklog,
		descWindow, descRoom, descSlow, descBacklogMax, descOutbox, descOutboxMax, descBodies, descBodiesMax, descCut, descPorts, descGroups, descStates,
		descSent, descDelivered, descDelivery, descBound, descRTT, descMTU, descSealed, descRotating, descDropped,
		descKnown, descAbsent, descAlone, descDeaf, descRouter,
	} {
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
	ch <- prometheus.MustNewConstMetric(descFlow, prometheus.CounterValue, stats.FlowBlocked.Seconds())
	s.collectBuffers(ch, &stats)
	for order := range views.OrderEnd {
		ch <- deliveries(&stats.Deliveries[order], order.String())
	}
	drops := map[string]uint64{"send-error": stats.SendErrors, "receive-error": stats.ReceiveErrors}
	stats.Transport.EachDropped(func(reason transport.Drop, n uint64) { drops[reason.String()] += n })
	s.collectEngine(ch, drops)
	for reason, n := range drops {
		ch <- prometheus.MustNewConstMetric(descDropped, prometheus.CounterValue, float64(n), reason)
	}
}

// collectEngine asks the loop, and adds the engine's drops to those given.
func (s *scraped) collectEngine(ch chan<- prometheus.Metric, drops map[string]uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	status, err := s.group.Status(ctx)
	if err != nil {
		return
	}
	collectMessaging(ch, &status)
	collectDiscovery(ch, &status)
	e := &status.Engine
	ch <- prometheus.MustNewConstMetric(descRetransmits, prometheus.CounterValue, float64(e.Counters.Retransmits))
	for order := range views.OrderEnd {
		ch <- prometheus.MustNewConstMetric(descSent, prometheus.CounterValue, float64(e.Counters.Sent[order]), order.String())
		ch <- prometheus.MustNewConstMetric(descDelivered, prometheus.CounterValue, float64(e.Counters.Delivered[order]), order.String())
	}
	ch <- prometheus.MustNewConstMetric(descBound, prometheus.GaugeValue, e.DetectionBound.Seconds())
	collectLinks(ch, e)
	collectVerdicts(ch, status.Verdicts)
	for _, d := range e.Drops {
		drops[d.Reason] += d.Count
	}
}

// collectMessaging tells of what waits, for whom, and of the light groups.
func collectMessaging(ch chan<- prometheus.Metric, st *gms.Status) {
	f := statusFlow(st)
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(descRoom, float64(f.RoomBytes))
	if f.Slow != nil {
		gauge(descSlow, 1, f.Slow.Name)
	}
	gauge(descSealed, oneIf(st.Engine.Keys.Sealed))
	gauge(descRotating, oneIf(st.Engine.Keys.Rotating))
	gauge(descPorts, float64(st.Ports))
	gauge(descGroups, float64(st.Groups))
	gauge(descStates, float64(f.StatesGiven), "donor")
	gauge(descStates, float64(f.StatesTaken), "joiner")
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// collectBuffers tells of the bytes that wait here, and how many may.
func (s *scraped) collectBuffers(ch chan<- prometheus.Metric, stats *gms.Stats) {
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	gauge(descWindow, float64(stats.Window))
	gauge(descBacklog, float64(stats.Backlog))
	gauge(descBacklogMax, float64(gms.BacklogWindows*stats.Window))
	gauge(descOutbox, float64(stats.Outbox))
	gauge(descOutboxMax, gms.OutboxTotal)
	gauge(descBodies, float64(s.bodies.bytes.Load()))
	gauge(descBodiesMax, bodiesMax)
	ch <- prometheus.MustNewConstMetric(descCut, prometheus.CounterValue, float64(stats.ListenersCut))
}

// deliveries turns what the host counted, each within its own bucket, into a
// histogram, whose buckets hold all up to their bound.
func deliveries(d *gms.Deliveries, order string) prometheus.Metric {
	buckets := make(map[float64]uint64, len(gms.DeliveryBounds))
	upTo := uint64(0)
	for i, bound := range gms.DeliveryBounds {
		if i < len(d.Buckets) { // none before the first
			upTo += d.Buckets[i]
		}
		buckets[bound.Seconds()] = upTo
	}
	return prometheus.MustNewConstHistogram(descDelivery, d.Count, d.Sum.Seconds(), buckets, order)
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
