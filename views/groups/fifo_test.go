package groups

import (
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/views"
)

// fifoMessage is a message in FIFO order. Fence is how many controls its sender
// had delivered: who receives it has delivered as many.
type fifoMessage struct {
	group string
	fence int
}

// fifo is the driver's side of FIFO messages: what a host is about to send, what it
// holds back, and what it has taken from others.
type fifo struct {
	// queue are the groups of messages accepted and not sent.
	queue []string
	// quiet are groups that change; true: the table was told that all is out.
	quiet map[string]bool
	// taken counts what was taken, by sender, in this view.
	taken map[views.HostID]int
	// since is what was taken in a group since its last view, by port.
	since map[membershipName][]string
}

func newFIFO() fifo {
	return fifo{quiet: map[string]bool{}, taken: map[views.HostID]int{}, since: map[membershipName][]string{}}
}

// take takes an event that is for the driver. Each Quiesce has one Resume.
func (f *fifo) take(h *host, e Event) bool {
	switch e := e.(type) {
	case Quiesce:
		if _, open := f.quiet[e.Group]; open {
			h.w.fault("host %d: a second quiesce of %s", h.id[0], e.Group)
		}
		f.quiet[e.Group] = false
	case Resume:
		if _, open := f.quiet[e.Group]; !open {
			h.w.fault("host %d: a resume of %s without a quiesce", h.id[0], e.Group)
		}
		delete(f.quiet, e.Group)
	default:
		return false
	}
	return true
}

// enqueue accepts a message of a member, unless its group is quiet. Groups are that for
// moments, so these are sought.
func (w *world) enqueue(t *rapid.T, h *host) {
	group := w.group(t)
	quiet := slices.DeleteFunc(slices.Clone(w.hosts), func(o *host) bool { return !o.up || len(o.fifo.quiet) == 0 })
	if len(quiet) > 0 && rapid.Bool().Draw(t, "where it is quiet") {
		h = rapid.SampledFrom(quiet).Draw(t, "quiet host")
		group = rapid.SampledFrom(slices.Sorted(maps.Keys(h.fifo.quiet))).Draw(t, "quiet group")
	}
	if _, quiet := h.fifo.quiet[group]; quiet {
		w.events["fifo held back"]++
		return
	}
	for _, in := range h.ports {
		if s := in[group]; s != nil && !s.id.IsZero() {
			h.fifo.queue = append(h.fifo.queue, group)
			w.events["fifo"]++
			return
		}
	}
}

// flow sends what was accepted, where the table is settled, and tells the table
// what is drained. It reports whether anything happened.
func (h *host) flow() bool {
	f := &h.fifo
	busy := h.m.Settled() && len(f.queue) > 0
	if busy {
		for _, group := range f.queue {
			h.at.fifo[h.id] = append(h.at.fifo[h.id], fifoMessage{group, h.delivered})
		}
		f.queue = nil
		h.takeFIFO(map[views.HostID]int{h.id: len(h.at.fifo[h.id])})
	}
	for group, told := range f.quiet {
		if !told && !slices.Contains(f.queue, group) {
			f.quiet[group], busy = true, true
			if !h.m.Drained(group) || h.m.Drained(group) {
				h.w.fault("host %d: %s was drained, not once", h.id[0], group)
			}
		}
	}
	if busy {
		h.act()
	}
	return busy
}

// lastWords sends what was accepted: a port goes once that is on its way. Where
// nothing can be sent it is forgotten here.
func (h *host) lastWords() {
	h.flow()
	h.fifo.queue = nil
}

// takeFIFO takes messages up to a limit a sender, as far as fences let it.
func (h *host) takeFIFO(limits map[views.HostID]int) {
	for _, from := range h.w.hosts {
		var sent []fifoMessage
		if h.at != nil {
			sent = h.at.fifo[from.id]
		}
		for n := h.fifo.taken[from.id]; n < min(limits[from.id], len(sent)) && sent[n].fence <= h.delivered; n++ {
			h.fifo.taken[from.id]++
			h.tookFIFO(sent[n].group, fmt.Sprint(from.id[0], "-", h.at.view.ID.Seq, "-", n))
		}
	}
}

func (h *host) tookFIFO(group, id string) {
	for port, in := range h.ports {
		if in[group] != nil {
			key := membershipName{port, group}
			h.fifo.since[key] = append(h.fifo.since[key], id)
		}
	}
}

// fifoLimits is what those who go together have of each sender: all of their own,
// and what any of them has taken of others.
func fifoLimits(together []*host) map[views.HostID]int {
	limits := map[views.HostID]int{}
	for _, h := range together {
		for from, n := range h.fifo.taken {
			limits[from] = max(limits[from], n)
		}
	}
	for _, h := range together {
		if h.at != nil {
			limits[h.id] = len(h.at.fifo[h.id])
		}
	}
	return limits
}

// compareFlow checks that ports which go from one view to the same next one have
// taken the same FIFO messages in between.
func (h *host) compareFlow(e *GroupView, key membershipName, fault func(string, ...any)) {
	got := slices.Sorted(slices.Values(h.fifo.since[key]))
	delete(h.fifo.since, key)
	if e.Prev.IsZero() {
		return
	}
	step, set := fmt.Sprint(e.Group, " ", e.Prev, " ", e.ID), fmt.Sprint(got)
	other, ok := h.w.flows[step]
	switch {
	case !ok:
		h.w.flows[step] = set
	case other != set:
		fault("port %d took %s, another %s", key.port, set, other)
	case len(got) > 0:
		h.w.events["fifo compared"]++
	}
}
