package gms

import (
	"slices"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
	"github.com/gmsd/gmsd/views/trace"
	"github.com/gmsd/gmsd/views/transfer"
)

// act does what follows from a step, in the order of the fields of Output: the
// log line before the effect, the promise on its way to the disk before the
// frames, the frames before the application.
func (l *loop) act(out *engine.Output) {
	l.record(out.Events)
	if out.Persist != nil {
		l.disk.persist(*out.Persist)
	}
	if k := out.Keys; k != nil {
		l.host.inUse.Store(&transport.Keys{Sending: k.Sending, Accepted: k.Accepted, Ring: k.Ring})
	}
	if out.SaveRing != nil {
		l.keeper.save(*out.SaveRing)
		l.host.believed.change(out.SaveRing.Ring)
	}
	l.transmit(out.Send)
	l.stateWork(&out.State)
	for _, d := range out.Deliver {
		l.deliver(d)
	}
	if out.Watch != nil {
		l.tr.Watch(targets(out.Watch.Targets))
	}
	if out.Stop != nil {
		l.stop(out.Stop)
	}
}

// record stamps events, writes them with one write, and shows them to readers.
func (l *loop) record(events []trace.Event) {
	if len(events) == 0 {
		return
	}
	l.records = l.records[:0]
	for _, ev := range events {
		l.n++
		l.records = append(l.records, trace.Record{N: l.n, T: l.now, Process: l.self, Event: ev})
		if _, stop := ev.(trace.Stop); stop {
			l.stopSeen = true
		}
	}
	l.host.counts.events.Add(uint64(len(events)))
	lost := l.eventLog.write(l.records)
	l.host.ring.append(l.records)
	l.host.changes.note(l.records)
	if lost > 0 {
		l.record([]trace.Event{trace.Drop{Reason: dropEventLog, Count: lost}})
	}
}

// transmit sends packets, those that follow each other with one call. An error
// loses a frame, as the network might; the engine repeats what matters.
func (l *loop) transmit(packets []engine.Packet) {
	l.out = l.out[:0]
	for i := range packets {
		p := &packets[i]
		if p.Scope != engine.Seek {
			l.out = append(l.out, transport.Outbound{All: p.Scope == engine.All, Alone: p.Alone, To: p.To, Frame: p.Frame})
			continue
		}
		l.transmitBatch()
		l.seek(p.Frame)
	}
	l.transmitBatch()
}

func (l *loop) transmitBatch() {
	if len(l.out) > 0 {
		l.sent(l.tr.SendBatch(l.out))
		clear(l.out)
		l.out = l.out[:0]
	}
}

// sent notes whether frames could be sent.
func (l *loop) sent(err error) {
	if err != nil {
		l.host.counts.sendErrors.Add(1)
		if l.sending {
			l.log.Warn("a frame could not be sent; further ones are only counted", "err", err)
		}
	} else if !l.sending {
		l.log.Info("frames can be sent again")
	}
	l.sending = err == nil
}

// deliver shows the application what happened. The order in which the engine
// lists it is the order in which every reader sees it.
func (l *loop) deliver(d engine.Delivery) {
	h := l.host
	switch d := d.(type) {
	case engine.ViewInstalled:
		l.install(d)
	case engine.Blocked:
		h.listeners.show(GroupEvent{Kind: KindBlock}, nil)
	case engine.Unblocked:
		h.listeners.show(GroupEvent{Kind: KindUnblock}, nil)
	case *engine.Messages:
		h.listeners.messages(d.List)
		l.portMessages(d.List)
	case groups.GroupView:
		l.takeGroupView(d)
	case groups.Handover:
		l.takeHandover(d)
	case transfer.Progress:
		l.takeProgress(d)
	case transfer.Complete:
		l.takeComplete(d)
	case transfer.Failed:
		l.takeFailed(d)
	case groups.Block:
		l.takeBlock(d)
	case engine.GroupUnblocked:
		l.takeUnblocked(d)
	case groups.Parted:
		l.takeParted(d.Group, d.Port, d.Why, nil)
	case groups.JoinFailed:
		l.takeParted(d.Group, d.Port, groups.WhyNone, d.Err)
	case engine.StateChanged:
		l.amend(d)
	case engine.Submitted:
		l.submitted(d)
	case engine.KeysChanged:
		l.keysChanged(d)
	case engine.KeysFault:
		l.log.Error("the keys could not be changed after a host was evicted: it can still read the group", "err", d.Err)
	case engine.Refused:
		l.takeRefused(d)
	case engine.Met:
		l.noteMet(d)
	case engine.ReportCame:
		l.takeReport(d)
	case engine.Earshot:
		l.takeEarshot(d)
	}
}

// view is the current one, nil before the first.
func (l *loop) view() *views.View {
	if s := l.host.board.current(); s != nil {
		return s.View
	}
	return nil
}

func (l *loop) install(d engine.ViewInstalled) {
	h := l.host
	next := &Snapshot{View: d.View, Trans: slices.Clone(d.Trans), Installed: time.Now(), State: StateZombie}
	before := l.view()
	if before != nil {
		next.Prev = before.ID
	}
	h.nameMembers(d.View)
	h.board.install(next)
	h.listeners.show(GroupEvent{Kind: KindView}, next)
	l.remember(d.View, before)
	l.changed()
	l.evicted(d.View)
	l.noteLost(before, d.View, d.Removed)
	l.noteCame(before, d.View)
	if before != nil && before.Size() == 1 && d.View.Size() > 1 {
		l.doctor.watch.strange.forgetGroups()
	}
	l.log.Info("view installed", "view", d.View, "reason", d.View.Reason)
	l.watchNames(d.View)
	if before == nil {
		close(h.first)
	}
}

func (l *loop) amend(d engine.StateChanged) {
	next := *l.host.board.current()
	next.View, next.K = d.View, d.K
	l.host.board.amend(&next)
	l.host.listeners.show(GroupEvent{Kind: KindState, Who: d.Who}, &next)
	if d.Who == l.self.Host {
		l.changed()
	}
}

// stop turns the engine's end into the host's.
func (l *loop) stop(s *engine.Stop) {
	if !l.stopSeen {
		l.record([]trace.Event{trace.Stop{How: s.How}})
	}
	switch {
	case s.Code != views.RefuseNone:
		l.end(StateDenied, &DeniedError{Code: s.Code, Detail: s.Detail})
	case s.How == trace.StopGraceful:
		l.end(StateLeft, nil)
	default:
		l.end(StateStopped, &FatalError{How: s.How, Detail: s.Detail})
	}
	l.log.Info("stopped", "how", s.How, "detail", s.Detail)
}

func targets(of []engine.WatchTarget) []transport.Target {
	out := make([]transport.Target, len(of))
	for i, t := range of {
		out[i] = transport.Target(t)
	}
	return out
}
