package lab

import (
	"bytes"
	"net/netip"
	"slices"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
)

// Send sends what the faults let through; what they drop is no error.
func (l *Lab) Send(frame []byte, to netip.AddrPort) error {
	if err := l.check(frame); err != nil {
		return err
	}
	if !l.passes(frame, to) {
		return nil
	}
	return l.sendNow(frame, to)
}

// SendAll sends as the wrapped transport does, or, while a fault touches what
// we send, one by one.
func (l *Lab) SendAll(frame []byte, to []netip.AddrPort) error {
	l.mu.Lock()
	for _, a := range to {
		l.know(a)
	}
	outward := l.faults.outward()
	l.mu.Unlock()
	if outward {
		return l.each(frame, to)
	}
	l.send.Lock()
	defer l.send.Unlock()
	return l.inner.SendAll(frame, to)
}

// SendBatch sends as the wrapped transport does, or, while a fault touches
// what we send, one by one.
func (l *Lab) SendBatch(batch []transport.Outbound) error {
	l.mu.Lock()
	for i := range batch {
		for _, a := range batch[i].To {
			l.know(a)
		}
	}
	outward := l.faults.outward()
	l.mu.Unlock()
	if outward {
		return transport.SendEach(l, batch)
	}
	l.send.Lock()
	defer l.send.Unlock()
	return l.inner.SendBatch(batch)
}

// Seek seeks as the wrapped transport does, or, while a fault touches what we
// send, goes to every address known from before.
func (l *Lab) Seek(frame []byte) error {
	l.mu.Lock()
	outward := l.faults.outward()
	var to []netip.AddrPort
	if outward {
		own := l.inner.Local()
		for a := range l.known {
			if a != own {
				to = append(to, a)
			}
		}
	}
	l.mu.Unlock()
	if outward {
		slices.SortFunc(to, netip.AddrPort.Compare)
		return l.each(frame, to)
	}
	l.send.Lock()
	defer l.send.Unlock()
	return l.inner.Seek(frame)
}

// each sends one by one and gives the first error.
func (l *Lab) each(frame []byte, to []netip.AddrPort) error {
	var first error
	for _, a := range to {
		if err := l.Send(frame, a); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (l *Lab) check(frame []byte) error {
	select {
	case <-l.done:
		return transport.ErrClosed
	default:
	}
	if len(frame) > views.DatagramMax {
		return transport.ErrTooLong
	}
	return nil
}

// passes reports whether a frame goes out now; it takes a delayed one over.
func (l *Lab) passes(frame []byte, to netip.AddrPort) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.know(to)
	f := l.faults.of(to)
	switch {
	case f.Cut&Out != 0:
		l.tally.Drop(transport.DropLabCut, 1)
		return false
	case f.DelayOut > 0:
		frame = bytes.Clone(frame)
		l.later(f.DelayOut, frame, func() { _ = l.sendNow(frame, to) })
		return false
	}
	return true
}

func (l *Lab) sendNow(frame []byte, to netip.AddrPort) error {
	l.send.Lock()
	defer l.send.Unlock()
	return l.inner.Send(frame, to)
}
