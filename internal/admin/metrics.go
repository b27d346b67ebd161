package admin

import (
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// Metrics counts what the events of a host say, and asks the host for the rest
// when scraped. Its names are part of the outside face. It has a registry of
// its own: a program that embeds gmsd keeps its default one.
type Metrics struct {
	registry *prometheus.Registry

	changes    *prometheus.CounterVec
	phases     *prometheus.HistogramVec
	blocked    prometheus.Histogram
	suspicions *prometheus.CounterVec
	mistaken   prometheus.Counter
	refused    *prometheus.CounterVec

	clock changeClock
	// doubted are the hosts suspected now: a doubt taken back was a false one.
	doubted map[views.HostID]bool
}

// changeBuckets go from a fast LAN flush to a slow detection.
var changeBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// NewMetrics makes the metrics of a daemon of that version.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		changes:  counters("view_changes_total", "Views installed.", "reason"),
		phases:   histograms("view_change_seconds", "Duration of the phases of a view change at this host.", "phase", changeBuckets),
		blocked: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "gmsd_blocked_seconds", Help: "Time in which sending was stopped for a view change.", Buckets: changeBuckets,
		}),
		suspicions: counters("suspicions_total", "Suspicions raised at this host.", "detector"),
		mistaken: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gmsd_false_suspicions_total", Help: "Suspicions taken back.",
		}),
		refused: counters("admin_refused_total", "Requests and connections that the admin interface refused.", "why"),
		doubted: map[views.HostID]bool{},
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "gmsd_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()},
	})
	info.Set(1)
	m.registry.MustRegister(info, m.changes, m.phases, m.blocked, m.suspicions, m.mistaken, m.refused,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.zero()
	return m
}

// attach adds what is read from the host when scraped.
func (m *Metrics) attach(group Group, bodies *bodies) {
	m.registry.MustRegister(&scraped{group: group, bodies: bodies})
}

// Add adds metrics of other parts of the daemon, before [Server.Serve]. Their names
// must start with gmsd_ and stand in docs/OPERATING.md.
func (m *Metrics) Add(c prometheus.Collector) { m.registry.MustRegister(c) }

func counters(name, help, label string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gmsd_" + name, Help: help}, []string{label})
}

func histograms(name, help, label string, buckets []float64) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "gmsd_" + name, Help: help, Buckets: buckets}, []string{label})
}

// detectors are the names under which suspicions are raised (docs/EVENT_LOG.md).
var detectors = []string{"silence", "socket", "view", "quorum", "link", "pause", "flow", "challenge"}

// zero shows the series whose labels are known beforehand, so that a rate over
// the first event is not lost.
func (m *Metrics) zero() {
	for _, phase := range []string{"detect", "agree", "flush", "install", "total"} {
		m.phases.WithLabelValues(phase)
	}
	for _, why := range reasonsToRefuse {
		m.refused.WithLabelValues(why)
	}
	for _, detector := range detectors {
		m.suspicions.WithLabelValues(detector)
	}
	for reason := views.ReasonStart; reason.Valid(); reason++ {
		m.changes.WithLabelValues(reason.String())
	}
}

// refuse counts what was not let in.
func (m *Metrics) refuse(why string) { m.refused.WithLabelValues(why).Inc() }

// Observe takes the next event of the host. It is called by one goroutine.
func (m *Metrics) Observe(rec trace.Record) {
	switch ev := rec.Event.(type) {
	case trace.Install:
		m.changes.WithLabelValues(ev.Reason.String()).Inc()
		keepDoubts(m.doubted, ev.Members)
	case trace.Suspect:
		m.suspicions.WithLabelValues(ev.Detector).Inc()
		m.doubted[ev.Who] = true
	case trace.Trust:
		if m.doubted[ev.Who] {
			delete(m.doubted, ev.Who)
			m.mistaken.Inc()
		}
	}
	m.observeChange(rec)
}

func (m *Metrics) observeChange(rec trace.Record) {
	t, done := m.clock.observe(rec)
	if !done {
		return
	}
	m.blocked.Observe(t.Blocked)
	m.phases.WithLabelValues("agree").Observe(t.Agree)
	m.phases.WithLabelValues("flush").Observe(t.Flush)
	m.phases.WithLabelValues("install").Observe(t.Install)
	m.phases.WithLabelValues("total").Observe(t.Total)
	if t.Detect >= 0 {
		m.phases.WithLabelValues("detect").Observe(t.Detect)
	}
}

func (s *Server) handleMetrics(w http.ResponseWriter, r *http.Request) error {
	promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}).ServeHTTP(w, r)
	return nil
}
