package engine

import (
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// dropKinds bounds how many different drops are told apart between two reports.
const dropKinds = 64

// drops counts input that was thrown away, to be told once in a while.
type drops struct {
	pending []trace.Drop
	dueAt   views.Instant
	totals  []trace.Drop
}

// count adds to what will be told next and to the totals by reason.
func (d *drops) count(from views.HostID, reason string, n uint64) {
	add(&d.pending, trace.Drop{From: from, Reason: reason, Count: n})
	add(&d.totals, trace.Drop{Reason: reason, Count: n})
}

func add(list *[]trace.Drop, drop trace.Drop) {
	i := slices.IndexFunc(*list, func(o trace.Drop) bool { return o.From == drop.From && o.Reason == drop.Reason })
	if i >= 0 {
		(*list)[i].Count += drop.Count
		return
	}
	if len(*list) < dropKinds {
		*list = append(*list, drop)
		return
	}
	(*list)[dropKinds-1].From = views.HostID{}
	(*list)[dropKinds-1].Reason = "other"
	(*list)[dropKinds-1].Count += drop.Count
}

// drop counts one thing thrown away here.
func (e *Engine) drop(from views.HostID, reason string) {
	e.drops.count(from, reason, 1)
	e.armDrops()
}

func (e *Engine) armDrops() {
	if e.drops.dueAt == 0 {
		e.drops.dueAt = e.now.Add(dropsEvery)
	}
}

// flushDrops tells what was dropped, at most once in dropsEvery; after a stop nothing
// is told any more.
func (e *Engine) flushDrops() {
	if len(e.drops.pending) == 0 || e.stopped {
		return
	}
	e.armDrops()
	if e.now < e.drops.dueAt {
		return
	}
	for _, d := range e.drops.pending {
		e.out.Events = append(e.out.Events, d)
	}
	e.drops.pending, e.drops.dueAt = e.drops.pending[:0], 0
}
