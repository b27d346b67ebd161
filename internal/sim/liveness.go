package sim

import (
	"fmt"
	"strings"
	"time"
)

// Bounds of the liveness phase, in virtual time.
const (
	// convergeBound is how long a healed component may take to one view.
	convergeBound = 60 * time.Second
	// holdTime is how long that view must have stood to count.
	holdTime = 5 * time.Second
	// flapWindow is how long nothing may change after that.
	flapWindow = 15 * time.Second
	// pollEvery is how often the world looks.
	pollEvery = 100 * time.Millisecond
	// coreLossMax bounds the loss among hosts that are said to be healed.
	coreLossMax = 50_000
)

// banish decides how a host outside the core stays broken for good, and does it.
// One-way cuts are the interesting ones: the host goes on talking to a core
// that it cannot hear, or listening to one that cannot hear it.
func (w *World) banish(number int, core HostSet) string {
	h := w.hosts[number]
	one := hosts(number)
	w.net.each(core, one, func(l *link) { l.cuts, l.mtu = 0, 0 })
	w.net.each(one, core, func(l *link) { l.cuts, l.mtu = 0, 0 })
	switch w.fault.IntN(5) {
	case 0:
		h.down++
		h.Kill(false)
		return "dead"
	case 1:
		h.frozen++
		h.Pause()
		if h.proc == nil {
			h.down++
			h.wish++
		}
		return "frozen"
	case 2:
		w.net.cut(core, one, 1)
		return "deaf"
	case 3:
		w.net.cut(one, core, 1)
		return "mute"
	}
	w.net.cut(core, one, 1)
	w.net.cut(one, core, 1)
	return "cut off"
}

// drawCore draws who is healed for good. With a star of configured peers the
// centre is among them: without it nobody could find anybody.
func (w *World) drawCore() HostSet {
	n := int(w.opts.Hosts)
	all := allHosts(n)
	if w.opts.Profile == Quiet || chance(w.fault, 300_000) {
		return all
	}
	var core HostSet
	for _, p := range w.fault.Perm(n)[:1+w.fault.IntN(n)] {
		core |= 1 << (p + 1)
	}
	if w.opts.Multicast == 0 && w.opts.Star != 0 {
		core |= 1 << 1
	}
	return core
}

// healCore heals the core and leaves everyone else broken.
func (w *World) healCore(core HostSet) {
	w.removeClones()
	w.heal(core)
	w.net.each(core, core, func(l *link) { l.loss = min(l.loss, coreLossMax) })
	for _, h := range w.hosts[1:] {
		if core.Has(h.number) || h.spare {
			continue
		}
		how := w.banish(h.number, core)
		if w.watchFault != nil {
			w.watchFault(fmt.Sprintf("%d stays %s", h.number, how))
		}
	}
	if w.watchFault != nil {
		w.watchFault("core " + core.String() + " is healed for good")
	}
}

// healAll heals everything.
func (w *World) healAll() {
	w.removeClones()
	all := allHosts(int(w.opts.Hosts))
	w.heal(all)
	w.net.each(all, all, func(l *link) { l.loss = min(l.loss, coreLossMax) })
	if w.watchFault != nil {
		w.watchFault("everything is healed")
	}
}

func (w *World) removeClones() {
	for _, h := range w.hosts[1:] {
		if h.spare {
			h.Kill(false)
		}
	}
}

// converged reports whether the hosts of set are in one view of exactly them.
func (w *World) converged(set HostSet) bool {
	first := w.hosts[set.First()]
	v := first.View()
	if v == nil || v.Size() != set.Size() {
		return false
	}
	for _, number := range set.Numbers() {
		h := w.hosts[number]
		if !h.Running() || h.View() == nil || h.View().ID != v.ID || v.RankOf(h.proc.id) < 0 {
			return false
		}
	}
	return true
}

// awaitConvergence runs until set has converged and stayed so for holdTime, and
// says how long that took from now. It fails past the bound.
func (w *World) awaitConvergence(set HostSet, what string) time.Duration {
	begin := w.now
	since := w.now
	w.oracle.Stable(w.ids(set))
	for !w.stopped() {
		w.RunFor(pollEvery)
		switch {
		case !w.converged(set):
			since = w.now
		case w.now.Sub(since) >= holdTime:
			return since.Sub(begin)
		}
		if w.now.Sub(begin) > convergeBound+holdTime {
			w.fail("L1", fmt.Sprintf("%s %s did not come to one view of exactly itself within %s\n%s",
				what, set, convergeBound, w.DescribeHosts()))
		}
	}
	return 0
}

// awaitCalm demands that nothing changes for the window and that messages get
// through to everyone.
func (w *World) awaitCalm(set HostSet, what string) {
	if w.stopped() {
		return
	}
	before := w.hosts[set.First()].View().ID
	base := make(map[int]int, set.Size())
	for _, number := range set.Numbers() {
		base[number] = w.hosts[number].proc.probes
	}
	w.identity.settle(set)
	if w.stopped() {
		return
	}
	w.oracle.Settled()
	sent := w.work.probe(set)
	w.RunFor(flapWindow - holdTime)
	w.oracle.Drain()
	w.RunFor(holdTime)
	w.oracle.Unstable()
	if w.stopped() {
		return
	}
	if !w.converged(set) || w.hosts[set.First()].View().ID != before {
		w.fail("L3", fmt.Sprintf("%s %s changed its view %v again although nothing happened\n%s",
			what, set, before, w.DescribeHosts()))
		return
	}
	for _, number := range set.Numbers() {
		if got := w.hosts[number].proc.probes - base[number]; got != sent {
			w.fail("L2", fmt.Sprintf("%s %s: host %d delivered %d of %d messages sent after view %v\n%s",
				what, set, number, got, sent, before, w.DescribeHosts()))
			return
		}
	}
}

// DescribeHosts says of each host what it is and what it believes.
func (w *World) DescribeHosts() string {
	var b strings.Builder
	for _, h := range w.hosts[1:] {
		p := h.proc
		switch {
		case p == nil:
			fmt.Fprintf(&b, "%2d: down (%s)\n", h.number, h.ended)
			continue
		case p.paused:
			fmt.Fprintf(&b, "%2d: stopped ", h.number)
		default:
			fmt.Fprintf(&b, "%2d: ", h.number)
		}
		fmt.Fprintf(&b, "%v view %s\n    %s\n", p.id, w.DrawView(p.view), strings.ReplaceAll(strings.TrimSpace(p.eng.Describe()), "\n", "\n    "))
	}
	return b.String()
}
