package transport

import (
	"iter"
	"net/netip"
)

// Outbound is a frame to send: to every address of To where All is set, else to
// To[0]. With no address in To it goes nowhere, and that is no error. Alone: no other
// frame shares its way through the kernel, where what is cut apart at the end may be
// longer than the path carries.
type Outbound struct {
	All   bool
	Alone bool
	To    []netip.AddrPort
	Frame []byte
}

// Inbound is what came from From: Buf[:N] is one frame where Segment is 0, else
// consecutive frames of Segment bytes each, the last of which may be shorter.
// Whoever does not care asks Frames.
//
// Multicast: it came by multicast, not to us alone.
type Inbound struct {
	From      netip.AddrPort
	Buf       []byte
	N         int
	Segment   int
	Multicast bool
}

// Frames gives every frame of in, in the order in which they came. They lie in
// Buf, belong to whoever owns it, and cost no memory.
func (in *Inbound) Frames() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		rest := in.Buf[:in.N]
		for in.Segment > 0 && len(rest) > in.Segment {
			if !yield(rest[:in.Segment:in.Segment]) {
				return
			}
			rest = rest[in.Segment:]
		}
		yield(rest)
	}
}

// Count is how many frames Frames gives.
func (in *Inbound) Count() int {
	if in.Segment <= 0 || in.N <= in.Segment {
		return 1
	}
	return (in.N + in.Segment - 1) / in.Segment
}

// Single is the part of a [Transport] that sends one frame.
type Single interface {
	Send(frame []byte, to netip.AddrPort) error
	SendAll(frame []byte, to []netip.AddrPort) error
}

// SendEach is [Transport.SendBatch] for a transport that has nothing better
// than one frame after the other.
func SendEach(t Single, batch []Outbound) error {
	var first error
	for i := range batch {
		o := &batch[i]
		var err error
		switch {
		case len(o.To) == 0:
		case o.All:
			err = t.SendAll(o.Frame, o.To)
		default:
			err = t.Send(o.Frame, o.To[0])
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// Buffered is a transport that knows how much the system holds for it.
type Buffered interface {
	// ReceiveBuffer is the size in bytes of the smallest buffer in which frames
	// wait to be received, in the unit in which the system's limit is set
	// (Linux: net.core.rmem_max); 0 means unknown. Any goroutine may ask.
	ReceiveBuffer() int
}
