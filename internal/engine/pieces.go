package engine

import (
	"hash/fnv"
	"slices"
	"time"

	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/vsync"
)

// A control message that is longer than a frame goes in pieces. A few go at once; a
// long row goes a burst at a time, so that it does not overrun the receive buffer
// of whoever gets it: the kernel's least is two hundred kilobytes, with its overhead.
const (
	burstBytes = 64 << 10
	burstEvery = time.Millisecond
	// parcelsMax and parcelBytes bound what waits: what finds no room is sent again
	// by its own timer.
	parcelsMax  = 2 * views.MembersMax
	parcelBytes = 8 << 20
)

// parcel is a message on its way out in pieces.
type parcel struct {
	send  vsync.Send
	id    uint64
	whole []byte
	count int
	// next is the piece that goes next.
	next int
}

// outgoing are the parcels, the first to come first, and what may go now.
type outgoing struct {
	parcels []parcel
	// size is the most that one piece takes, in a Relay, too: so the pieces of a
	// message are the same by every way.
	size int
	// bytes is what the wholes take; one that goes to several is counted once.
	bytes int
	// left may still go in the burst that began at since.
	left  int
	since views.Instant
}

// wholeID is the name of a message in its pieces.
func wholeID(whole []byte) uint64 {
	h := fnv.New64a()
	h.Write(whole) // never fails
	return h.Sum64()
}

// sendInPieces sends a message that is longer than a frame. One that is still on its
// way to the same place need not be sent again.
func (e *Engine) sendInPieces(s *vsync.Send) {
	whole, err := wire.AppendWhole(nil, s.Msg)
	if err != nil {
		e.drop(e.header.From.Host, "too-long-to-send")
		return
	}
	p := parcel{send: *s, id: wholeID(whole), whole: whole, count: message.PiecesFor(len(whole), e.pieces.size)}
	p.send.Msg = nil
	if !e.pieces.take(&p) {
		e.drop(e.header.From.Host, "pieces-full")
		return
	}
	e.traffic.Out[s.Msg.Type()]++
	e.advancePieces()
}

// take puts a parcel behind the others unless it is among them, and reports whether
// it goes.
func (o *outgoing) take(p *parcel) bool {
	shared := false
	for i := range o.parcels {
		waiting := &o.parcels[i]
		if waiting.id != p.id {
			continue
		}
		if reaches(&waiting.send, &p.send) {
			return true
		}
		p.whole, shared = waiting.whole, true
	}
	if len(o.parcels) >= parcelsMax {
		return false
	}
	if !shared {
		if o.bytes+len(p.whole) > parcelBytes {
			return false
		}
		o.bytes += len(p.whole)
	}
	o.parcels = append(o.parcels, *p)
	return true
}

// reaches reports whether what goes to a goes to b as well.
func reaches(a, b *vsync.Send) bool {
	return samePlace(a, b) ||
		a.Scope == All && b.Scope == Direct && !b.Via.IsValid() && slices.Contains(a.To, b.To[0])
}

// deadline is when the next burst goes, 0 where nothing waits.
func (o *outgoing) deadline() views.Instant {
	if len(o.parcels) == 0 {
		return 0
	}
	return o.since.Add(burstEvery)
}

// advancePieces sends what may go now.
func (e *Engine) advancePieces() {
	o := &e.pieces
	if o.since == 0 || e.now.Sub(o.since) >= burstEvery {
		o.since, o.left = e.now, burstBytes
	}
	for len(o.parcels) > 0 && o.left > 0 {
		p := &o.parcels[0]
		o.left -= e.sendPiece(p)
		if p.next++; p.next == p.count {
			o.shift()
		}
	}
}

// sendPiece sends the next piece and says what it takes on the sender's link.
func (e *Engine) sendPiece(p *parcel) int {
	frame, err := wire.AppendMessage(e.begin(), wire.Cut(p.whole, p.id, p.count, p.next))
	if err != nil {
		return 0 // never: the cut is one that the codec takes
	}
	e.traffic.Out[message.TypePiece]++
	e.finish(&p.send, frame)
	if p.send.Scope == All && !e.cfg.Multicast {
		return len(frame) * len(p.send.To)
	}
	return len(frame)
}

// shift takes the first parcel off, and its bytes where it was the last of its whole.
func (o *outgoing) shift() {
	first := o.parcels[0]
	o.parcels = slices.Delete(o.parcels, 0, 1)
	if !slices.ContainsFunc(o.parcels, func(p parcel) bool { return p.id == first.id }) {
		o.bytes -= len(first.whole)
	}
}

// takePiece takes a piece, and the message once it is whole, as if that had come in
// the same frame.
func (e *Engine) takePiece(from vsync.Sender, p *message.Piece) {
	whole, why := e.parts.take(e.now, author{from.Process, from.Nonce}, p)
	if why != "" {
		e.drop(from.Host, why)
	}
	if whole == nil {
		return
	}
	m, err := wire.DecodeWhole(whole)
	if err != nil {
		e.drop(from.Host, wire.Reason(err))
		return
	}
	e.traffic.In[m.Type()]++
	e.dispatch(from, m)
}

// room is how long a frame may become that goes there.
func (e *Engine) room(s *vsync.Send) int {
	switch {
	case !s.Msg.Type().Divisible():
		return views.DatagramMax
	case s.Via.IsValid():
		return e.bundle - wire.RelayHeadMax
	}
	return e.bundle
}
