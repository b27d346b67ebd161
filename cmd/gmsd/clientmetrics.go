package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gmsd/gmsd/internal/clients"
)

// clientMetrics are those of the programs on the clients' socket, read when scraped.
type clientMetrics struct{ stats func() clients.Stats }

var (
	descClients         = prometheus.NewDesc("gmsd_clients", "Programs connected to the clients' socket.", nil, nil)
	descClientsAccepted = prometheus.NewDesc("gmsd_clients_accepted_total", "Connections to the clients' socket.", nil, nil)
	descClientFrames    = prometheus.NewDesc("gmsd_client_frames_total", "Frames from programs (in) and to them (out).", []string{"dir"}, nil)
	descClientBytes     = prometheus.NewDesc("gmsd_client_bytes_total", "Bytes from programs (in) and to them (out).", []string{"dir"}, nil)
	descClientErrors    = prometheus.NewDesc("gmsd_client_errors_total", "Connections of programs ended by an error frame, by its code.", []string{"code"}, nil)
	descClientLarge     = prometheus.NewDesc("gmsd_client_large_bytes", "Unfinished long messages of all programs.", nil, nil)
	descClientLargeMax  = prometheus.NewDesc("gmsd_client_large_limit_bytes", "How much gmsd_client_large_bytes may be before long messages wait.", nil, nil)
)

// Describe is part of prometheus.Collector.
func (m clientMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descClients, descClientsAccepted, descClientFrames, descClientBytes, descClientErrors, descClientLarge, descClientLargeMax,
	} {
		ch <- d
	}
}

// Collect is part of prometheus.Collector.
func (m clientMetrics) Collect(ch chan<- prometheus.Metric) {
	s := m.stats()
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge(descClients, float64(s.Clients))
	count(descClientsAccepted, s.Accepted)
	count(descClientFrames, s.FramesIn, "in")
	count(descClientFrames, s.FramesOut, "out")
	count(descClientBytes, s.BytesIn, "in")
	count(descClientBytes, s.BytesOut, "out")
	for code, n := range s.Errors {
		count(descClientErrors, n, code)
	}
	gauge(descClientLarge, float64(s.LargeBytes))
	gauge(descClientLargeMax, float64(s.LargeMax))
}
