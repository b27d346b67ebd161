package engine

import (
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
	"github.com/gmsd/gmsd/views/vsync"
)

// Limits of what is held back; beyond them a message is refused with views.ErrFull.
// One long message may pass them. A message takes at least heldLeast.
const (
	heldItems = 1 << 16
	heldBytes = 8 << 20
	heldLeast = 64
)

// heldBack is what ports send in FIFO order while the group it is for changes, and
// what the same ports send in FIFO order after it, to whichever group. It goes out
// once the group has its next view.
type heldBack struct {
	// quiet are the groups that change; draining are those of them whose messages
	// from before are not known to be out, in the order in which they were named.
	quiet    map[string]bool
	draining []string
	// list is what is held, in order; ports counts it by port; bytes is what its
	// payloads take.
	list  []Submission
	ports map[uint32]int
	bytes int
	// freed may go, also where its group has begun to change again.
	freed []Submission
	// passed is memory for what is not held.
	passed []Submission
}

func newHeldBack() heldBack {
	return heldBack{quiet: make(map[string]bool), ports: make(map[uint32]int)}
}

// busy reports whether there is something to look after.
func (b *heldBack) busy() bool { return len(b.draining) > 0 || len(b.freed) > 0 }

// takes is how many bytes of a driver's room are used here.
func (b *heldBack) takes() int { return b.bytes + heldLeast*len(b.list) }

// take takes an event of the table that is for here.
func (b *heldBack) take(ev groups.Event) bool {
	switch ev := ev.(type) {
	case groups.Quiesce:
		b.quiet[ev.Group] = true
		b.draining = append(b.draining, ev.Group)
	case groups.Resume:
		delete(b.quiet, ev.Group)
		b.draining = slices.DeleteFunc(b.draining, func(g string) bool { return g == ev.Group })
		b.free()
	default:
		return false
	}
	return true
}

// holds reports whether a message has to wait.
func (b *heldBack) holds(m *Submission) bool {
	return m.Port != 0 && m.Order == views.FIFO && (b.quiet[m.Group] || b.ports[m.Port] > 0)
}

func (b *heldBack) add(m *Submission) {
	b.list = append(b.list, *m)
	b.ports[m.Port]++
	b.bytes += len(m.Payload)
}

// free lets go what nothing holds any more.
func (b *heldBack) free() {
	list := b.list
	b.list, b.bytes = b.list[:0], 0
	clear(b.ports)
	for i := range list {
		if m := list[i]; b.holds(&m) {
			b.add(&m)
		} else {
			b.freed = append(b.freed, m)
		}
	}
	clear(list[len(b.list):])
}

// submit sends messages, or holds them back.
func (e *Engine) submit(in Submit) {
	e.sendFreed()
	b := &e.light.back
	if len(b.quiet) == 0 {
		e.core.Submit(e.now, in...)
		return
	}
	b.passed = b.passed[:0]
	for i := range in {
		switch m := &in[i]; {
		case !b.holds(m):
			b.passed = append(b.passed, *m)
		case len(b.list) >= heldItems || b.bytes >= heldBytes:
			e.deliver(Submitted{Token: m.Token, Err: views.ErrFull})
		default:
			b.add(m)
		}
	}
	e.core.Submit(e.now, b.passed...)
	clear(b.passed)
}

// sendFreed sends what is held no more.
func (e *Engine) sendFreed() bool {
	b := &e.light.back
	if len(b.freed) == 0 {
		return false
	}
	e.core.Submit(e.now, b.freed...)
	clear(b.freed)
	b.freed = b.freed[:0]
	return true
}

// tellDrained tells the table which groups have nothing under way from before.
func (e *Engine) tellDrained() {
	b := &e.light.back
	if len(b.draining) == 0 || len(b.freed) > 0 {
		return
	}
	b.draining = slices.DeleteFunc(b.draining, func(group string) bool {
		return e.core.QueuedFIFO(group) == 0 && e.light.table.Drained(group)
	})
	e.drainGroups()
}

// refuseHeld gives back, at the end, what will never be sent.
func (e *Engine) refuseHeld() {
	b := &e.light.back
	for _, list := range [][]Submission{b.freed, b.list} {
		for i := range list {
			e.deliver(vsync.Submitted{Token: list[i].Token, Err: views.ErrLeaving})
		}
	}
	e.light.back = newHeldBack()
}
