package stream

import (
	"net/netip"

	"github.com/gmsd/gmsd/transport"
)

// Receive reads from all sources, by turns. It is [transport.Transport]'s.
func (in *Inbox) Receive(batch []transport.Inbound) (int, error) {
	if len(batch) == 0 {
		return 0, nil
	}
	n := 0
	for {
		n = in.unpack(batch, n)
		if n == len(batch) {
			return n, nil
		}
		if in.current = in.nextReady(); in.current != nil {
			in.fill(in.current)
			continue
		}
		if n > 0 {
			return n, nil
		}
		if err := in.wait(); err != nil {
			return 0, err
		}
	}
}

// Serve hands on pieces until the inbox is closed: for readers that give no frames.
func (in *Inbox) Serve() error {
	var none [1]transport.Inbound
	for {
		if _, err := in.Receive(none[:]); err != nil {
			return err
		}
	}
}

// unpack moves frames from what was read to batch, behind the first n. Where batch
// is full the rest stays at hand.
func (in *Inbox) unpack(batch []transport.Inbound, n int) int {
	s, last := in.current, -1 // last: the one to which more may be added
	if s == nil {
		return n
	}
	frames, bytes := 0, 0
	for in.current != nil {
		frame, from, rest := in.frame(s)
		if frame == nil {
			break
		}
		switch {
		case last >= 0 && batch[last].From == from && extend(&batch[last], frame):
		case n == len(batch):
			in.came(s, frames, bytes)
			return n
		case len(frame) > len(batch[n].Buf):
			in.Tally.Drop(transport.DropTooLong, 1)
			in.data = rest
			continue
		default:
			b := &batch[n]
			b.From, b.N, b.Segment, b.Multicast = from, copy(b.Buf, frame), 0, false
			last = n
			n++
		}
		frames++
		bytes += len(frame)
		in.data = rest
	}
	in.came(s, frames, bytes)
	if in.Idle != nil {
		in.Idle()
	}
	return n
}

func (in *Inbox) came(s *Source, frames, bytes int) {
	if frames > 0 {
		s.reader.Came(frames, bytes)
	}
}

// frame gives the next one of what was read, and what is behind it. Where there is none,
// or something else, it does what that asks for and gives nil.
func (in *Inbox) frame(s *Source) (frame []byte, from netip.AddrPort, rest []byte) {
	for {
		kind, body, rest, err := Cut(in.data, s.sizes)
		v := Spoilt
		if err == nil {
			if body == nil {
				in.keep()
				return nil, from, nil
			}
			frame, from, v = s.reader.Piece(kind, body)
		}
		switch v {
		case Frame:
			return frame, from, rest
		case Taken:
			in.data = rest
			continue
		case Spoilt:
			s.reader.Spoil()
		case Stop:
		}
		in.current, in.data = nil, nil
		return nil, from, nil
	}
}

// extend adds a frame to those of equal length that came before it.
func extend(in *transport.Inbound, frame []byte) bool {
	size := in.Segment
	if size == 0 {
		size = in.N
	}
	if size == 0 || in.N%size != 0 || len(frame) == 0 || len(frame) > size || in.N+len(frame) > len(in.Buf) {
		return false
	}
	copy(in.Buf[in.N:], frame)
	in.N += len(frame)
	in.Segment = size
	return true
}
