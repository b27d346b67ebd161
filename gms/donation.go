package gms

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"sync/atomic"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views/groups"
	"github.com/gmsd/gmsd/views/transfer"
)

// donation is a state that a port here gives. One goroutine reads it, ahead of
// what the transfer asks for.
type donation struct {
	reads *jobs[transfer.Read]
	group string
}

// offer is a KindDonate that a port was given.
type offer struct {
	port  *Port
	id    transfer.TransferID
	taken atomic.Bool
}

const (
	// readAhead is what is read of an application's reader at a time.
	readAhead = 256 << 10
	// answerBuffers is how many answers of one reader may be under way.
	answerBuffers = 2
)

// askForState asks a port for its state, at this place of its events.
func (l *loop) askForState(s *seat, id transfer.TransferID) {
	o := &offer{port: s.client.Port, id: id}
	s.offers = append(slices.DeleteFunc(s.offers, func(o *offer) bool { return o.taken.Load() }), o)
	o.port.offers.Add(1)
	s.give(member.Event{Kind: member.KindDonate, Group: s.group, Donation: o})
}

// Donate takes the reader, the first time.
func (o *offer) Donate(r io.Reader, size int64) {
	if r == nil || o.taken.Swap(true) {
		return
	}
	if !o.port.host.orderSoon(func(l *loop) { l.donate(o, r, size) }) {
		closeReader(r)
	}
}

// refuse says that there is no state, unless a reader was given.
func (o *offer) refuse() {
	if !o.taken.Swap(true) {
		o.port.host.orderSoon(func(l *loop) { l.step(engine.Refuse{ID: o.id}) })
	}
}

// endOffers refuses what the port was asked for by its last Next and has not given.
func (p *Port) endOffers() {
	for _, o := range p.offered {
		o.refuse()
	}
	p.offered = p.offered[:0]
}

// noteOffers keeps what the port is asked for by these events.
func (p *Port) noteOffers(events []member.Event) {
	if p.offers.Load() == 0 {
		return
	}
	for i := range events {
		if o, ok := events[i].Donation.(*offer); ok {
			p.offers.Add(-1)
			p.offered = append(p.offered, o)
		}
	}
}

// donate begins to read a state.
func (l *loop) donate(o *offer, r io.Reader, size int64) {
	if l.ports.byNumber[o.port.number] == nil || l.states.donations[o.id] != nil {
		closeReader(r)
		l.step(engine.Refuse{ID: o.id})
		return
	}
	d := &donation{reads: newJobs[transfer.Read](), group: o.id.Group}
	l.states.donations[o.id] = d
	go d.read(r, &l.states) // an application's reader may hang: nobody waits for it
	l.step(engine.Donate{ID: o.id, Size: uint64(max(size, 0))})
}

// endDonation lets the reader go.
func (l *loop) endDonation(id transfer.TransferID) {
	if d := l.states.donations[id]; d != nil {
		delete(l.states.donations, id)
		d.reads.end()
	}
}

// joinersGone ends the donations to ports that are out of their group.
func (l *loop) joinersGone(v *groups.GroupView) {
	for i := range v.Left {
		gone := &v.Left[i]
		for id := range l.states.donations {
			if id.Group == v.Group && id.Joiner == gone.Process && id.Port == gone.Port {
				l.stepSoon(engine.EndTransfer{ID: id})
			}
		}
	}
}

// read answers reads until the end.
func (d *donation) read(r io.Reader, s *states) {
	defer closeReader(r)
	ahead := bufio.NewReaderSize(r, readAhead)
	free := make(chan []byte, answerBuffers)
	for range answerBuffers {
		free <- nil
	}
	for over := false; ; {
		list, ok := d.reads.take()
		if !ok {
			return
		}
		for len(list) > 0 && !over {
			var buffer []byte
			select {
			case buffer = <-free:
			case <-s.quit:
				return
			}
			answer := result{buffer: buffer[:0], free: free}
			list, over = answer.fill(list, ahead)
			s.report(answer)
		}
	}
}

// fill reads for as many reads as fit into a buffer, and gives the others.
func (a *result) fill(list []transfer.Read, r io.Reader) (rest []transfer.Read, over bool) {
	if a.buffer == nil {
		a.buffer = make([]byte, 0, max(readAhead, list[0].Size))
	}
	for i := range list {
		read := &list[i]
		from := len(a.buffer)
		if from+read.Size > cap(a.buffer) {
			return list[i:], false
		}
		a.buffer = a.buffer[:from+read.Size]
		n, err := io.ReadFull(r, a.buffer[from:])
		eof := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if eof {
			err = nil
		}
		a.inputs = append(a.inputs, engine.StateRead{ID: read.ID, Index: read.Index, Data: a.buffer[from : from+n], EOF: eof, Err: err})
		if eof || err != nil {
			return nil, true
		}
	}
	return nil, false
}

func closeReader(r io.Reader) {
	if c, ok := r.(io.Closer); ok {
		_ = c.Close() // the application's own
	}
}
