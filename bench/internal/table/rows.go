package table

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gmsd/gmsd/internal/figures"
)

// Places of a group.
const (
	Library = "library"
	Daemons = "daemons"
)

// Key says which records may be compared.
type Key struct {
	Place, Order, Metric string
	N                    int
}

var orders = []string{"", "fifo", "agreed", "safe"}

// keyOf gives the row of a record; false: it is in none.
func keyOf(r figures.Record) (Key, bool) {
	k := Key{Place: Library, Metric: r.Metric, N: r.N}
	if i := strings.LastIndexByte(r.Cfg, ','); i >= 0 && slices.Contains(orders, r.Cfg[i+1:]) {
		k.Order = r.Cfg[i+1:]
	}
	switch {
	case strings.HasPrefix(r.Metric, "kill"):
		k.Place = ""
	case strings.HasPrefix(r.Peer, "corosync"), strings.HasPrefix(r.Cfg, "daemon"):
		k.Place = Daemons
	}
	return k, rank(r.Metric) >= 0
}

// kinds are the metrics that have rows, in that order. What a flood does to
// latency depends on how much is under way: that is in the records alone.
var kinds = []struct{ prefix, suffix string }{{"flood_", "_msgs_s"}, {"rate_", "_us"}, {"form_", "_all_ms"}, {"leave_", "_ms"}, {"kill", "_s"}}

func rank(metric string) int {
	for i, k := range kinds {
		if strings.HasPrefix(metric, k.prefix) && strings.HasSuffix(metric, k.suffix) {
			return i
		}
	}
	return -1
}

// moreIsBetter: the others are times.
func (k Key) moreIsBetter() bool { return strings.HasSuffix(k.Metric, "_msgs_s") }

// better reports whether a is a better figure than b.
func (k Key) better(a, b float64) bool {
	if k.moreIsBetter() {
		return a > b
	}
	return a < b
}

// compare orders rows: kind, place, order, members, then as text with numbers.
func (k Key) compare(o Key) int {
	return cmp.Or(
		cmp.Compare(rank(k.Metric), rank(o.Metric)),
		-cmp.Compare(k.Place, o.Place), // library before daemons
		cmp.Compare(slices.Index(orders, k.Order), slices.Index(orders, o.Order)),
		cmp.Compare(k.N, o.N),
		cmp.Compare(len(k.Metric), len(o.Metric)),
		cmp.Compare(k.Metric, o.Metric),
	)
}

// Cell is what one system did in one row.
type Cell struct {
	// Setting is the cfg without its order.
	Setting string
	// Values are sorted.
	Values []float64
}

func (c *Cell) median() float64 { return figures.Median(c.Values) }

// Row is one line of the table.
type Row struct {
	Key
	// Cells are by peer; that of gmsd may be missing.
	Cells map[string]*Cell
}

// ours is the peer of gmsd's own records.
const ours = "gmsd"

// Rows groups records and keeps each peer's best setting.
func Rows(set figures.Set) []Row {
	type column struct {
		Key
		peer, cfg string
	}
	values := map[column][]float64{}
	for _, r := range set {
		if k, ok := keyOf(r); ok {
			c := column{k, r.Peer, r.Cfg}
			values[c] = append(values[c], r.Value)
		}
	}
	rows := map[Key]*Row{}
	for c, v := range values { // order-free: the best, and among equals the first name
		slices.Sort(v)
		row := rows[c.Key]
		if row == nil {
			row = &Row{c.Key, map[string]*Cell{}}
			rows[c.Key] = row
		}
		cell := &Cell{strings.TrimSuffix(c.cfg, ","+c.Order), v}
		if before := row.Cells[c.peer]; before == nil || row.beats(cell, before) {
			row.Cells[c.peer] = cell
		}
	}
	out := make([]Row, 0, len(rows))
	for _, row := range rows { // order-free: sorted below
		out = append(out, *row)
	}
	slices.SortFunc(out, func(a, b Row) int { return a.compare(b.Key) })
	return out
}

func (row *Row) beats(a, b *Cell) bool {
	if a.median() == b.median() {
		return a.Setting < b.Setting
	}
	return row.better(a.median(), b.median())
}

// Best gives the peer with the best median; "": there is none.
func (row *Row) Best() string {
	best := ""
	for peer, c := range row.Cells { // order-free: the best, and among equals the first name
		if peer == ours {
			continue
		}
		b := row.Cells[best]
		if b == nil || row.better(c.median(), b.median()) || c.median() == b.median() && peer < best {
			best = peer
		}
	}
	return best
}

// Ratio is gmsd's median by that of the best peer; false: one of them is missing.
func (row *Row) Ratio() (float64, bool) {
	own, best := row.Cells[ours], row.Cells[row.Best()]
	if own == nil || best == nil || best.median() == 0 {
		return 0, false
	}
	return own.median() / best.median(), true
}
