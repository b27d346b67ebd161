package sim

import (
	"slices"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/sim/check"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
	"github.com/gmsd/gmsd/views/transfer"
)

// The driver's half of states: what the daemon does around the engine where a port
// wants the state of its group (package gms), in the same order.

// intake is a state that a port takes: its file, and who works at it.
type intake struct {
	m *membership
	// id is the transfer under way; what is said of an earlier one is ignored.
	id      transfer.TransferID
	donor   views.Process
	file    []byte
	work    stateWork
	trouble trouble
	// begun counts the donors, writes what was written; pending is what the engine
	// has asked to be written and was not told of.
	begun, writes, pending int
}

// waiting is what an application is shown behind a state that it does not have yet.
type waiting struct {
	list  []shown
	bytes int
	// useless: a later cut comes, before which nothing counts.
	useless bool
}

const (
	// Between these is how much may wait for a state; what is more counts as unread,
	// so that the others stop. Who makes them wait for waitMost is taken out.
	waitRoomLeast, waitRoomMost = 4 << 10, 256 << 10
	waitMost                    = 10 * time.Second
	// held is what a message takes beside its payload.
	held = 64
)

// stateJob is one thing to do to a state or a file.
type stateJob struct {
	begin bool
	read  *transfer.Read
	kept  *transfer.Read
	write *transfer.Write
	seal  *transfer.Seal
}

// stateWork does jobs one after the other, a while after they came: the goroutine
// of a donor's reader, or of a joiner's file.
type stateWork struct {
	h     *Host
	p     *process
	list  []stateJob
	pace  time.Duration
	armed bool
	over  bool
	do    func(j *stateJob)
}

func (s *stateWork) add(j stateJob) {
	if s.over {
		return
	}
	s.list = append(s.list, j)
	if !s.armed {
		s.armed = true
		k := &s.h.w.work.clients
		k.later(s.h, s.p, exponential(k.sr, s.pace)+time.Microsecond, s.run)
	}
}

func (s *stateWork) run() {
	list := s.list
	s.list, s.armed = nil, false
	for i := range list {
		if s.over || s.h.proc != s.p || s.p.paused {
			return
		}
		s.do(&list[i])
	}
}

// takeHandover does what a cut asks of the ports here.
func (h *Host) takeHandover(p *process, o *groups.Handover) {
	id := engine.TransferOf(o)
	if o.Joiner.Process == p.id {
		if m, _ := p.membership(o.Joiner.Port, o.Group); m != nil {
			h.takeCut(p, m, id, o)
		}
	}
	if o.Donor.Port == 0 || o.Donor.Process != p.id {
		return
	}
	if m, _ := p.membership(o.Donor.Port, o.Group); m != nil && m.viewed && m.app.has && m.wait == nil {
		h.askForState(p, m, id)
	} else {
		h.w.cover.hit(coverStateRefused)
		p.soon = append(p.soon, engine.Refuse{ID: id})
	}
}

// takeCut lets a port that joins wait for its state, or says why not.
func (h *Host) takeCut(p *process, m *membership, id transfer.TransferID, o *groups.Handover) {
	switch {
	case o.First:
		m.app.begin(p.id, m.port, h.w.now)
		h.tell(p, m, check.AppEvent{Kind: check.AppBegins, Sum: m.app.sum})
	case o.Donor.Port == 0:
		h.w.cover.hit(coverNoDonor)
		h.giveUp(p, m)
	default:
		h.beginIntake(p, m, id, o.Donor.Process)
	}
}

// beginIntake waits for a donor's state from this place on. The file of an earlier
// donor stays.
func (h *Host) beginIntake(p *process, m *membership, id transfer.TransferID, donor views.Process) {
	h.dropWaiting(p, m)
	m.wait = &waiting{}
	in := m.intake
	if in == nil {
		in = &intake{m: m}
		in.work = stateWork{h: h, p: p, do: func(j *stateJob) { h.workAtFile(in, j) }}
		m.intake = in
	} else {
		h.w.cover.hit(coverNextDonor)
		delete(p.intakes, in.id)
		p.soon = append(p.soon, engine.EndTransfer{ID: in.id})
	}
	in.id, in.donor, in.pending = id, donor, 0
	in.begun++
	h.w.work.clients.drawIntake(h, p, in)
	if p.intakes == nil {
		p.intakes = make(map[transfer.TransferID]*intake)
	}
	p.intakes[id] = in
	in.work.add(stateJob{begin: true})
}

// dropWaiting forgets the messages that wait: they are in a later state. Views are
// shown.
func (h *Host) dropWaiting(p *process, m *membership) {
	if m.wait == nil {
		return
	}
	for i := range m.wait.list {
		if e := &m.wait.list[i]; e.view != nil {
			h.apply(p, m, e)
		}
	}
	m.wait.list, m.wait.bytes = nil, 0
	h.countHeld(p)
}

