package transport

import "sync/atomic"

// Counter is a transport that counts. All of this repository's do.
type Counter interface {
	// Stats gives the counts since the transport was opened. It may be called
	// by any goroutine, also after Close.
	Stats() Stats
}

// Traffic is what went one way. Bytes are those of the frames, without the
// headers below them.
type Traffic struct{ Packets, Bytes uint64 }

// Stats is a snapshot of a transport's counts. A frame sent to n addresses
// counts n times, a multicast once.
type Stats struct {
	UnicastIn, UnicastOut     Traffic
	MulticastIn, MulticastOut Traffic
	// Dropped counts what was thrown away, by reason.
	Dropped [dropEnd]uint64
}

// Each calls f for every direction ("in", "out") and kind ("unicast",
// "multicast"), in a fixed order.
func (s *Stats) Each(f func(dir, kind string, t Traffic)) {
	f("in", "unicast", s.UnicastIn)
	f("out", "unicast", s.UnicastOut)
	f("in", "multicast", s.MulticastIn)
	f("out", "multicast", s.MulticastOut)
}

// EachDropped calls f for every reason, in a fixed order, also where n is 0.
func (s *Stats) EachDropped(f func(reason Drop, n uint64)) {
	for r, n := range s.Dropped {
		f(Drop(r), n)
	}
}

// Drop says why something was thrown away. The list is append-only.
type Drop uint8

// Reasons to drop.
const (
	// DropTooLong: a received frame was longer than its buffer.
	DropTooLong Drop = iota
	// DropSend: the kernel took a frame back (no buffer, no route, firewall).
	DropSend
	// DropReceiveBuffer: frames came faster than they were read.
	DropReceiveBuffer
	// DropTetherHello: a tether's greeting was garbage, late or broken.
	DropTetherHello
	// DropTetherGroup: a tether's greeting came from another group.
	DropTetherGroup
	// DropTetherFull: there were as many tethers as are allowed.
	DropTetherFull
	// DropLabCut: a lab fault or the test's network cut the link.
	DropLabCut
	// DropLabFull: a lab fault delays more than its queue holds.
	DropLabFull
	// DropGreeting: the greeting on a TCP connection was garbage, late or broken.
	DropGreeting
	// DropGreetingGroup: it came from another group.
	DropGreetingGroup
	// DropConnections: there were as many connections as are allowed.
	DropConnections
	// DropStream: what came on a connection was no stream of frames.
	DropStream
	// DropQueue: a peer took its frames more slowly than they were sent.
	DropQueue
	// DropUnsent: a frame's connection was not made, or ended before it.
	DropUnsent
	dropEnd
)

var dropNames = [...]string{
	"too-long", "send", "receive-buffer", "tether-hello", "tether-group", "tether-full", "lab-cut", "lab-full",
	"greeting", "greeting-group", "connections", "stream", "queue", "unsent",
}

// String gives the reason's name in the metrics.
func (d Drop) String() string {
	if int(d) < len(dropNames) {
		return dropNames[d]
	}
	return "unknown"
}

// Kind tells multicast from unicast.
type Kind uint8

// Kinds of traffic.
const (
	Unicast Kind = iota
	Multicast
	kindEnd
)

// Tally is what a transport counts in. The zero Tally is ready; any goroutine
// may use it.
type Tally struct {
	in, out [kindEnd]tallied
	dropped [dropEnd]atomic.Uint64
}

type tallied struct{ packets, bytes atomic.Uint64 }

func (t *tallied) add(packets, bytes int) {
	t.packets.Add(uint64(packets))
	t.bytes.Add(uint64(bytes))
}

func (t *tallied) traffic() Traffic {
	return Traffic{Packets: t.packets.Load(), Bytes: t.bytes.Load()}
}

// In counts received frames.
func (t *Tally) In(kind Kind, packets, bytes int) { t.in[kind].add(packets, bytes) }

// Out counts sent frames.
func (t *Tally) Out(kind Kind, packets, bytes int) { t.out[kind].add(packets, bytes) }

// Drop counts n things thrown away.
func (t *Tally) Drop(reason Drop, n int) { t.dropped[reason].Add(uint64(n)) }

// Stats gives a snapshot.
func (t *Tally) Stats() Stats {
	s := Stats{
		UnicastIn: t.in[Unicast].traffic(), UnicastOut: t.out[Unicast].traffic(),
		MulticastIn: t.in[Multicast].traffic(), MulticastOut: t.out[Multicast].traffic(),
	}
	for r := range t.dropped {
		s.Dropped[r] = t.dropped[r].Load()
	}
	return s
}
