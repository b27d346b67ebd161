package endpoint

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/transport"
)

// framesMax bounds the frames of one system call that sends.
const framesMax = 1024

// outbox is one system call that sends, being filled.
type outbox struct {
	n, used  int // messages and frames in it
	messages [batchMax]message
	runs     [batchMax]run
	names    [batchMax]unix.RawSockaddrInet4
	notes    [batchMax]segmentNote
	frames   [framesMax]unix.Iovec
}

// run says what a message carries: one frame or many.
type run struct {
	to            netip.AddrPort
	kind          transport.Kind
	first, frames int // in outbox.frames
	segment       int // bytes of a frame; only of many
	bytes         int
}

func (b *outbox) fits(frames int) bool {
	return b.n < batchMax && b.used+frames <= framesMax
}

// add takes frames as one message.
func (b *outbox) add(frames []transport.Outbound, to netip.AddrPort, kind transport.Kind) {
	m, r := &b.messages[b.n], &b.runs[b.n]
	*r = run{to: to, kind: kind, first: b.used, frames: len(frames), segment: len(frames[0].Frame)}
	for i := range frames {
		setFrame(&b.frames[b.used+i], frames[i].Frame)
		r.bytes += len(frames[i].Frame)
	}
	*m = message{}
	b.names[b.n] = rawAddress(to)
	m.setName(&b.names[b.n])
	m.setFrames(b.iovecs(r))
	if len(frames) > 1 {
		b.notes[b.n].give(r.segment)
		m.setControl(&b.notes[b.n], unix.CmsgSpace(sizeGiven))
	}
	b.n++
	b.used += len(frames)
}

func (b *outbox) iovecs(r *run) []unix.Iovec { return b.frames[r.first : r.first+r.frames] }

// multicasts counts the messages for the group.
func (b *outbox) multicasts() int {
	n := 0
	for i := range b.runs[:b.n] {
		if b.runs[i].kind == transport.Multicast {
			n++
		}
	}
	return n
}

// empty lets go of the frames, which are the caller's again.
func (b *outbox) empty() {
	clear(b.frames[:b.used])
	b.n, b.used = 0, 0
}
