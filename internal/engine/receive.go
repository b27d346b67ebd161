package engine

import (
	"net/netip"

	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/vsync"
)

// receive takes a frame apart. Whatever is wrong with it is counted and dropped.
func (e *Engine) receive(in Received) {
	h, err := wire.DecodeHeader(in.Frame)
	switch {
	case err != nil:
		e.drop(h.From.Host, wire.Reason(err))
		return
	case h.Group != e.header.Group:
		e.drop(views.HostID{}, "other-group")
		return
	case h.From == e.header.From && h.Nonce == e.header.Nonce:
		return // our own multicast
	}
	if err := wire.Decode(in.Frame, &e.frame); err != nil {
		e.drop(h.From.Host, wire.Reason(err))
		return
	}
	for _, broken := range e.frame.Broken {
		e.drop(h.From.Host, wire.Reason(broken))
	}
	from := e.senderOf(h, in.From)
	if e.core.IsMember(from) {
		e.detect.Heard(e.now, from.Process)
	}
	for _, m := range e.frame.Messages {
		if e.stopped {
			return
		}
		e.traffic.In[m.Type()]++
		e.dispatch(from, m)
	}
}

// senderOf says where a frame came from. A member is reached at its own
// address, also where its frame came through a third one.
func (e *Engine) senderOf(h message.Header, addr netip.AddrPort) vsync.Sender {
	from := vsync.Sender{Process: h.From, Nonce: h.Nonce, Addr: addr}
	if v := e.core.View(); v != nil {
		if r := e.core.RankOf(h.From); r >= 0 && e.core.IsMember(from) {
			from.Addr = e.addrOf(&v.Members[r])
		}
	}
	return from
}

func (e *Engine) addrOf(m *views.Member) netip.AddrPort { return m.Addr }

// dispatch gives a message to the part it is for.
func (e *Engine) dispatch(from vsync.Sender, m message.Message) {
	switch m := m.(type) {
	case *message.Ping:
		if m.To == e.header.From {
			e.answerPing(from, m)
		}
		return
	case *message.Accuse:
		if e.core.IsMember(from) {
			e.detect.HandleAccuse(e.now, from.Process, m)
		}
		return
	case *message.Transfer:
		if e.core.IsMember(from) {
			e.takeTransfer(from.Process, m.Body)
		}
		return
	case *message.Relay:
		e.relay(from, m)
		return
	case *message.Piece:
		e.takePiece(from, m)
		return
	case *message.Pong:
		if e.core.IsMember(from) {
			e.detect.HandlePong(e.now, from.Process, m.Token)
		}
	case *message.Heartbeat:
		if e.core.IsMember(from) {
			e.detect.HandleHeartbeat(e.now, from.Process, m)
		}
	}
	e.core.HandleMessage(e.now, from, m)
}

// answerPing says that this process lives and, to one outside its view, where:
// who still counts it a member of an older view must not take the answer for
// a sign that it is with it.
func (e *Engine) answerPing(from vsync.Sender, m *message.Ping) {
	to := []netip.AddrPort{from.Addr}
	answer := []vsync.Send{{Scope: Direct, To: to, Msg: &message.Pong{Token: m.Token}}}
	if hb := e.core.Heartbeat(); hb != nil && hb.Size > 1 && !e.core.IsMember(from) {
		answer = append(answer, vsync.Send{Scope: Direct, To: to, Msg: hb})
	}
	e.send(answer)
}

// relay passes a member's frame on to another member, unread.
func (e *Engine) relay(from vsync.Sender, m *message.Relay) {
	v := e.core.View()
	if v == nil || !e.core.IsMember(from) || len(m.Frame) > views.DatagramMax {
		return
	}
	for r := range v.Members {
		if v.Members[r].Addr == m.To && v.Members[r].Process != e.header.From {
			e.out.Send = append(e.out.Send, Packet{Scope: Direct, To: []netip.AddrPort{m.To}, Frame: m.Frame})
			return
		}
	}
}
