package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/gmsd/gmsd/internal/figures"
	"github.com/gmsd/gmsd/internal/netlab"
)

// bar is what a figure must reach and what it aims at; 0 is none. Falling
// figures are good unless atLeast.
type bar struct {
	n        int
	metric   string
	what     string
	bar, aim float64
	atLeast  bool
	// zero: nothing else is good.
	zero bool
}

// bars has the rows of the table, in its order. A metric that is not here is
// printed below, without a bar.
var bars = []bar{
	{n: 5, metric: "form_all_ms", what: "5 hosts at once, last start to one view", bar: 300},
	{n: 5, metric: "form_views_host", what: "  views installed a host, at most", bar: 3},
	{n: 16, metric: "form_all_ms", what: "16 hosts at once", bar: 500},
	{n: 16, metric: "form_views_host", what: "  views installed a host, at most", bar: 3},
	{n: 5, metric: "join_all_ms", what: "one joins 5: its process there to last view", bar: 50, aim: 15},
	{n: 5, metric: "join_spoken_ms", what: "  the same from its first log line"},
	{n: 5, metric: "leave_all_ms", what: "graceful leave of 1 of 5", bar: 10, aim: 3},
	{n: 5, metric: "kill9_member_all_ms", what: "kill -9 of a member of 5", bar: 250, aim: 50},
	{n: 5, metric: "kill9_coordinator_all_ms", what: "kill -9 of the coordinator of 5", bar: 250, aim: 50},
	{n: 5, metric: "blackhole_all_s", what: "black hole at 1 of 5", bar: 2.5, aim: 1.5},
	{n: 5, metric: "sigstop_all_s", what: "SIGSTOP of 1 of 5", bar: 2.5, aim: 1.5},
	{n: 5, metric: "heal_all_ms", what: "heal of 3/2 to one merge view", bar: 1000},
	{n: 5, metric: "idle_cpu_pct", what: "at rest: % of a core a host", bar: 0.3},
	{n: 5, metric: "idle_rss_mib", what: "at rest: resident MiB a host", bar: 25},
	{n: 5, metric: "idle_sent_bytes_s", what: "at rest: IP bytes a second sent a host"},
	{n: 5, metric: "doctor_sent_bytes_s", what: "  of these for the doctor: looks and tests of paths", bar: 1000},
	{n: 5, metric: "undoctored_sent_bytes_s", what: "  and without them", bar: 900},
	{n: 5, metric: "doctor_cpu_pct", what: "  the doctor: % of a core", bar: 0.2},
	{n: 5, metric: "standing_doctor_sent_bytes_s", what: "the doctor, with a path that has swallowed long packets for minutes, bytes a second and host"},
	{n: 5, metric: "standing_undoctored_sent_bytes_s", what: "  and the group without it"},
	{n: 5, metric: "standing_doctor_cpu_pct", what: "  % of a core"},
	{n: 4, metric: "sealing_cost_pct", what: "sealing: % of agreed throughput at 1 kB, 4 senders", bar: 15},
	{n: 100, metric: "form_all_s", what: "100 hosts in one process, last start to one view", bar: 0.5},
	{n: 100, metric: "form_first_s", what: "  the same from the first start"},
	{n: 100, metric: "form_views_host", what: "  views installed a host, at most", bar: 4},
	{n: 300, metric: "form_all_s", what: "300 hosts in one process, last start to one view", bar: 2},
	{n: 300, metric: "form_first_s", what: "  the same from the first start"},
	{n: 300, metric: "form_views_host", what: "  views installed a host, at most", bar: 4},
	{n: 5, metric: "sim_hours_cpu_min", what: "simulated cluster-hours a CPU-minute", bar: 17, aim: 50, atLeast: true},
	{n: 5, metric: "sim_inputs_cpu_s", what: "  inputs handled a CPU-second"},
	{n: 5, metric: "sim_views_seed", what: "  views a seed"},
	{n: 5, metric: "sim_messages_seed", what: "  messages a seed"},
	{n: 5, metric: "turmoil_false_positives", what: "20 % loss, reorder, duplicates: false removals", bar: 0},
	{n: 5, metric: "turmoil_blackhole_all_s", what: "  black hole meanwhile", bar: 2.5},
	{n: 5, metric: "sigstop1_false_positives", what: "SIGSTOP of 1 s: removals", bar: 0},
}

// add keeps a figure.
func (b *bench) add(cfg string, n int, metric string, value float64, run int) {
	b.records.Add(cfg, n, metric, value, run)
	if b.verbose {
		fmt.Fprintf(os.Stderr, "  n=%d %s = %.4g\n", n, metric, value)
	}
}

// table draws what was measured beside its bars.
func (b *bench) table() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "figure\tbar\taim\tmedian (min-max)\truns\t")
	known := map[string]bool{}
	for _, row := range slices.Concat(bars, attackBars()) {
		known[fmt.Sprint(row.n, row.metric)] = true
		if v := b.records.Values("", row.n, row.metric); len(v) > 0 {
			b.routed(row).print(w, v)
		}
	}
	for _, r := range b.records {
		if key := fmt.Sprint(r.N, r.Metric); !known[key] {
			known[key] = true
			bar{what: fmt.Sprintf("%s, n=%d", r.Metric, r.N)}.print(w, b.records.Values("", r.N, r.Metric))
		}
	}
	for _, m := range b.missing {
		fmt.Fprintf(w, "%s\t\t\tno figure\t\tMISSED\n", m)
	}
	_ = w.Flush() // into memory
	return text.String()
}

// routed gives a bar as it is for hosts that find each other by routers: half as much more
// for times, and for what is spent at rest.
func (b *bench) routed(row bar) bar {
	if b.transport == "router" || b.transport == netlab.Relay {
		if strings.Contains(row.metric, "_all_") || strings.HasPrefix(row.metric, "idle_") {
			row.bar *= 1.5
		}
	}
	return row
}

func (row bar) print(w *tabwriter.Writer, sorted []float64) {
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", row.what, row.limit(row.bar), row.limit(row.aim),
		figures.Spread(sorted), len(sorted), row.verdict(figures.Median(sorted)))
}

// limit draws a bar or an aim.
func (row bar) limit(x float64) string {
	mustBeZero := row.zero || strings.HasSuffix(row.metric, "false_positives")
	switch {
	case x == 0 && !mustBeZero:
		return ""
	case x == 0:
		return "0"
	case row.atLeast:
		return ">= " + figures.Digits(x)
	}
	return "<= " + figures.Digits(x)
}

func (row bar) verdict(median float64) string {
	switch {
	case row.limit(row.bar) == "":
		return ""
	case row.atLeast && median < row.bar, !row.atLeast && median > row.bar:
		return "MISSED"
	case row.aim != 0 && (row.atLeast && median >= row.aim || !row.atLeast && median <= row.aim):
		return "ok, aim reached"
	}
	return "ok"
}

// writeRecords writes the records where -json says.
func (b *bench) writeRecords() error {
	if b.json == "" {
		return nil
	}
	out := os.Stdout
	if b.json != "-" {
		f, err := os.Create(b.json)
		if err != nil {
			return err
		}
		defer f.Close()
		out = f
	}
	return b.records.Write(out)
}
