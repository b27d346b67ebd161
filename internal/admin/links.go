package admin

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
)

var (
	descRTT       = prometheus.NewDesc("gmsd_link_rtt_seconds", "Smoothed round trip to a member.", []string{"peer"}, nil)
	descMTU       = prometheus.NewDesc("gmsd_link_mtu_bytes", "Longest IP packet seen to reach a member in one piece; as the kernel says where none is measured.", []string{"peer"}, nil)
	descLoss      = prometheus.NewDesc("gmsd_link_loss_ratio", "Share of what a member said to all in the last ten seconds that did not come here.", []string{"peer"}, nil)
	descDiagnosis = prometheus.NewDesc("gmsd_diagnosis", "1 for each named cause of what is wrong between hosts, as gmsd doctor would say.", []string{"cause", "from", "to"}, nil)
)

// lossLeast is how many frames it takes to tell a share that is lost.
const lossLeast = 20

// collectLinks tells of the ways to the members.
func collectLinks(ch chan<- prometheus.Metric, e *engine.Status) {
	if e.View == nil {
		return
	}
	observed := make(map[views.HostID]time.Duration, len(e.Subjects))
	for i := range e.Subjects {
		observed[e.Subjects[i].Host] = e.Subjects[i].RTT
	}
	told := map[string]bool{} // a name that stands twice must not spoil the scrape
	for i := range e.Links {
		k := &e.Links[i]
		rank := e.View.Rank(k.Host)
		if !k.Member || rank < 0 || told[e.View.Members[rank].Name] {
			continue
		}
		told[e.View.Members[rank].Name] = true
		collectLink(ch, k, observed[k.Host], e.View.Members[rank].Name)
	}
}

// collectLink tells of one, of which the detector may have measured the round trip.
func collectLink(ch chan<- prometheus.Metric, k *engine.LinkStatus, rtt time.Duration, name string) {
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, name)
	}
	if rtt == 0 {
		rtt = k.RTT
	}
	if rtt > 0 {
		gauge(descRTT, rtt.Seconds())
	}
	if k.Fits > 0 {
		gauge(descMTU, float64(k.Fits+headersIPv4))
	} else if mtu, err := transport.PathMTU(k.Addr); err == nil {
		gauge(descMTU, float64(mtu))
	}
	if all := k.Numbered + k.Lost; all >= lossLeast {
		gauge(descLoss, float64(k.Lost)/float64(all))
	}
}

// collectVerdicts tells what is wrong.
func collectVerdicts(ch chan<- prometheus.Metric, list []gms.Verdict) {
	told := map[[3]string]bool{}
	for _, v := range list {
		labels := [3]string{v.Cause, v.From.Name, v.To.Name}
		if !told[labels] {
			told[labels] = true
			ch <- prometheus.MustNewConstMetric(descDiagnosis, prometheus.GaugeValue, 1, labels[:]...)
		}
	}
}
