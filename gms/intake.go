package gms

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
	"github.com/gmsd/gmsd/views/transfer"
)

// intake is a state that a port here takes: its file, the goroutine that reads and
// writes it, and what waits behind it.
type intake struct {
	seat *seat
	// id is the transfer under way; what is said of an earlier one is ignored.
	id   transfer.TransferID
	file *stateFile
	jobs *jobs[fileJob]
	// toldAt is when progress was told last.
	toldAt views.Instant
}

// progressEvery is how often a port is told how far its state has come.
const progressEvery = 100 * time.Millisecond

// fileJob is one thing to do to a state's file.
type fileJob struct {
	begin *attempt
	write *transfer.Write
	kept  *transfer.Read
	seal  *transfer.Seal
}

// attempt is one donor's turn.
type attempt struct {
	id    transfer.TransferID
	donor views.Process
}

// stateFile is a temporary file that ends once, whoever ends it.
type stateFile struct {
	mu    sync.Mutex
	file  *os.File
	ended bool
}

// open gives the file, made when it is first used.
func (f *stateFile) open(dir string) (*os.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.ended:
		return nil, os.ErrClosed
	case f.file == nil:
		made, err := os.CreateTemp(dir, statePattern) // mode 0600
		if err != nil {
			return nil, err
		}
		f.file = made
	}
	return f.file, nil
}

// remove ends the file. It reports whether that was not done before.
func (f *stateFile) remove() (first bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return false, nil
	}
	f.ended = true
	if f.file == nil {
		return true, nil
	}
	return true, errors.Join(f.file.Close(), os.Remove(f.file.Name()))
}

// takeHandover does what a cut asks of the ports here.
func (l *loop) takeHandover(h groups.Handover) {
	id := engine.TransferOf(&h)
	if h.Joiner.Process == l.self {
		if s := l.seatOf(h.Joiner.Port, h.Group); s != nil {
			l.takeCut(s, id, &h)
		}
	}
	if h.Donor.Port == 0 || h.Donor.Process != l.self {
		return
	}
	if s := l.seatOf(h.Donor.Port, h.Group); s != nil && s.joined && s.hasState {
		l.askForState(s, id)
	} else {
		l.stepSoon(engine.Refuse{ID: id})
	}
}

// takeCut lets a port that joins wait for its state, or says why not.
func (l *loop) takeCut(s *seat, id transfer.TransferID, h *groups.Handover) {
	switch {
	case h.First:
		s.hasState = true
		s.give(member.Event{Kind: member.KindState, Group: s.group})
	case h.Donor.Port == 0:
		l.giveUpState(s, member.ErrNoDonor)
	default:
		l.beginIntake(s, id, h.Donor.Process)
	}
}

func (l *loop) beginIntake(s *seat, id transfer.TransferID, donor views.Process) {
	s.hasState = false
	if s.wait == nil {
		s.wait = newWaiting(s.client.box, s.group, l.states.dir, l.states.spoolMax, &l.workers, func(err error) {
			go l.states.report(result{do: func(l *loop) { l.giveUpState(s, fmt.Errorf("%w: %w", member.ErrState, err)) }})
		})
	} else {
		l.refuseAll(s.wait.cut(false))
	}
	in := s.intake
	if in == nil {
		in = &intake{seat: s, file: &stateFile{}, jobs: newJobs[fileJob]()}
		s.intake = in
		l.workers.Go(func() { in.work(&l.states) })
	} else {
		delete(l.states.intakes, in.id)
		l.stepSoon(engine.EndTransfer{ID: in.id})
	}
	in.id = id
	l.states.intakes[id] = in
	in.jobs.add(fileJob{begin: &attempt{id, donor}})
}

// giveUpState takes a port out of its group because it does not get the state.
func (l *loop) giveUpState(s *seat, why error) {
	if s.cut != nil || s.client.seats[s.group] != s {
		return
	}
	s.cut = why
	l.endIntake(s)
	l.stepSoon(engine.Part{Port: s.client.number, Group: s.group, Why: groups.Cut})
}

// endIntake ends what a seat waits for, and the file with it unless the application
// has it.
func (l *loop) endIntake(s *seat) {
	if s.wait != nil {
		s.wait.end()
	}
	if in := s.intake; in != nil {
		s.intake = nil
		delete(l.states.intakes, in.id)
		in.jobs.end()
		_, _ = in.file.remove() // what stays is swept at the next start
		l.stepSoon(engine.EndTransfer{ID: in.id})
	}
}

