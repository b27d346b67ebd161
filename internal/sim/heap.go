package sim

import "github.com/gmsd/gmsd/views"

// eventKind tells what an event of the heap does when its time has come.
type eventKind uint8

const (
	evFrame      eventKind = iota // frame arg arrives at host, from host from
	evWake                        // the deadline of process gen on host
	evDisk                        // a disk write of process gen on host has ended
	evEvidence                    // evidence arg reaches process gen on host
	evProbe                       // process gen on host probes its watch target arg
	evStart                       // host starts its daemon, if still wanted (gen = the wish)
	evFaultStart                  // fault arg begins
	evFaultStop                   // fault arg ends (gen = the heal it was begun under)
	evWork                        // the workload acts
	evCall                        // calls[arg] runs: scenarios and phases only
)

// event is one thing that will happen. It holds no pointer, so the garbage
// collector never looks into the heap.
type event struct {
	at   views.Instant
	seq  uint64
	arg  uint32
	gen  uint32
	host uint16
	from uint16
	kind eventKind
}

// eventHeap is a 4-ary heap by (at, seq): events of one instant happen in the
// order in which they were pushed, which is what makes a run repeatable.
type eventHeap struct {
	items []event
	seq   uint64
}

func (e *event) before(o *event) bool {
	return e.at < o.at || (e.at == o.at && e.seq < o.seq)
}

// push adds e; its seq is set here.
func (h *eventHeap) push(e event) {
	h.seq++
	e.seq = h.seq
	h.items = append(h.items, e)
	i := len(h.items) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(&h.items[parent]) {
			break
		}
		h.items[i] = h.items[parent]
		i = parent
	}
	h.items[i] = e
}

// next is the earliest event, or nil.
func (h *eventHeap) next() *event {
	if len(h.items) == 0 {
		return nil
	}
	return &h.items[0]
}

// pop removes the earliest event. The heap must not be empty.
func (h *eventHeap) pop() event {
	top := h.items[0]
	last := len(h.items) - 1
	e := h.items[last]
	h.items = h.items[:last]
	if last > 0 {
		h.sink(e)
	}
	return top
}

// sink places e from the root downwards.
func (h *eventHeap) sink(e event) {
	n := len(h.items)
	i := 0
	for {
		first := 4*i + 1
		if first >= n {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, n); c++ {
			if h.items[c].before(&h.items[least]) {
				least = c
			}
		}
		if !h.items[least].before(&e) {
			break
		}
		h.items[i] = h.items[least]
		i = least
	}
	h.items[i] = e
}
