package endpoint

import (
	"net/netip"
	"slices"
	"unsafe"

	"github.com/gmsd/gmsd/transport"
)

// batchSend is what sending a batch reads and sets. Its box is made by the
// first batch.
type batchSend struct {
	call     func(fd uintptr)
	frames   []transport.Outbound
	group    [1]netip.AddrPort // zero: what is for all goes to each
	fd       int
	first    error // that it met
	box      *outbox
	single   []message // one: a frame of a run that was refused
	one      [1]transport.Outbound
	segments segments
}

// sendBatch sends frames in order, as the addresses they are for see it.
// Where group is not zero, what is for all goes there.
func (s *sender) sendBatch(frames []transport.Outbound, group netip.AddrPort) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sendLocked(frames, group)
}

// sendAll sends one frame to every address.
func (s *sender) sendAll(frame []byte, to []netip.AddrPort) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.batch.one[:]
	one[0] = transport.Outbound{All: true, To: to, Frame: frame}
	defer clear(one)
	return s.sendLocked(one, netip.AddrPort{})
}

// sendLocked is sendBatch for a caller that holds s.mu.
func (s *sender) sendLocked(frames []transport.Outbound, group netip.AddrPort) error {
	b := &s.batch
	if b.box == nil {
		b.box, b.single = new(outbox), make([]message, 1)
	}
	b.frames, b.group[0], b.first = frames, group, nil
	if err := s.raw.Control(b.call); err != nil {
		s.fail(classifySend(err, netip.AddrPort{}))
	}
	b.frames = nil
	return b.first
}

func (s *sender) fail(err error) { s.batch.first = firstOf(s.batch.first, err) }

// sendAllNow sends s.batch.frames, stretch by stretch of the same addresses.
func (s *sender) sendAllNow(fd uintptr) {
	b := &s.batch
	b.fd = int(fd)
	for frames := b.frames; len(frames) > 0; {
		n := stretch(frames)
		to, kind := b.addresses(&frames[0])
		for _, a := range to {
			s.fill(frames[:n], a, kind)
		}
		frames = frames[n:]
	}
	s.flush()
}

// addresses says where a frame goes.
func (b *batchSend) addresses(o *transport.Outbound) ([]netip.AddrPort, transport.Kind) {
	switch {
	case len(o.To) == 0:
		return nil, transport.Unicast
	case !o.All:
		return o.To[:1], transport.Unicast
	case b.group[0].IsValid():
		return b.group[:], transport.Multicast
	}
	return o.To, transport.Unicast
}

// stretch says how many of frames, from the first on, are for the same addresses.
func stretch(frames []transport.Outbound) int {
	n := 1
	for n < len(frames) && together(&frames[0], &frames[n]) {
		n++
	}
	return n
}

func together(a, b *transport.Outbound) bool {
	if a.Alone || b.Alone || a.All != b.All || len(a.To) == 0 || len(b.To) == 0 {
		return false
	}
	if !a.All {
		return a.To[0] == b.To[0]
	}
	same := len(a.To) == len(b.To) && unsafe.SliceData(a.To) == unsafe.SliceData(b.To)
	return same || slices.Equal(a.To, b.To)
}

// fill puts frames for one address into the box, and sends it when it is full.
func (s *sender) fill(frames []transport.Outbound, to netip.AddrPort, kind transport.Kind) {
	b := &s.batch
	for len(frames) > 0 {
		n := 1
		if err := checkFrame(frames[0].Frame, to); err != nil {
			s.fail(err)
		} else {
			n = b.segments.run(frames)
			if !b.box.fits(n) {
				s.flush()
			}
			b.box.add(frames[:n], to, kind)
		}
		frames = frames[n:]
	}
}

// flush sends what is in the box. The kernel stops at the first message it
// refuses; that one is judged, and the rest sent.
func (s *sender) flush() {
	b := s.batch.box
	s.looped.Add(int64(b.multicasts()))
	for at := 0; at < b.n; {
		n, err := s.kernel(s.batch.fd, b.messages[at:b.n])
		for i := range b.runs[at : at+n] {
			s.sent(&b.runs[at+i])
		}
		if at += n; n == 0 {
			at = s.judge(at, err)
		}
	}
	b.empty()
}

func (s *sender) sent(r *run) {
	s.tally.Out(r.kind, r.frames, r.bytes)
	if r.frames > 1 {
		s.batch.segments.taken(r.segment)
	}
}

// judge deals with the refused message at a place in the box and says where to
// go on: behind it, or, where there is no room for any, at the end.
func (s *sender) judge(at int, err error) int {
	b := s.batch.box
	r := &b.runs[at]
	what := classifySend(err, r.to)
	full := isFull(what)
	if r.frames > 1 && !full {
		s.loops(r.kind, -1)
		s.batch.segments.refused(r.segment, err)
		s.sendSingly(at)
		return at + 1
	}
	s.fail(what)
	end := at + 1
	if full {
		end = b.n
	}
	for i := range b.runs[at:end] {
		s.lost(&b.runs[at+i])
	}
	return end
}

func (s *sender) lost(r *run) {
	s.loops(r.kind, -1)
	s.tally.Drop(transport.DropSend, r.frames)
}

// sendSingly sends the frames of a run that was refused as a whole, each as a
// datagram of its own: none is lost by trying.
func (s *sender) sendSingly(at int) {
	b := s.batch.box
	r := &b.runs[at]
	for i := range b.iovecs(r) {
		one := run{to: r.to, kind: r.kind, first: r.first + i, frames: 1, bytes: int(b.frames[r.first+i].Len)}
		m := message{}
		m.setName(&b.names[at])
		m.setFrames(b.iovecs(&one))
		s.batch.single[0] = m
		s.loops(r.kind, 1)
		if n, err := s.kernel(s.batch.fd, s.batch.single); n == 1 {
			s.sent(&one)
		} else {
			s.fail(classifySend(err, r.to))
			s.lost(&one)
		}
	}
}