// giveUp takes a port out of its group because it does not get the state. In a
// settled time nobody goes: it waits.
func (h *Host) giveUp(p *process, m *membership) {
	k := &h.w.work.clients
	if !m.wanted {
		return
	}
	if k.steady {
		k.later(h, p, 100*time.Millisecond, func() { h.giveUp(p, m); h.runSoon(p) })
		return
	}
	h.w.cover.hit(coverGaveUp)
	m.wanted, m.asked = false, false
	h.endSeat(p, m)
	p.soon = append(p.soon, engine.Part{Port: m.port, Group: m.group, Why: groups.Cut})
}

// endSeat ends what a membership waits for.
func (h *Host) endSeat(p *process, m *membership) {
	h.tell(p, m, check.AppEvent{Kind: check.AppEnds})
	m.wait = nil
	h.countHeld(p)
	if in := m.intake; in != nil {
		m.intake = nil
		delete(p.intakes, in.id)
		in.work.over = true
		p.soon = append(p.soon, engine.EndTransfer{ID: in.id})
	}
}

// hold lets an event wait for the state.
func (h *Host) hold(p *process, m *membership, e shown) {
	k, w := &h.w.work.clients, m.wait
	if e.msg != nil {
		w.bytes += held + len(e.msg.Payload)
		kept := *e.msg
		kept.Payload = nil
		e.msg = &kept
	}
	w.list = append(w.list, e)
	if w.bytes <= k.waitRoom {
		return
	}
	if h.countHeld(p); !w.useless && p.over > h.heldMost(p) {
		h.w.fail("flow", "more waits for a state than can be under way\n"+h.w.DescribeHosts())
	}
	h.w.cover.hit(coverHeld)
	wait := h.w.opts.prompt(waitMost) // sooner than the others take out who stops them
	if k.swift {
		wait = 0
	}
	k.later(h, p, wait, func() {
		if m.wait == w && w.bytes > k.waitRoom {
			h.giveUp(p, m)
			h.runSoon(p)
		}
	})
}

// heldMost is what can wait in vain: what it takes to stop all, and what is under
// way then, in the few views that may pass until who is stuck is out.
func (h *Host) heldMost(p *process) int {
	window := h.w.opts.window()
	return 4 * (stopAt*window + (p.view.Size()+1)*(2*window+floodBytes+h.w.opts.longMax()/2))
}

// countHeld tells the engine how much of what waits has no room.
func (h *Host) countHeld(p *process) {
	over := 0
	for _, q := range p.ports {
		for _, m := range q.in {
			if m.wait != nil {
				over += max(0, m.wait.bytes-h.w.work.clients.waitRoom)
			}
		}
	}
	if over != p.over {
		p.over = over
		if in, changed := h.backlog(p); changed {
			p.soon = append(p.soon, in)
		}
	}
}

// stateWorkOf gives to the workers what the transfers want.
func (h *Host) stateWorkOf(p *process, w *engine.StateWork) {
	for i := range w.Reads {
		if d := p.donations[w.Reads[i].ID]; d != nil {
			read := w.Reads[i]
			d.work.add(stateJob{read: &read})
		}
	}
	for i := range w.KeptReads {
		if in := p.intakes[w.KeptReads[i].ID]; in != nil {
			kept := w.KeptReads[i]
			in.work.add(stateJob{kept: &kept})
		}
	}
	for i := range w.Writes {
		if in := p.intakes[w.Writes[i].ID]; in != nil {
			write := w.Writes[i]
			in.pending += len(write.Data)
			if in.pending > transfer.WindowDefault {
				h.w.fail("driver", "more of a state is to be written than a window holds")
			}
			in.work.add(stateJob{write: &write})
		}
	}
	for i := range w.Seals {
		if in := p.intakes[w.Seals[i].ID]; in != nil {
			seal := w.Seals[i]
			in.work.add(stateJob{seal: &seal})
		}
	}
}

// workAtFile does one job to a joiner's file, and gives the engine's answer.
func (h *Host) workAtFile(in *intake, j *stateJob) {
	switch {
	case j.begin:
		h.step(engine.Receive{ID: in.id, Donor: in.donor, Kept: uint64(len(in.file))})
	case j.kept != nil && j.kept.ID == in.id:
		h.readKept(in, j.kept)
	case j.write != nil && j.write.ID == in.id:
		h.writeState(in, j.write)
	case j.seal != nil && j.seal.ID == in.id:
		err := troubleAt(in, troubleSeal)
		if err == nil {
			in.file = in.file[:min(uint64(len(in.file)), j.seal.Bytes)]
		}
		h.step(engine.StateSealed{ID: j.seal.ID, Err: err})
	}
}

