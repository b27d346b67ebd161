package table

import (
	"fmt"
	"strings"
)

// bar is what the ratio of a row must reach.
type bar struct {
	place, order, metric string
	least                float64
	// beyond: the ratio must be above it.
	beyond bool
}

// bars are of messages a second, in the order in which they are looked up.
var bars = []bar{
	{metric: "flood_8192B_", place: Library, order: "fifo", least: 1, beyond: true},
	{metric: "flood_8192B_", place: Library, order: "agreed", least: 1, beyond: true},
	{metric: "flood_8192B_", place: Daemons, order: "agreed", least: 1, beyond: true},
	{metric: "flood_1024B_", place: Library, order: "fifo", least: 1.2},
	{metric: "flood_", place: Library, order: "agreed", least: 2},
	{metric: "flood_", place: Daemons, order: "agreed", least: 4},
}

func barOf(k Key) *bar {
	for i := range bars {
		b := &bars[i]
		if k.moreIsBetter() && strings.HasPrefix(k.Metric, b.metric) && k.Place == b.place && k.Order == b.order {
			return b
		}
	}
	return nil
}

// verdict prints a row's bar and whether it is reached.
func (row *Row) verdict() string {
	b := barOf(row.Key)
	if b == nil {
		return ""
	}
	ratio, ok := row.Ratio()
	sign := "≥"
	if b.beyond {
		sign = ">"
	}
	what := fmt.Sprintf("%s %gx ", sign, b.least)
	switch {
	case !ok:
		return what + "no figure"
	case ratio > b.least, ratio == b.least && !b.beyond:
		return what + "ok"
	}
	return what + "MISSED"
}
