package engine

import (
	"net/netip"

	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/vsync"
)

// bundleMax is up to which size messages for one place share a frame: what an
// Ethernet frame carries.
const bundleMax = 1400

// send turns messages into frames. Those that follow each other to one place
// share a frame while they fit.
func (e *Engine) send(sends []vsync.Send) {
	var frame []byte
	var open *vsync.Send
	for i := range sends {
		s := &sends[i]
		if open != nil && samePlace(open, s) {
			if longer, ok := e.append(frame, s.Msg, bundleMax); ok {
				frame = longer
				continue
			}
		}
		if open != nil {
			e.finish(open, frame)
			open = nil
		}
		first, ok := e.append(e.begin(), s.Msg, views.DatagramMax)
		if !ok {
			e.drops.count(e.header.From.Host, "too-long-to-send", 1)
			e.armDrops()
			continue
		}
		frame, open = first, s
	}
	if open != nil {
		e.finish(open, frame)
	}
}

// append adds a message to a frame unless the frame becomes longer than most.
func (e *Engine) append(frame []byte, m message.Message, most int) ([]byte, bool) {
	longer, err := wire.AppendMessage(frame, m)
	if err != nil || len(longer) > most {
		return frame, false
	}
	e.traffic.Out[m.Type()]++
	return longer, true
}

func (e *Engine) begin() []byte { return wire.AppendHeader(make([]byte, 0, 256), e.header) }

// finish seals a frame and puts it, or the Relay that carries it, into the output.
func (e *Engine) finish(s *vsync.Send, frame []byte) {
	wire.Seal(frame)
	if !s.Via.IsValid() {
		e.out.Send = append(e.out.Send, Packet{Scope: s.Scope, To: s.To, Frame: frame})
		return
	}
	outer, err := wire.AppendMessage(e.begin(), &message.Relay{To: s.To[0], Frame: frame})
	if err != nil {
		return // too long to be relayed: the direct way has to do
	}
	wire.Seal(outer)
	e.out.Send = append(e.out.Send, Packet{Scope: Direct, To: []netip.AddrPort{s.Via}, Frame: outer})
}

// samePlace reports whether two sends go to one place by one way.
func samePlace(a, b *vsync.Send) bool {
	if a.Scope != b.Scope || a.Via != b.Via || len(a.To) != len(b.To) {
		return false
	}
	return len(a.To) == 0 || (a.Scope == Direct && a.To[0] == b.To[0]) || &a.To[0] == &b.To[0]
}

func (e *Engine) sendOne(scope Scope, to netip.AddrPort, m message.Message) {
	e.send([]vsync.Send{{Scope: scope, To: []netip.AddrPort{to}, Msg: m}})
}

func (e *Engine) sendAll(m message.Message) {
	if to := e.core.Others(); len(to) > 0 {
		e.send([]vsync.Send{{Scope: All, To: to, Msg: m}})
	}
}
