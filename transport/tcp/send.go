package tcp

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/stream"
	"github.com/gmsd/gmsd/views"
)

// Send sends to one address.
func (t *Transport) Send(frame []byte, to netip.AddrPort) error {
	return t.SendBatch([]transport.Outbound{{To: []netip.AddrPort{to}, Frame: frame}})
}

// SendAll sends to every address.
func (t *Transport) SendAll(frame []byte, to []netip.AddrPort) error {
	return t.SendBatch([]transport.Outbound{{All: true, To: to, Frame: frame}})
}

// Seek sends nothing: there is no way to those whose address nobody knows.
func (t *Transport) Seek(frame []byte) error {
	return t.SendBatch([]transport.Outbound{{Frame: frame}})
}

// SendBatch sends frames, with a system call a peer for many of them. What a peer
// does not take at once waits in its queue; where there is no connection yet, for
// that.
func (t *Transport) SendBatch(batch []transport.Outbound) error {
	t.sending.Lock()
	defer t.sending.Unlock()
	now := time.Now()
	err := t.assign(batch, now)
	for _, l := range t.touched {
		longest := 0
		for _, f := range l.batch {
			longest = max(longest, len(f.Body))
		}
		if !l.out.Push(&t.gather, l.batch) {
			t.reroute(l, now)
		}
		if l.stuck(now, longest) {
			t.replace(l, now)
		}
		clear(l.batch)
		l.batch = l.batch[:0]
	}
	clear(t.touched)
	t.touched = t.touched[:0]
	if t.detour != nil {
		t.detour.Flush()
	}
	return err
}

// assign gives each frame to a link, or to a peer that has none.
func (t *Transport) assign(batch []transport.Outbound, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closing {
		return transport.ErrClosed
	}
	var first error
	for i := range batch {
		o := &batch[i]
		to := o.To
		if !o.All {
			to = to[:min(len(to), 1)]
		}
		if err := t.assignOne(o.Frame, to, now); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (t *Transport) assignOne(frame []byte, to []netip.AddrPort, now time.Time) error {
	if len(frame) > views.DatagramMax {
		return transport.ErrTooLong
	}
	var first error
	for _, addr := range to {
		p, err := t.peerFor(addr, now)
		switch {
		case err != nil:
			t.tally.Drop(transport.DropSend, 1)
			if first == nil {
				first = err
			}
		case p != nil:
			p.used = now
			t.give(p, frame, now)
		}
	}
	return first
}

// peerFor gives nil for ourselves.
func (t *Transport) peerFor(addr netip.AddrPort, now time.Time) (*peer, error) {
	if p := t.peers[addr]; p != nil {
		if p.ourselves {
			return nil, nil
		}
		return p, nil
	}
	switch {
	case addr == t.self.Addr || addr == t.bound:
		return nil, nil
	case !addr.Addr().Is4() || addr.Port() == 0:
		return nil, fmt.Errorf("%w: to %v: not an IPv4 address with a port", transport.ErrNoRoute, addr)
	}
	p := t.peerAt(addr, now)
	if p == nil {
		return nil, fmt.Errorf("%w: to %v: %d addresses are in use", transport.ErrNoBuffer, addr, peersMax)
	}
	return p, nil
}

// give adds a frame to the batch of the peer's link, or lets it wait for one.
func (t *Transport) give(p *peer, frame []byte, now time.Time) {
	l := p.link()
	if t.goesRound(p, l, frame, now) {
		t.pursue(p, now)
		return
	}
	if l == nil {
		t.hold(p, frame)
		t.pursue(p, now)
		return
	}
	if len(l.batch) == 0 {
		t.touched = append(t.touched, l)
	}
	l.batch = append(l.batch, stream.Piece{Body: frame})
}

// reroute takes the frames of a link that takes none any more to its successor. What
// the end of the link means, the receiver finds out.
func (t *Transport) reroute(l *link, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range l.peers {
		p.remove(l)
	}
	p := t.peerAt(l.addr(), now)
	if p == nil || t.closed {
		t.tally.Drop(transport.DropUnsent, len(l.batch))
		return
	}
	for _, f := range l.batch {
		if !t.goesRound(p, nil, f.Body, now) {
			t.hold(p, f.Body)
		}
	}
	if next := p.link(); next != nil && next != l {
		t.flushWaiting(p, next)
		return
	}
	t.pursue(p, now)
}

// flushWaiting sends what waited for a link.
func (t *Transport) flushWaiting(p *peer, l *link) {
	if p.waiting.Empty() {
		return
	}
	l.used.Store(time.Now().UnixNano())
	if l.out.Put(&p.waiting) {
		p.waiting = stream.Queue{}
	}
}

// replace has a peer dialled whose link nothing gets through.
func (t *Transport) replace(l *link, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range l.peers {
		p.trip = time.Duration(l.trip.Load())
		t.pursue(p, now)
	}
}
