package sim

import (
	"fmt"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
	"github.com/gmsd/gmsd/views/trace"
	"github.com/gmsd/gmsd/views/transfer"
)

// packetLeast is what no packet here carries: a longer message goes in parts.
const packetLeast = 1472

// log takes one event of an engine, numbers it as the event log does, and
// shows it to the checkers.
func (h *Host) log(p *process, e trace.Event) {
	w := h.w
	if w.over != "" {
		return
	}
	p.records++
	w.stats.Records++
	r := trace.Record{N: p.records, T: h.now(), Process: p.id, Event: e}
	switch e := e.(type) {
	case trace.Install:
		w.stats.Installs++
		w.sawView(e.View)
		w.cover.reasons[min(int(e.Reason), len(w.cover.reasons)-1)]++
		w.note(hashEvent, uint64(h.number)<<8|uint64(e.Reason), uint64(e.View.Seq)<<16|uint64(len(e.Members)))
		p.deliveries = append(p.deliveries, e)
		h.judgeQuiet(e)
		h.judgeDurable(e)
		w.identity.installed(e)
	case trace.Deliver:
		w.stats.Delivered++
		w.note(hashEvent, uint64(h.number), e.Msg.N<<32|uint64(e.Sum))
		p.deliveries = append(p.deliveries, e)
		if e.Group == probeGroup {
			p.probes++
		}
		if e.Order == views.Safe && !e.Transitional {
			w.stats.Safe++
		}
		if e.Len > packetLeast {
			w.stats.Long++
		}
	case trace.Send:
		w.stats.Messages++
	case trace.GroupView, trace.GroupLeft:
		p.deliveries = append(p.deliveries, e)
	case trace.Suspect:
		w.stats.Suspicions++
	case trace.Drop:
		h.judgeDrop(p, e)
	}
	if w.watchRecord != nil {
		w.watchRecord(h, r)
	}
	if w.over == "" && (!p.shadow || w.identity.shows(h, p, r)) {
		w.oracle.Observe(h.disk.stream, r)
	}
}

// sawView counts distinct views, as seen from the outside.
func (w *World) sawView(id views.ViewID) {
	if w.lastView.Less(id) {
		w.lastView = id
		w.stats.Views++
	}
}

// judgeQuiet fails a quiet seed in which a member was given up: with nothing
// wrong nobody may ever be removed but by a word (L5).
func (h *Host) judgeQuiet(e trace.Install) {
	if h.w.opts.Profile == Quiet && (e.Reason == views.ReasonCrash || e.Reason == views.ReasonEvict) {
		h.w.fail("L5", fmt.Sprintf("host %d installed %v because of a %s although no fault was injected",
			h.number, e.View, e.Reason))
	}
}

// judgeDurable fails a host that installs what it has not promised on its disk:
// after a crash it could promise, or be, something else under that number.
func (h *Host) judgeDurable(e trace.Install) {
	if known := h.disk.store.Seq(); e.View.Seq > known {
		h.w.fail("disk", fmt.Sprintf("host %d installed %s while its disk knows no number above %d",
			h.number, h.w.describeInstall(e), known))
	}
}

// deliver takes what the application gets and holds it against the log: each
// view and message stands there first, in the same order.
func (h *Host) deliver(p *process, d engine.Delivery) {
	if h.w.over != "" {
		return // the log ended in the middle of this step
	}
	switch d := d.(type) {
	case engine.ViewInstalled:
		p.view = d.View
		p.installs++
		p.large = p.large || d.View.Size() > 1
		h.w.identity.meet(p, d.View)
		in, ok := h.nextLogged(p).(trace.Install)
		if h.w.over != "" {
			break
		}
		if !ok || in.View != d.View.ID {
			h.w.fail("log", fmt.Sprintf("host %d delivered view %v that its log does not say", h.number, d.View.ID))
		}
	case engine.Control:
		h.takeMessage(p, &d.Message)
	case *engine.Messages:
		for i := range d.List {
			h.takeMessage(p, &d.List[i])
		}
	case groups.GroupView, groups.Parted, groups.JoinFailed:
		h.takeGroupEvent(p, d)
		h.deliverGroup(p, d)
	case groups.Block, engine.GroupUnblocked, groups.Handover:
		h.deliverGroup(p, d)
	case transfer.Complete:
		h.takeComplete(p, d)
	case transfer.Failed:
		h.takeFailed(p, d)
	case engine.StateChanged:
		p.view = d.View
	case engine.Submitted:
		h.takeFate(p, &d)
	case engine.KeysChanged:
		h.takeKeysChanged(d)
	}
}

// takeMessage holds a message against the log.
func (h *Host) takeMessage(p *process, m *engine.Message) {
	msg, ok := h.nextLogged(p).(trace.Deliver)
	if h.w.over != "" {
		return // the run ended within this step, and with it the log
	}
	if !ok || msg.Msg != m.Msg || msg.K != m.K || msg.Len != len(m.Payload) || msg.Sum != checksum(m.Payload) {
		h.w.fail("log", fmt.Sprintf("host %d delivered message %v that its log does not say", h.number, m.Msg))
	}
	h.noteOwn(p, m)
	if p.slow != nil {
		p.slow.take(h, p, len(m.Payload))
	}
	h.route(p, m)
}

// takeGroupEvent holds what is said to ports against the log. A join that is
// refused at once is not logged.
func (h *Host) takeGroupEvent(p *process, d engine.Delivery) {
	ok := false
	switch d := d.(type) {
	case groups.GroupView:
		e, is := h.nextLogged(p).(trace.GroupView)
		ok = is && e.Group == d.Group && e.ID.K == d.ID.K && e.ID.View == d.ID.View && len(e.Members) == len(d.Members)
	case groups.Parted:
		e, is := h.nextLogged(p).(trace.GroupLeft)
		ok = is && e.Group == d.Group && e.Port == d.Port
	case groups.JoinFailed:
		ok = true
		if e, is := h.peekLogged(p).(trace.GroupLeft); is && e.Group == d.Group && e.Port == d.Port {
			h.nextLogged(p)
		}
	}
	if !ok && h.w.over == "" {
		h.w.fail("log", fmt.Sprintf("host %d told its ports %+v, which its log does not say there", h.number, d))
	}
}

// peekLogged gives the oldest logged delivery that the application has not had.
func (h *Host) peekLogged(p *process) trace.Event {
	if p.shown == len(p.deliveries) {
		return nil
	}
	return p.deliveries[p.shown]
}

// nextLogged takes the oldest logged delivery that the application has not had.
func (h *Host) nextLogged(p *process) trace.Event {
	if p.shown == len(p.deliveries) {
		return nil
	}
	e := p.deliveries[p.shown]
	p.shown++
	if p.shown == len(p.deliveries) {
		p.deliveries, p.shown = p.deliveries[:0], 0
	}
	return e
}

// crashed writes a process off: it ended without a word.
func (w *World) crashed(h *Host, p *process) { w.oracle.Crash(h.disk.stream, p.id) }

// ended notes that an engine stopped by itself.
func (w *World) ended(h *Host, p *process, s *engine.Stop) {
	w.identity.displaced(h, p, s)
}
