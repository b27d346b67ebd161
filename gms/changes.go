package gms

import (
	"slices"
	"sync"

	"github.com/gmsd/gmsd/views/trace"
)

// DropForgotten is the reason of the drop event that stands in [Host.Changes] for those
// that are no longer remembered.
const DropForgotten = "forgotten"

// changes keeps what led to each of the last HistoryMax views, beside the ring, which a
// flood of messages turns over within a second and repeated refusals within days. The loop
// writes; any goroutine reads.
type changes struct {
	mu   sync.Mutex
	list []viewChange
	// next is the one that may come.
	next viewChange
}

// viewChange is what led to one view; its install is the last.
type viewChange struct {
	records []trace.Record
	// forgotten is how many stood before.
	forgotten uint64
}

// note takes of records those that may lead to a view.
func (c *changes) note(records []trace.Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range records {
		switch records[i].Event.(type) {
		case trace.Install:
			c.next.add(records[i])
			c.install()
		case trace.Suspect, trace.Trust, trace.Pause, trace.Join, trace.Phase, trace.Laggard, trace.Block:
			c.next.add(records[i])
		}
	}
}

// install ends a change. Of the one that HistoryMax others have followed only the install
// stays, from which the next one went.
func (c *changes) install() {
	c.list = append(c.list, c.next)
	c.next = viewChange{}
	if len(c.list) > HistoryMax+1 {
		c.list = slices.Delete(c.list, 0, 1)
	}
	if len(c.list) == HistoryMax+1 {
		c.list[0].keep(1)
	}
}

func (c *viewChange) add(r trace.Record) {
	if len(c.records) == ChangeEventsMax {
		c.keep(ChangeEventsMax / 2) // not one by one
	}
	c.records = append(c.records, r)
}

// keep forgets all but the last n.
func (c *viewChange) keep(n int) {
	gone := len(c.records) - n
	c.records = slices.Delete(c.records, 0, gone)
	c.forgotten += uint64(gone)
}

// all are those of the list and what came since, in order.
func (c *changes) all() (list []trace.Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range append(slices.Clip(c.list), c.next) {
		if one.forgotten > 0 {
			r := one.records[0]
			r.N, r.Event = r.N-1, trace.Drop{Reason: DropForgotten, Count: one.forgotten}
			list = append(list, r)
		}
		list = append(list, one.records...)
	}
	return list
}
