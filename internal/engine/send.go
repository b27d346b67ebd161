package engine

import (
	"net/netip"

	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/vsync"
)

// frames gives the memory of the frames of one step.
type frames struct {
	bufs [][]byte
	used int
}

// framesMax is how many are kept for the next step.
const framesMax = 512

func (f *frames) reset() { f.used = 0 }

// begin gives an empty frame; end takes it as it grew.
func (f *frames) begin() []byte {
	if f.used == len(f.bufs) {
		return make([]byte, 0, 256)
	}
	return f.bufs[f.used][:0]
}

func (f *frames) end(frame []byte) {
	switch {
	case f.used < len(f.bufs):
		f.bufs[f.used] = frame
	case f.used < framesMax:
		f.bufs = append(f.bufs, frame)
	default:
		return
	}
	f.used++
}

// send turns messages into frames. Those that follow each other to one place
// share a frame while they fit, and what does not fit into one goes in pieces.
func (e *Engine) send(sends []vsync.Send) {
	var frame []byte
	var open *vsync.Send
	defer e.guard.forgetSigned()
	for i := range sends {
		s := &sends[i]
		e.noteRefusal(s)
		s.Msg = e.guard.envelope(s.Msg)
		if d, ok := s.Msg.(*message.Data); ok && len(d.Body) >= inPlaceFrom && d.Whole != nil && !s.Via.IsValid() && len(d.Body)+dataOverhead < e.room(s) {
			if open != nil {
				e.finish(open, frame)
				open = nil
			}
			e.sendInPlace(s, d)
			continue
		}
		if open != nil && samePlace(open, s) {
			if longer, ok := e.append(frame, s.Msg, min(e.bundle, e.room(s))); ok {
				frame = longer
				continue
			}
		}
		if open != nil {
			e.finish(open, frame)
			open = nil
		}
		first, ok := e.append(e.begin(), s.Msg, e.room(s))
		if !ok {
			e.sendInPieces(s)
			continue
		}
		frame, open = first, s
	}
	if open != nil {
		e.finish(open, frame)
	}
}

// inPlaceFrom is from how many bytes on a packet becomes a frame where it is.
const inPlaceFrom = 4 << 10

// sendInPlace writes the head of a frame right before a long packet. What is sealed
// goes from there into a frame of its own: the packet is kept as it is.
func (e *Engine) sendInPlace(s *vsync.Send, d *message.Data) {
	e.traffic.Out[message.TypeData]++
	g := &e.guard
	e.head = e.head[:0]
	if !g.sealing() {
		e.head = g.begin(e.head, 0)
	}
	e.head = wire.AppendDataHead(e.head, d)
	frame := d.Whole[len(d.Whole)-len(d.Body)-len(e.head):]
	copy(frame, e.head)
	if g.sealing() {
		frame = g.sealer.Close(e.begin(), frame, g.rowOf(s.Scope), g.onlyFor(s))
		e.frames.end(frame)
	} else {
		wire.Sum(frame)
	}
	e.out.Send = append(e.out.Send, Packet{Scope: s.Scope, To: s.To, Frame: frame})
	e.copyToDeaf(s, frame)
}

// append adds a message to a frame unless the frame becomes longer than most.
func (e *Engine) append(frame []byte, m message.Message, most int) ([]byte, bool) {
	if d, ok := m.(*message.Data); ok && len(frame)+len(d.Body) > most {
		return frame, false // without copying it first
	}
	longer, err := wire.AppendMessage(frame, m)
	if err != nil || len(longer) > most {
		return frame, false
	}
	e.traffic.Out[typeOf(m)]++
	return longer, true
}

// typeOf is the type of a message, also of one in an envelope.
func typeOf(m message.Message) message.Type {
	if s, ok := m.(*message.Signed); ok {
		return s.Inner
	}
	return m.Type()
}

func (e *Engine) begin() []byte {
	seq := views.Seq(0)
	if v := e.core.View(); v != nil {
		seq = v.ID.Seq
	}
	return e.guard.begin(e.frames.begin(), seq)
}

// isPadded reports whether a message is one that is to be long.
func isPadded(m message.Message) bool {
	echo, ok := m.(*message.Echo)
	return ok && len(echo.Pad) > 0
}

// finish closes a frame and puts it, or the Relay that carries it, into the output.
func (e *Engine) finish(s *vsync.Send, frame []byte) {
	frame = e.guard.end(frame, s.Scope, e.guard.onlyFor(s))
	e.frames.end(frame)
	if !s.Via.IsValid() {
		e.out.Send = append(e.out.Send, Packet{Scope: s.Scope, Alone: isPadded(s.Msg), To: s.To, Frame: frame})
		e.copyToDeaf(s, frame)
		return
	}
	outer, err := wire.AppendMessage(e.begin(), &message.Relay{To: s.To[0], Frame: frame})
	if err != nil {
		return // too long to be relayed: the direct way has to do
	}
	outer = e.guard.end(outer, Direct, views.HostID{})
	e.frames.end(outer)
	e.out.Send = append(e.out.Send, Packet{Scope: Direct, To: []netip.AddrPort{s.Via}, Frame: outer})
}

// samePlace reports whether two sends go to one place by one way.
func samePlace(a, b *vsync.Send) bool {
	if a.Scope != b.Scope || a.Via != b.Via || len(a.To) != len(b.To) {
		return false
	}
	return len(a.To) == 0 || (a.Scope == Direct && a.To[0] == b.To[0]) || &a.To[0] == &b.To[0]
}

func (e *Engine) sendOne(to netip.AddrPort, m message.Message) {
	e.send([]vsync.Send{{Scope: Direct, To: []netip.AddrPort{to}, Msg: m}})
}

func (e *Engine) sendAll(m message.Message) {
	if to := e.core.Others(); len(to) > 0 {
		e.send([]vsync.Send{{Scope: All, To: to, Msg: m}})
	}
}
