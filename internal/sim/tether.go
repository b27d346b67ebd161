package sim

import (
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// The operating system's word. A daemon watches others through a connection
// that closes with their process. The world models what a kernel can know: a
// closed connection, a refused one, a successor that answers; and what it
// cannot: a machine without power, a stopped process, a cut.

// watched is one process that a daemon watches.
type watched struct {
	target engine.WatchTarget
	// found is the last word on it; told whether there was any.
	found message.Evidence
	told  bool
	// due: a probe is under way.
	due bool
}

const (
	tetherRetry  = time.Second
	tetherHasten = 2 * time.Millisecond
)

// setWatch replaces what p watches; a target that stays keeps its connection.
func (h *Host) setWatch(p *process, targets []engine.WatchTarget) {
	old := p.watch
	p.watch = make([]watched, 0, len(targets))
	for _, t := range targets {
		wd := watched{target: t}
		for _, o := range old {
			if o.target == t {
				wd = o
			}
		}
		p.watch = append(p.watch, wd)
	}
	if h.w.opts.Tether == 0 {
		return
	}
	for i := range p.watch {
		if !p.watch[i].told && !p.watch[i].due {
			h.probeLater(p, i, h.w.net.delayMin*2+tetherHasten)
		}
	}
}

// probeLater tries to connect to watch target i after d.
func (h *Host) probeLater(p *process, i int, d time.Duration) {
	p.watch[i].due = true
	h.w.heap.push(event{
		at: h.w.now.Add(d + exponential(h.r, h.w.net.mean)), kind: evProbe,
		host: uint16(h.number), gen: p.gen, from: uint16(h.w.net.machineAt(p.watch[i].target.Addr)),
		arg: uint32(i),
	})
}

// probe connects to a watched process and reports what answers.
func (h *Host) probe(e *event) {
	p := h.proc
	if p == nil || p.gen != e.gen {
		return
	}
	i := int(e.arg)
	if i >= len(p.watch) || !p.watch[i].due || h.w.net.machineAt(p.watch[i].target.Addr) != int(e.from) {
		h.adoptProbe(p, int(e.from))
		return
	}
	h.probed(p, i)
}

// adoptProbe finds the target of a probe whose place in the list has changed.
func (h *Host) adoptProbe(p *process, machine int) {
	for i := range p.watch {
		if p.watch[i].due && h.w.net.machineAt(p.watch[i].target.Addr) == machine {
			h.probed(p, i)
			return
		}
	}
}

func (h *Host) probed(p *process, i int) {
	wd := &p.watch[i]
	wd.due = false
	found, ok := h.w.answers(h, wd.target)
	if !ok {
		h.probeLater(p, i, tetherRetry)
		return
	}
	if !wd.told || wd.found != found {
		wd.told, wd.found = true, found
		h.w.tell(h, p, wd.target.Process, found, 0)
	}
	if found == message.EvidenceRefused {
		h.probeLater(p, i, tetherRetry)
	}
}

// answers says what a connection from h to the target's address meets; false
// where nothing answers.
func (w *World) answers(h *Host, t engine.WatchTarget) (message.Evidence, bool) {
	n := w.net.machineAt(t.Addr)
	if n == 0 || !w.net.reaches(h.number, n) || !w.hosts[n].powered {
		return 0, false
	}
	q := w.hosts[n].proc
	switch {
	case q == nil:
		return message.EvidenceRefused, true
	case q.paused:
		return 0, false
	case q.id == t.Process:
		return message.EvidenceNone, true
	case q.id.Host == t.Host:
		return message.EvidenceReplaced, true
	}
	return message.EvidenceRefused, true
}

// tellWatchers spreads the word that p, on h, has closed its socket.
func (w *World) tellWatchers(h *Host, p *process) {
	w.eachWatcher(h, p.id, func(o *Host, i int) {
		if !w.net.reaches(h.number, o.number) || chance(w.fault, w.opts.TetherLost) {
			w.cover.hit(coverTetherLost)
			return
		}
		w.closedAt(o, i)
	})
}

// closedAt tells watcher o that the connection of its target i closed, and has
// it connect again soon.
func (w *World) closedAt(o *Host, i int) {
	q := o.proc
	wd := &q.watch[i]
	wd.told, wd.found = true, message.EvidenceClosed
	w.tell(o, q, wd.target.Process, message.EvidenceClosed, w.net.delayMin)
	if !wd.due {
		o.probeLater(q, i, 2*w.net.delayMin+tetherHasten)
	}
}

// falseClosed tells the watchers of h that it closed, though it lives: a box in
// the middle has lost its state.
func (w *World) falseClosed(h *Host) {
	if h.proc == nil {
		return
	}
	w.eachWatcher(h, h.proc.id, func(o *Host, i int) {
		if chance(w.fault, 500_000) {
			w.closedAt(o, i)
		}
	})
}

// eachWatcher visits the running processes that watch id, which is on h.
func (w *World) eachWatcher(h *Host, id views.Process, do func(o *Host, i int)) {
	if w.opts.Tether == 0 {
		return
	}
	for _, o := range w.hosts[1:] {
		if o == h || o.proc == nil {
			continue
		}
		for i := range o.proc.watch {
			if o.proc.watch[i].target.Process == id {
				do(o, i)
				break
			}
		}
	}
}

// tell delivers evidence to process p on h after a delay.
func (w *World) tell(h *Host, p *process, who views.Process, found message.Evidence, d time.Duration) {
	w.cover.evidence[found]++
	w.evidence = append(w.evidence, engine.Evidence{Process: who, Found: found})
	w.heap.push(event{
		at: w.now.Add(d + exponential(h.r, w.net.mean)), kind: evEvidence,
		host: uint16(h.number), gen: p.gen, arg: uint32(len(w.evidence) - 1),
	})
}

func (h *Host) hearEvidence(e *event) {
	p := h.proc
	if p == nil || p.gen != e.gen {
		return
	}
	if p.paused {
		p.queue(queued{kind: evEvidence, arg: e.arg}, 0)
		return
	}
	h.step(h.w.evidence[e.arg])
}
