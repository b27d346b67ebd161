package engine

import (
	"hash/fnv"
	"net/netip"
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
	// next is the piece that goes next: of all, or of some.
	next int
	some []uint16
}

// sent is a whole whose pieces have gone, kept for who misses some.
type sent struct {
	id    uint64
	whole []byte
	at    views.Instant
}

// sentMax and sentBytes bound what is kept so, for sentKept.
const (
	sentMax   = 32
	sentBytes = 4 << 20
	sentKept  = 2 * time.Second
)

// outgoing are the parcels, the first to come first, and what may go now.
type outgoing struct {
	parcels []parcel
	// bytes is what the wholes take; one that goes to several is counted once.
	bytes int
	// left may still go in the burst that began at since.
	left  int
	since views.Instant
	// sent are the wholes that went last, the latest behind.
	sent []sent
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
	p := parcel{send: *s, id: wholeID(whole), whole: whole, count: message.PiecesFor(len(whole), e.pieceSize(s))}
	p.send.Msg = nil
	if !e.pieces.take(&p) {
		e.drop(e.header.From.Host, "pieces-full")
		return
	}
	e.traffic.Out[typeOf(s.Msg)]++
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
		if waiting.some == nil && reaches(&waiting.send, &p.send) {
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
		if p.next++; p.next == p.pieces() {
			o.shift(e.now)
		}
	}
}

// sendPiece sends the next piece and says what it takes on the sender's link.
func (e *Engine) sendPiece(p *parcel) int {
	index := p.next
	if p.some != nil {
		index = int(p.some[p.next])
	}
	frame, err := wire.AppendMessage(e.begin(), wire.Cut(p.whole, p.id, p.count, index))
	if err != nil {
		return 0 // never: the cut is one that the codec takes
	}
	e.traffic.Out[message.TypePiece]++
	e.finish(&p.send, frame)
	if p.send.Scope == All && !e.cfg.Multicast {
		return len(frame) * len(p.send.To)
	}
	if p.send.Scope == All {
		return len(frame) * (1 + e.earshot.deaf)
	}
	return len(frame)
}

// shift takes the first parcel off, and its bytes where it was the last of its whole.
func (o *outgoing) shift(now views.Instant) {
	first := o.parcels[0]
	o.parcels = slices.Delete(o.parcels, 0, 1)
	if !slices.ContainsFunc(o.parcels, func(p parcel) bool { return p.id == first.id }) {
		o.bytes -= len(first.whole)
	}
	o.keep(now, sent{first.id, first.whole, now})
}

// keep keeps a whole for a while.
func (o *outgoing) keep(now views.Instant, w sent) {
	o.sent = slices.DeleteFunc(o.sent, func(s sent) bool { return s.id == w.id || now.Sub(s.at) > sentKept })
	o.sent = append(o.sent, w)
	held := 0
	for i := len(o.sent) - 1; i >= 0; i-- {
		if held += len(o.sent[i].whole); held > sentBytes || len(o.sent)-i > sentMax {
			o.sent = slices.Delete(o.sent, 0, i+1)
			return
		}
	}
}

// pieces is how many go.
func (p *parcel) pieces() int {
	if p.some != nil {
		return len(p.some)
	}
	return p.count
}

// sendMissing sends what somebody says has not come.
func (e *Engine) sendMissing(from vsync.Sender, m *message.Missing) {
	o := &e.pieces
	i := slices.IndexFunc(o.sent, func(s sent) bool { return s.id == m.ID && len(s.whole) == int(m.Total) })
	if i < 0 {
		return // it will be sent whole by its own timer
	}
	p := parcel{send: vsync.Send{Scope: Direct, To: []netip.AddrPort{from.Addr}}, id: m.ID, whole: o.sent[i].whole, count: int(m.Count)}
	for _, r := range m.Runs {
		for n := range r.Count {
			p.some = append(p.some, r.First+n)
		}
	}
	if !message.Cuts(int(m.Total), int(m.Count)) || len(o.parcels) >= parcelsMax || o.waits(&p) {
		return
	}
	if !slices.ContainsFunc(o.parcels, func(other parcel) bool { return other.id == p.id }) {
		if o.bytes+len(p.whole) > parcelBytes {
			return
		}
		o.bytes += len(p.whole)
	}
	o.parcels = append(o.parcels, p)
	e.advancePieces()
}

// waits reports whether pieces of that whole are on their way there already.
func (o *outgoing) waits(p *parcel) bool {
	return slices.ContainsFunc(o.parcels, func(other parcel) bool { return other.id == p.id && reaches(&other.send, &p.send) })
}

// askMissing asks for pieces that have not come.
func (e *Engine) askMissing() {
	for _, a := range e.parts.due(e.now) {
		e.sendOne(a.from, a.missing())
	}
}

// takePiece takes a piece, and the message once it is whole, as if that had come in
// the same frame.
func (e *Engine) takePiece(from vsync.Sender, p *message.Piece) {
	whole, why := e.parts.take(e.now, author{from.Process, from.Nonce}, from.Addr, p)
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
	e.read(from, m)
}

// room is how long a frame may become that goes there. Until a path is known controls
// go in frames that every path carries (ADR 18).
func (e *Engine) room(s *vsync.Send) int {
	typ := typeOf(s.Msg)
	if typ == message.TypeRelay || typ == message.TypePiece {
		return views.DatagramMax - wire.SealedMore
	}
	path := e.links.room(s)
	if typ != message.TypeData && typ != message.TypeTransfer && !e.links.known(s) {
		path = e.links.least
	}
	path -= e.cfg.tailBytes()
	if s.Via.IsValid() {
		path -= e.cfg.sealedMore() + wire.RelayHeadMax
	}
	return path
}

// pieceSize is how many bytes of a message go in a piece that goes there: no more than
// fit into a Relay, too, so that the pieces are the same by every way.
func (e *Engine) pieceSize(s *vsync.Send) int {
	direct := *s
	direct.Via = netip.AddrPort{}
	return e.room(&direct) - 2*e.cfg.sealedMore() - wire.RelayHeadMax - wire.HeaderMax - wire.PieceHeadMax
}
