package members

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gmsd/gmsd/internal/tracelog"
)

const (
	// lead is the time from saying a load to its begin, warmUp from there to the
	// window.
	lead   = 300 * time.Millisecond
	warmUp = time.Second
	// drain bounds the way of the last messages, and of a sender that is stuck.
	drain = 45 * time.Second
)

// Cell is a load.
type Cell struct {
	Size, Senders int
	// Rate is in messages a second and sender; 0 is a flood.
	Rate int
}

// Cells are those that `gmsd bench` measures in a group of n.
func Cells(n int) []Cell {
	cells := []Cell{{Size: 100, Senders: 1, Rate: 1000}}
	for _, size := range []int{100, 1024, 8192} {
		cells = append(cells, Cell{Size: size, Senders: 1}, Cell{Size: size, Senders: n})
	}
	return cells
}

// metric is the name that all figures of a cell begin with, as in `gmsd bench`.
func (c Cell) metric() string {
	if c.Rate > 0 {
		return fmt.Sprintf("rate_%dB_%dsend_%d/s", c.Size, c.Senders, c.Rate)
	}
	return fmt.Sprintf("flood_%dB_%dsend", c.Size, c.Senders)
}

// Load runs a cell and gives the figures of each member to put.
func (g *Group) Load(ctx context.Context, c Cell, window time.Duration, put func(metric string, value float64)) error {
	order := g.staying()
	slices.SortStableFunc(order, func(a, b *Member) int { return coordinates(a) - coordinates(b) })
	start := tracelog.Now().Add(lead)
	open := start.Add(warmUp)
	shut := open.Add(window)
	for i, m := range order {
		m.result = nil
		sends := 0
		if i < c.Senders {
			sends = 1
		}
		if _, err := fmt.Fprintf(m.in, "LOAD %d %d %d %d %d %d\n", start, open, shut, c.Size, c.Rate, sends); err != nil {
			return fmt.Errorf("a member cannot be told of a load: %w: %s", err, m.process.lastWords())
		}
	}
	err := g.wait(ctx, lead+warmUp+window+drain, c.metric(), func() bool {
		return !slices.ContainsFunc(order, func(m *Member) bool { return m.result == nil })
	})
	if err != nil || put == nil {
		return err
	}
	heard := !slices.ContainsFunc(order, func(m *Member) bool { return m.result.P50 < 0 })
	for _, m := range order {
		c.put(m.result, heard, put)
	}
	return nil
}

func coordinates(m *Member) int {
	if m.coordinator {
		return 1
	}
	return 0
}

// put gives no latency of a load in which a member heard nothing: those of the
// others would flatter.
func (c Cell) put(r *Result, heard bool, put func(string, float64)) {
	if c.Rate == 0 {
		put(c.metric()+"_msgs_s", r.PerSecond)
	}
	if !heard {
		return
	}
	putLatency(c.metric()+"_lat", r.P50, r.P99, put)
	if c.Rate > 0 {
		putLatency(c.metric()+"_own", r.Own50, r.Own99, put)
	}
}

func putLatency(metric string, p50, p99 float64, put func(string, float64)) {
	if p50 >= 0 {
		put(metric+"_p50_us", p50)
		put(metric+"_p99_us", p99)
	}
}
