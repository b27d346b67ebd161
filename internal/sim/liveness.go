package sim

import (
	"fmt"
	"strings"
	"time"
)

// Bounds of the liveness phase, in virtual time; all but pollEvery at the scale
// of the timings, see [Options.patience].
const (
	// convergeBound is how long a healed component may take to one view; at least
	// convergeLeast, since daemons take their time to start.
	convergeBound = 60 * time.Second
	convergeLeast = 15 * time.Second
	// holdTime is how long that view must have stood to count.
	holdTime = 5 * time.Second
	// flapWindow is how long nothing may change after that.
	flapWindow = 15 * time.Second
	// pollEvery is how often the world looks.
	pollEvery = 100 * time.Millisecond
	// coreLossMax bounds the loss among hosts that are said to be healed.
	coreLossMax = 50_000
)

// healCore heals the core and leaves everyone else broken.
func (w *World) healCore(stays *Stays) {
	core := w.coreOf(stays)
	w.work.clients.gentle = true
	w.operator.off = true
	w.removeClones()
	w.heal(core)
	w.net.each(core, core, func(l *link) { l.loss = min(l.loss, coreLossMax) })
	w.oracle.Disturb(true, w.ids(w.All()&^core))
	for _, number := range (w.All() &^ core).Numbers() {
		w.breakForGood(number, core, stays[number])
		if w.watchFault != nil {
			w.watchFault(fmt.Sprintf("%d stays %s", number, stays[number]))
		}
	}
	if w.watchFault != nil {
		w.watchFault("core " + core.String() + " is healed for good")
	}
}

// healAll heals the others, too.
func (w *World) healAll(stays *Stays) {
	w.removeClones()
	all, core := w.All(), w.coreOf(stays)
	w.heal(all)
	w.lingers(w.ids(all &^ core))
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
	begin, since := w.now, w.now
	bound, hold := max(w.opts.scaled(convergeBound), convergeLeast)+w.keysBound(set), w.opts.patience(holdTime)
	w.oracle.Stable(w.ids(set))
	for !w.stopped() {
		w.operator.tend(set, begin)
		w.RunFor(pollEvery)
		switch {
		case !w.converged(set):
			since = w.now
		case w.now.Sub(since) >= hold:
			return since.Sub(begin)
		}
		if w.now.Sub(begin) > bound+hold {
			w.fail("L1", fmt.Sprintf("%s %s did not come to one view of exactly itself within %s\n%s",
				what, set, bound, w.DescribeHosts()))
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
	w.endSlowness()
	sent := w.work.probe(set)
	w.RunFor(w.opts.patience(flapWindow - holdTime))
	w.oracle.Drain()
	w.drained = w.now
	w.work.clients.steady = true
	w.RunFor(w.opts.patience(holdTime))
	w.oracle.Unstable()
	w.work.clients.steady = false
	if w.stopped() {
		return
	}
	w.work.clients.judge(set)
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
	w.judgeFates(set)
	w.judgeKeys(set)
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
		if w.opts.Sealed != 0 {
			fmt.Fprintf(&b, "    keys %s\n", w.DrawKeys(h.number))
		}
	}
	return b.String()
}
