package gms

import (
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views/transfer"
)

// states are the transfers of this host. They belong to the loop, but for report.
type states struct {
	dir      string
	spoolMax int64
	quit     <-chan struct{}
	results  chan result

	donations map[transfer.TransferID]*donation
	intakes   map[transfer.TransferID]*intake
	// soon is what the engine is told once what it just gave was done.
	soon []engine.Input
}

// resultsMax is how many results of workers wait for the loop.
const resultsMax = 16

func newStates(cfg *Config, quit <-chan struct{}) states {
	return states{
		dir: cfg.DataDir, spoolMax: cfg.SpoolMax, quit: quit, results: make(chan result, resultsMax),
		donations: make(map[transfer.TransferID]*donation), intakes: make(map[transfer.TransferID]*intake),
	}
}

// stateWork gives to the workers what the transfers want.
func (l *loop) stateWork(w *engine.StateWork) {
	for _, r := range w.Reads {
		if d := l.states.donations[r.ID]; d != nil {
			d.reads.add(r)
		}
	}
	for _, r := range w.KeptReads {
		l.fileWork(r.ID, fileJob{kept: &r})
	}
	for _, r := range w.Writes {
		l.fileWork(r.ID, fileJob{write: &r})
	}
	for _, r := range w.Seals {
		l.fileWork(r.ID, fileJob{seal: &r})
	}
}

func (l *loop) fileWork(id transfer.TransferID, j fileJob) {
	if in := l.states.intakes[id]; in != nil {
		in.jobs.add(j)
	}
}

// stepSoon gives the engine an input once all that follows from the last one was
// done.
func (l *loop) stepSoon(in engine.Input) { l.states.soon = append(l.states.soon, in) }

func (l *loop) runSoon() {
	for len(l.states.soon) > 0 {
		in := l.states.soon[0]
		l.states.soon = l.states.soon[1:]
		l.step(in)
	}
}

func (l *loop) seatOf(port uint32, group string) *seat {
	if c := l.ports.byNumber[port]; c != nil {
		return c.seats[group]
	}
	return nil
}

// give shows a seat's port an event of its group, behind what waits.
func (s *seat) give(e member.Event) {
	if s.wait != nil {
		s.wait.add(e)
		return
	}
	s.client.box.give(e)
}

// refuseAll refuses what was not shown.
func (l *loop) refuseAll(list []member.Event) {
	for i := range list {
		if o, ok := list[i].Donation.(*offer); ok {
			o.port.offers.Add(-1)
			o.taken.Store(true)
			l.stepSoon(engine.Refuse{ID: o.id})
		}
	}
}

// orderSoon hands a command to the loop, waiting for room; false where the host
// has ended.
func (h *Host) orderSoon(c command) bool {
	select {
	case h.commands <- c:
		return true
	case <-h.done:
		return false
	}
}

// cutStuck takes those out for whose state the whole group has waited too long,
// before the group takes out this host.
func (l *loop) cutStuck() {
	for _, c := range l.ports.byNumber {
		for _, s := range c.seats {
			if s.wait != nil && s.wait.isStuck() {
				l.giveUpState(s, member.ErrSlow)
			}
		}
	}
	l.runSoon()
}

// endStates ends all transfers with the host.
func (l *loop) endStates() {
	for _, c := range l.ports.byNumber {
		for _, s := range c.seats {
			l.endSeatState(s)
		}
	}
	// order-free: each only lets its goroutine go
	for _, d := range l.states.donations {
		d.reads.end()
	}
}