// endSeatState ends all of a seat that is over, also what the application reads.
func (l *loop) endSeatState(s *seat) {
	l.endIntake(s)
	for _, o := range s.offers {
		if !o.taken.Swap(true) {
			l.stepSoon(engine.Refuse{ID: o.id})
		}
	}
	s.offers = nil
	if s.given != nil {
		_, _ = s.given.remove()
		s.given = nil
	}
}

// takeProgress tells a port how far its state is.
func (l *loop) takeProgress(p transfer.Progress) {
	in := l.states.intakes[p.ID]
	if p.Role != transfer.Joiner || in == nil || (in.toldAt != 0 && l.now.Sub(in.toldAt) < progressEvery) {
		return
	}
	in.toldAt = l.now
	in.seat.client.box.give(member.Event{
		Kind: member.KindProgress, Group: in.seat.group,
		Progress: member.Progress{Bytes: int64(p.Bytes), Total: int64(p.Total)}, //nolint:gosec // bounded by the transfer
	})
}

// takeComplete ends a transfer that went well.
func (l *loop) takeComplete(c transfer.Complete) {
	if c.Role == transfer.Donor {
		l.endDonation(c.ID)
		return
	}
	in := l.states.intakes[c.ID]
	if in == nil {
		return
	}
	s := in.seat
	delete(l.states.intakes, c.ID)
	s.intake, s.given = nil, in.file
	in.jobs.end()
	f, err := in.file.open(l.states.dir)
	if err != nil {
		l.giveUpState(s, fmt.Errorf("%w: %w", member.ErrState, err))
		return
	}
	size := int64(c.Bytes) //nolint:gosec // bounded by the transfer
	s.wait.pass(member.Event{Kind: member.KindState, Group: s.group, State: &member.State{
		ReadCloser: &stateReader{io.NewSectionReader(f, 0, size), in.file, s, l.host}, Size: size,
	}})
}

// takeFailed ends a transfer that did not. Where another donor can help the table
// names one.
func (l *loop) takeFailed(f transfer.Failed) {
	if f.Role == transfer.Donor {
		l.endDonation(f.ID)
		return
	}
	in := l.states.intakes[f.ID]
	switch {
	case in == nil:
		return
	case f.Retryable:
		l.refuseAll(in.seat.wait.cut(true))
		return
	}
	err := f.Err
	if err == nil {
		err = errors.New(f.Reason.String())
	}
	l.giveUpState(in.seat, fmt.Errorf("%w: %w", member.ErrState, err))
}

// stateReader is a state as the application reads it.
type stateReader struct {
	*io.SectionReader
	file *stateFile
	seat *seat
	host *Host
}

// Close removes the file, and says that the port has the state.
func (r *stateReader) Close() error {
	first, err := r.file.remove()
	if first {
		r.host.orderSoon(func(l *loop) { l.tookState(r.seat, r.file) })
	}
	return err
}

func (l *loop) tookState(s *seat, file *stateFile) {
	if s.given != file || s.client.seats[s.group] != s {
		return // it is out, or waits for another one
	}
	s.given, s.hasState = nil, true
	l.step(engine.TookState{Port: s.client.number, Group: s.group})
}

// work does what is asked for to the file.
func (in *intake) work(s *states) {
	for {
		list, ok := in.jobs.take()
		if !ok {
			return
		}
		var r result
		for i := range list {
			r.inputs = append(r.inputs, in.do(&list[i], s.dir))
		}
		s.report(r)
	}
}

// do does one job and gives the engine's answer.
func (in *intake) do(j *fileJob, dir string) engine.Input {
	f, err := in.file.open(dir)
	switch {
	case j.begin != nil:
		kept := int64(0)
		if err == nil {
			kept = sizeOf(f)
		}
		return engine.Receive{ID: j.begin.id, Donor: j.begin.donor, Kept: uint64(kept)} //nolint:gosec // a size
	case j.write != nil:
		if err == nil {
			_, err = f.WriteAt(j.write.Data, int64(j.write.Offset)) //nolint:gosec // bounded by the transfer
		}
		return engine.StateWritten{ID: j.write.ID, Index: j.write.Index, Err: err}
	case j.kept != nil:
		data := make([]byte, j.kept.Size)
		n := 0
		if err == nil {
			n, err = f.ReadAt(data, int64(j.kept.Offset)) //nolint:gosec // bounded by the transfer
			if errors.Is(err, io.EOF) {
				err = nil
			}
		}
		return engine.KeptRead{ID: j.kept.ID, Index: j.kept.Index, Data: data[:n], Err: err}
	default:
		if err == nil {
			err = errors.Join(f.Truncate(int64(j.seal.Bytes)), f.Sync()) //nolint:gosec // bounded by the transfer
		}
		return engine.StateSealed{ID: j.seal.ID, Err: err}
	}
}

func sizeOf(f *os.File) int64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}
