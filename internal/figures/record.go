package figures

import (
	"encoding/json"
	"io"
	"slices"
)

// Record is one figure of one run.
type Record struct {
	// Peer is the system measured, Cfg how it was set up, N its members.
	Peer string `json:"peer"`
	Cfg  string `json:"cfg"`
	N    int    `json:"n"`
	// Metric ends in the unit of Value.
	Metric string  `json:"metric"`
	Value  float64 `json:"value"`
	// Run counts from 1.
	Run int `json:"run"`
}

// Set is what was measured, in order.
type Set []Record

// Add keeps a figure of gmsd.
func (s *Set) Add(cfg string, n int, metric string, value float64, run int) {
	*s = append(*s, Record{"gmsd", cfg, n, metric, value, run})
}

// Values gives the figures of a metric, sorted; an empty cfg stands for any.
func (s Set) Values(cfg string, n int, metric string) []float64 {
	var out []float64
	for _, r := range s {
		if r.N == n && r.Metric == metric && (cfg == "" || r.Cfg == cfg) {
			out = append(out, r.Value)
		}
	}
	slices.Sort(out)
	return out
}

// Write writes the records, one JSON object a line.
func (s Set) Write(w io.Writer) error {
	encoder := json.NewEncoder(w)
	for _, r := range s {
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
	return nil
}
