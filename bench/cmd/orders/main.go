package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/bench/internal/orders"
	"github.com/gmsd/gmsd/internal/figures"
)

const (
	hosts = 4
	// rate is in messages a second, of all senders; rateSize their length.
	rate, rateSize = 1000, 100
	// warmUp is the part of a window that goes before it.
	warmUp = 5
)

func main() {
	runs := flag.Int("runs", 5, "`N` runs; each measures all ways, one after another, under each load")
	var o orders.Options
	flag.DurationVar(&o.Window, "window", 2*time.Second, "how long a load is measured")
	flag.IntVar(&o.PacketMax, "packet", 60_000, "the longest packet in `BYTES`; one message has room anyway")
	flag.Parse()
	o.Hosts, o.WarmUp = hosts, o.Window/warmUp
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	set, err := measure(ctx, o, *runs)
	if err := errors.Join(err, table(os.Stdout, set), set.Write(os.Stdout)); err != nil {
		fmt.Fprintln(os.Stderr, "orders:", err)
		os.Exit(1)
	}
}

// loads are what is measured, in the order of the table; the last is idle.
func loads() (all []orders.Load) {
	for _, size := range []int{100, 1024, 8192} {
		all = append(all, orders.Load{Senders: 1, Size: size}, orders.Load{Senders: hosts, Size: size})
	}
	for _, senders := range []int{1, hosts} {
		all = append(all, orders.Load{Senders: senders, Size: rateSize, Rate: rate / senders})
	}
	return append(all, orders.Load{})
}

// measure takes turns: what disturbs the machine for a while meets all ways.
func measure(ctx context.Context, o orders.Options, runs int) (set figures.Set, err error) {
	kinds := orders.Kinds()
	for run := range runs {
		for _, o.Load = range loads() {
			for i := range kinds {
				if ctx.Err() != nil {
					return set, ctx.Err()
				}
				o.Kind = kinds[(run+i)%len(kinds)]
				r, err := orders.Run(o)
				if errors.Is(err, orders.ErrLost) {
					fmt.Fprintf(os.Stderr, "void, run %d: %v\n", run+1, err)
					continue
				}
				if err != nil {
					return set, fmt.Errorf("run %d: %w", run+1, err)
				}
				for _, f := range figuresOf(o.Load, r) {
					f.Peer, f.Cfg, f.N, f.Run = "orders", o.Kind, hosts, run+1
					set = append(set, f)
				}
			}
		}
	}
	return set, nil
}

// figuresOf names the figures of one load as `gmsd bench` does.
func figuresOf(l orders.Load, r orders.Result) figures.Set {
	name := fmt.Sprintf("flood_%dB_%dsend_", l.Size, l.Senders)
	switch {
	case l.Senders == 0:
		return figures.Set{{Metric: "idle_datagrams_s", Value: r.Frames}}
	case l.Rate == 0:
		return figures.Set{{Metric: name + "msgs_s", Value: r.Delivered}, {Metric: name + "busiest_bytes_ratio", Value: r.Busiest}}
	}
	name = fmt.Sprintf("rate_%dB_%dsend_%d/s_", l.Size, l.Senders, l.Rate)
	return figures.Set{
		{Metric: name + "own_p50_us", Value: quantile(r.Own, 50)},
		{Metric: name + "own_p99_us", Value: quantile(r.Own, 99)},
		{Metric: name + "lat_p50_us", Value: quantile(r.Others, 50)},
		{Metric: name + "lat_p99_us", Value: quantile(r.Others, 99)},
		{Metric: name + "datagrams_s", Value: r.Frames},
	}
}

// quantile is in microseconds, of sorted latencies; 0 of none.
func quantile(sorted []time.Duration, percent int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[(len(sorted)-1)*percent/100]) / float64(time.Microsecond)
}

// table has a row for each metric: median (least-greatest) of each way, and the
// median over the runs of what it is beside the first way in the same run.
func table(w io.Writer, set figures.Set) error {
	var text strings.Builder
	kinds := orders.Kinds()
	fmt.Fprintf(&text, "| metric | %s |\n|%s\n", strings.Join(kinds, " | "), strings.Repeat(" --- |", len(kinds)+1))
	var metrics []string
	for _, r := range set {
		if !slices.Contains(metrics, r.Metric) {
			metrics = append(metrics, r.Metric)
		}
	}
	for _, metric := range metrics {
		fmt.Fprintf(&text, "| %s |", metric)
		first := valuesOf(set, metric, kinds[0])
		for _, kind := range kinds {
			fmt.Fprintf(&text, " %s |", cell(valuesOf(set, metric, kind), first))
		}
		fmt.Fprintln(&text)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// valuesOf are a way's figures of a metric, by run.
func valuesOf(set figures.Set, metric, kind string) map[int]float64 {
	values := map[int]float64{}
	for _, r := range set {
		if r.Metric == metric && r.Cfg == kind {
			values[r.Run] = r.Value
		}
	}
	return values
}

func cell(by, first map[int]float64) string {
	var values, ratios []float64
	for run, value := range by { // order-free: medians
		values = append(values, value)
		if first[run] > 0 {
			ratios = append(ratios, value/first[run])
		}
	}
	switch {
	case len(values) == 0:
		return "-"
	case len(ratios) == 0:
		return figures.Spread(values)
	}
	return fmt.Sprintf("%s %.2fx", figures.Spread(values), figures.Median(ratios))
}
