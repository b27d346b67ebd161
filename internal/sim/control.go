package sim

import (
	"slices"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
	"github.com/gmsd/gmsd/views/trace"
)

// What a scenario may do to a world by hand. Everything acts at the present
// instant; hosts are named by number.

// Watch shows every record to seen, with the host it happened on.
func (w *World) Watch(seen func(h *Host, r trace.Record)) { w.watchRecord = seen }

// SetGate decides the fate of each frame on each link before the network does;
// nil takes the gate away. For a multicast it is asked once a receiver.
func (w *World) SetGate(gate func(from, to int, frame []byte) Fate) { w.net.gate = gate }

// Deliver hands a copy of frame to host to as if it came from host from.
func (w *World) Deliver(from, to int, frame []byte) { w.net.inject(from, to, frame) }

// After runs do once d has passed. It may be called from a gate.
func (w *World) After(d time.Duration, do func()) { w.after(d, do) }

// Machines is how many machines there are, the spare one, which is the last, included.
func (w *World) Machines() int { return len(w.hosts) - 1 }

// Start starts the daemon of host n, which must be down.
func (w *World) Start(n int) {
	h := w.hosts[n]
	h.down, h.frozen, h.wanted = 0, 0, false
	h.start()
}

// Leave, Evict and SetState pass a word of the operator or the application on.
func (w *World) Leave(n int) { w.hosts[n].Leave() }

// Evict has host by remove host n from the group, in a sealed world with its keys
// unless keepKeys.
func (w *World) Evict(by, n int, keepKeys bool) { w.evict(w.hosts[by], w.hosts[n], keepKeys) }

// Clone starts a copy of host n's state directory on the spare machine; with
// twins host n starts anew, too.
func (w *World) Clone(n int, twins bool) { w.clone(w.hosts[n], twins) }

// Snapshot keeps a copy of host n's state directory for Rollback.
func (w *World) Snapshot(n int) { w.hosts[n].disk.snapshot() }

// Give hands an input to the engine of host n; false if none is running.
func (w *World) Give(n int, in engine.Input) bool {
	h := w.hosts[n]
	if !h.Running() {
		return false
	}
	h.step(in)
	return true
}

// Cut drops, until Mend, what the hosts of a send to those of b.
func (w *World) Cut(a, b HostSet) {
	w.net.each(a, b, func(l *link) { l.cuts = 1 })
	w.lastTrouble = w.now
	w.oracle.Disturb(true, w.ids(a|b))
}

// Mend ends every cut from a to b.
func (w *World) Mend(a, b HostSet) {
	w.net.each(a, b, func(l *link) { l.cuts = 0 })
	w.oracle.Disturb(false, w.ids(a|b))
}

// EndFaults ends every injected fault.
func (w *World) EndFaults() {
	for i := range w.active {
		w.endFault(i)
	}
}

// FailDisk makes the next write of host n fail.
func (w *World) FailDisk(n int) { w.hosts[n].disk.failing = true }

// SlowDisk adds d to each write of host n.
func (w *World) SlowDisk(n int, d time.Duration) { w.hosts[n].disk.extra = d }

func (w *World) ids(s HostSet) []views.HostID {
	list := make([]views.HostID, 0, s.Size())
	for _, n := range s.Numbers() {
		list = append(list, w.hosts[n].disk.id)
	}
	return list
}

// Converged reports whether the hosts of set are in one view of exactly them.
func (w *World) Converged(set HostSet) bool { return w.converged(set) }

// Coordinator is the host that leads the largest view, or the empty set.
func (w *World) Coordinator() HostSet { return w.coordinator() }

// All is the set of machines that are not spare.
func (w *World) All() HostSet { return allHosts(int(w.opts.Hosts)) }

// Over says why the run has ended although nothing failed, or is empty.
func (w *World) Over() string { return w.over }

// Judge ends the run and asks the oracle.
func (w *World) Judge() *Failure {
	if w.failure == nil {
		if f := w.oracle.Finish(); f != nil {
			f.At = w.Elapsed()
			w.failure = f
		}
	}
	return w.failure
}

// Ended says how the last daemon of a host that is down ended.
func (h *Host) Ended() string { return h.ended }

// Paused reports whether the daemon is stopped by a signal.
func (h *Host) Paused() bool { return h.proc != nil && h.proc.paused }

// ParseHosts reads "1,3".
func ParseHosts(text string) (HostSet, error) { return parseHostSet(text) }

// WatchPorts shows what the engines say to their ports, and each message that a
// port is given.
func (w *World) WatchPorts(said func(h *Host, d engine.Delivery), given func(h *Host, port uint32, m *engine.Message)) {
	w.watchDelivery, w.watchRouted = said, given
}

// Join lets a port of host n, new or not, into a group; false if no daemon runs there.
func (w *World) Join(n int, number uint32, group string, block, wishes bool) bool {
	h := w.hosts[n]
	if !h.Running() {
		return false
	}
	q := h.proc.port(number)
	if q == nil {
		q = &port{number: number}
		h.proc.ports = append(h.proc.ports, q)
		h.proc.lastPort = max(h.proc.lastPort, number)
	}
	h.join(q, group, block, wishes)
	return true
}

// Trouble lets the next state that host n gives or takes go wrong behind so many of
// its reads or writes; false if no daemon runs there, or there is no such trouble.
func (w *World) Trouble(n int, name string, after int) bool {
	kind := slices.Index(troubleNames[:], name)
	h := w.hosts[n]
	if kind < 0 || !h.Running() {
		return false
	}
	h.proc.word = trouble{kind: troubleKind(kind), after: after}
	return true
}

// Send submits a message of a port of host n; 0 is the host itself. False if no
// daemon runs there.
func (w *World) Send(n int, number uint32, group string, order views.Order, payload []byte) bool {
	h := w.hosts[n]
	if !h.Running() {
		return false
	}
	h.sendFrom(number, group, order, payload)
	return true
}

// Part takes a port of host n out of a group, PortGone out of all, Ready says
// that it has stopped sending; false if there is no such port.
func (w *World) Part(n int, number uint32, group string, why groups.Why) bool {
	return w.onPort(n, number, func(h *Host, q *port) { h.part(q, group, why) })
}

// PortGone ends a client of host n without a word.
func (w *World) PortGone(n int, number uint32) bool {
	return w.onPort(n, number, (*Host).portGone)
}

// Ready says that a port of host n has stopped sending to a group.
func (w *World) Ready(n int, number uint32, group string) bool {
	return w.onPort(n, number, func(h *Host, q *port) { h.ready(q, group) })
}

func (w *World) onPort(n int, number uint32, do func(h *Host, q *port)) bool {
	h := w.hosts[n]
	if !h.Running() || h.proc.port(number) == nil {
		return false
	}
	do(h, h.proc.port(number))
	return true
}

// Members gives the view that the ports of host n have of a group, nil for none.
func (w *World) Members(n int, group string) []groups.Member {
	if p := w.hosts[n].proc; p != nil {
		for _, q := range p.ports {
			if m := q.wanted(group); m != nil && m.viewed {
				return m.members
			}
		}
	}
	return nil
}