func (h *Host) readKept(in *intake, r *transfer.Read) {
	var data []byte
	if r.Offset < uint64(len(in.file)) {
		data = in.file[r.Offset:min(uint64(len(in.file)), r.Offset+uint64(r.Size))]
	}
	h.w.cover.hit(coverKept)
	var err error
	if in.trouble.kind == troubleKept {
		data, err = nil, errDisk
	}
	h.step(engine.KeptRead{ID: r.ID, Index: r.Index, Data: data, Err: err})
}

func (h *Host) writeState(in *intake, w *transfer.Write) {
	in.writes++
	if in.trouble.kind == troubleHang && in.writes > in.trouble.after {
		return
	}
	err := troubleAt(in, troubleWrite)
	if err == nil {
		if end := int(w.Offset) + len(w.Data); end > len(in.file) {
			in.file = slices.Grow(in.file, end-len(in.file))[:end]
		}
		copy(in.file[w.Offset:], w.Data)
	}
	in.pending -= len(w.Data)
	h.step(engine.StateWritten{ID: w.ID, Index: w.Index, Err: err})
}

// takeComplete ends a transfer that went well.
func (h *Host) takeComplete(p *process, c transfer.Complete) {
	if c.Role == transfer.Donor {
		h.endDonation(p, c.ID)
		return
	}
	in := p.intakes[c.ID]
	if in == nil {
		return
	}
	m := in.m
	delete(p.intakes, c.ID)
	m.intake, in.work.over = nil, true
	k := &h.w.work.clients
	a, ok := k.restored(m.group, in.file)
	if !ok || uint64(len(in.file)) != c.Bytes {
		h.w.fail("GV9", "the state that a port is given is none that an application gives\n"+h.w.DescribeHosts())
		return
	}
	h.noteDelivery(c)
	h.w.stats.States++
	h.w.stats.StateBytes += c.Bytes
	if in.begun > 1 {
		h.w.stats.Resumed++
	}
	m.app = a
	h.tell(p, m, check.AppEvent{Kind: check.AppTakes, Cut: cutOf(&c.ID), Sum: a.sum})
	waited := m.wait
	m.wait = nil
	for i := range waited.list {
		h.apply(p, m, &waited.list[i])
	}
	h.countHeld(p)
	k.later(h, p, exponential(k.sr, in.work.pace), func() {
		if m.wanted && m.intake == nil {
			h.step(engine.TookState{Port: m.port, Group: m.group})
		}
	})
}

// takeFailed ends a transfer that did not. Where another donor can help the table
// names one.
func (h *Host) takeFailed(p *process, f transfer.Failed) {
	if f.Role == transfer.Donor {
		h.endDonation(p, f.ID)
		return
	}
	in := p.intakes[f.ID]
	if in == nil {
		return
	}
	h.noteDelivery(f)
	h.w.cover.transfers[f.Reason]++
	if !f.Retryable {
		h.giveUp(p, in.m)
		return
	}
	h.dropWaiting(p, in.m)
	if in.m.wait != nil {
		in.m.wait.useless = true
	}
}

func cutOf(id *transfer.TransferID) check.Cut {
	return check.Cut{Group: id.Group, View: id.View, K: id.K, Joiner: id.Joiner, Port: id.Port}
}

// runSoon gives the engine what was to wait until its last output was acted upon.
func (h *Host) runSoon(p *process) {
	for h.proc == p && !p.paused && len(p.soon) > 0 {
		in := p.soon[0]
		p.soon = p.soon[1:]
		h.stepOnce(in)
	}
}

// waitingForState counts the ports that want a state and have none.
func (w *World) waitingForState() (n int) {
	for _, h := range w.hosts[1:] {
		if h.proc == nil {
			continue
		}
		for _, q := range h.proc.ports {
			for _, m := range q.in {
				if m.wanted && m.wishes && !m.app.has {
					n++
				}
			}
		}
	}
	return n
}

// stateBound is how long a wish for a state may last where nothing is wrong any
// more: what hung before takes a patience.
const stateBound = 3 * time.Minute

// awaitStates demands that each wish for a state ends.
func (w *World) awaitStates() {
	if !w.opts.states() || w.stopped() {
		return
	}
	end := w.now.Add(w.opts.patience(stateBound))
	for w.waitingForState() > 0 && w.now < end && !w.stopped() {
		w.RunFor(100 * time.Millisecond)
	}
	if !w.stopped() {
		w.oracle.Rest()
	}
}
