package client

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
)

// donation is a KindDonate, and the state that goes for it.
type donation struct {
	link   *link
	number uint64
	taken  atomic.Bool
	// out is under the lock of the link.
	out clientwire.Outgoing
}

var errNotGiven = errors.New("the program gave no state")

// donate asks the program for its state, at this place of its events.
func (r *reader) donate(body []byte, size int) error {
	f, err := clientwire.ParseDonate(body)
	if err != nil {
		return err
	}
	group, err := r.group(f.Handle)
	if err != nil {
		return err
	}
	d := &donation{link: r.link, number: f.Number}
	if err := r.link.newStream(f.Number, func() { r.link.gifts[f.Number] = d }); err != nil {
		return err
	}
	r.link.client.offers.Add(1)
	r.push(&member.Event{Kind: member.KindDonate, Group: group, Donation: d}, size)
	return nil
}

// noteOffers keeps what the program is asked for by these events.
func (c *Client) noteOffers(events []member.Event) {
	if len(events) == 0 || c.offers.Load() == 0 {
		return
	}
	for i := range events {
		if d, ok := events[i].Donation.(*donation); ok {
			c.offers.Add(-1)
			c.offered = append(c.offered, d)
		}
	}
}

// endOffers refuses what the program was asked for by its last Next and has not
// given.
func (c *Client) endOffers() {
	for _, d := range c.offered {
		if !d.taken.Swap(true) {
			d.end(errNotGiven)
		}
	}
	c.offered = c.offered[:0]
}

// Donate takes the reader, the first time.
func (d *donation) Donate(r io.Reader, size int64) {
	if r == nil || d.taken.Swap(true) {
		return
	}
	d.link.free(func(b []byte) []byte {
		return clientwire.AppendGive(b, &clientwire.Give{Number: d.number, Size: uint64(max(0, size))}) //nolint:gosec // not negative
	})
	go d.run(r) // it ends with the link, unless the program's reader hangs
}

// run sends the state as far as the daemon asks for it.
func (d *donation) run(r io.Reader) {
	if c, ok := r.(io.Closer); ok {
		defer func() { _ = c.Close() }() // the program's own
	}
	var piece []byte
	for d.wait() {
		if piece == nil {
			piece = make([]byte, clientwire.TailMax)
		}
		n, err := clientwire.ReadPiece(r, piece)
		d.send(piece[:n])
		if err != nil {
			d.end(err)
			return
		}
	}
	d.end(clientwire.ErrStopped)
}

// wait waits until a piece may go out. It gives false where none is wanted.
func (d *donation) wait() bool {
	l := d.link
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.await(context.Background(), func() bool {
		return d.out.Stopped() || d.out.May() && len(l.pending) < outboxMax
	})
	return err == nil && !d.out.Stopped()
}

func (d *donation) send(piece []byte) {
	l := d.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(piece) == 0 || l.err != nil || d.out.Stopped() {
		return
	}
	l.pending = clientwire.AppendPiece(l.pending, &clientwire.Piece{Number: d.number, Bytes: piece})
	d.out.Sent(len(piece))
	l.work.Signal()
}

// end says the last word.
func (d *donation) end(why error) {
	l := d.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if !d.out.End() || l.err != nil {
		return
	}
	if d.out.Over() {
		delete(l.gifts, d.number)
	}
	l.pending = clientwire.AppendEnd(l.pending, clientwire.EndOf(d.number, why))
	l.work.Signal()
}
