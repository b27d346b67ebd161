package engine

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/internal/seal"
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
		e.drop(views.HostID{}, wire.Reason(err)) // who it is from is not known before it has opened
		if errors.Is(err, wire.ErrVersion) && h.Group == e.header.Group {
			e.giveNotice(&in, &h, views.RefuseVersion)
		}
		return
	case h.Group != e.header.Group:
		e.drop(views.HostID{}, "other-group")
		if in.Multicast {
			e.overhear(&in, &h)
		} else {
			e.giveNotice(&in, &h, views.RefuseGroup)
		}
		return
	case h.From == e.header.From && h.Nonce == e.header.Nonce:
		e.drop(views.HostID{}, "own") // what we said to all is of no use here
		return
	case !e.open(&in, &h):
		return
	}
	for _, broken := range e.frame.Broken {
		e.drop(h.From.Host, wire.Reason(broken))
	}
	if h.Sealed {
		e.meetOtherKey(&in, &h)
	}
	from := e.senderOf(h.Header, in.From)
	if e.core.IsMember(from) {
		e.heard(from)
		e.listen(from, in.Multicast)
	}
	e.heardLink(from, in.From, in.Multicast)
	e.frameSize, e.frameMulticast = len(in.Frame), in.Multicast
	e.guard.under, e.guard.said = keys.ID(h.Key), h.View
	for _, m := range e.frame.Messages {
		if e.stopped {
			return
		}
		e.read(from, m)
	}
}

// open reads the messages of a frame, false where nothing of it is to be believed.
func (e *Engine) open(in *Received, h *wire.Head) bool {
	g := &e.guard
	var err error
	switch {
	case g.sealing() && !h.Sealed:
		e.openPlain(in, h)
		return false
	case h.Sealed && !g.sealing():
		e.drop(views.HostID{}, views.RefuseSealed.String())
		e.giveNotice(in, h, views.RefuseSealed)
		return false
	case h.Sealed:
		if !e.unseal(in, h) {
			return false
		}
		err = wire.DecodeMessages(h.Header, g.opened, &e.frame)
	default:
		err = wire.Decode(in.Frame, &e.frame)
	}
	if err != nil {
		e.drop(h.From.Host, wire.Reason(err))
	}
	return err == nil
}

// unseal opens a frame into the memory of the guard.
func (e *Engine) unseal(in *Received, h *wire.Head) bool {
	g := &e.guard
	who := seal.Speaker{Process: h.From, Nonce: h.Nonce}
	opened, err := g.sealer.Open(g.opened[:0], who, keys.ID(h.Key), in.Frame[:h.Size], in.Frame[h.Size:])
	switch {
	case err == nil:
		g.opened = opened
		return true
	case errors.Is(err, seal.ErrUnknownKey):
		e.meetForeignKey(in, h)
	case errors.Is(err, seal.ErrReplayed):
		e.drop(views.HostID{}, "replayed")
	default:
		e.drop(views.HostID{}, "forged")
	}
	return false
}

// meetForeignKey: whoever sealed this may be ahead of us in a rotation, or behind
// the group, or none of it. Who seals with a key that was removed here may have taken it into
// use since; one that was expelled cannot open the question.
func (e *Engine) meetForeignKey(in *Received, h *wire.Head) {
	g := &e.guard
	code := views.RefuseKey
	if g.rekey.Ring().Removed(keys.ID(h.Key)) {
		code = views.RefuseOldKey
	}
	e.drop(views.HostID{}, code.String())
	e.giveNotice(in, h, code)
	g.rekey.Met(e.now, in.From, 0)
	e.settleKeys()
}

// meetOtherKey: a stranger seals with a key that is known here and is not the one in use
// here. Perhaps it cannot open what this host says, as the key of that was removed there.
// Or it is a member that has gone on to a later view without this host; what it asks, or
// gives, of keys alone goes under a key that it does not seal with.
func (e *Engine) meetOtherKey(in *Received, h *wire.Head) {
	g := &e.guard
	id := keys.ID(h.Key)
	isMember := e.core.RankOf(h.From) >= 0
	switch {
	case id == g.rekey.SealWith().ID(), isMember && (h.View <= e.core.View().ID.Seq || !slices.ContainsFunc(e.frame.Messages, saysHowItSeals)):
		return
	case isMember:
		g.rekey.Passed(e.now, id)
	default:
		g.rekey.Met(e.now, in.From, id)
	}
	e.settleKeys()
}

// saysHowItSeals: a message that goes under the key that its sender seals with.
func saysHowItSeals(m message.Message) bool {
	s, enveloped := m.(*message.Signed)
	return !enveloped || s.Inner != message.TypeKeyAsk && s.Inner != message.TypeKeyGrant
}

// read takes a message out of its envelope, where it needs one, and passes it on.
func (e *Engine) read(from vsync.Sender, m message.Message) {
	g := &e.guard
	e.traffic.In[typeOf(m)]++
	s, enveloped := m.(*message.Signed)
	switch {
	case enveloped && !g.sealing():
		e.drop(from.Host, "signed")
	case enveloped:
		inner, err := g.letter(message.Header{Group: e.header.Group, From: from.Process, Nonce: from.Nonce}, s)
		switch {
		case err != nil:
			e.drop(from.Host, wire.Reason(err))
		case inner == nil:
			e.drop(from.Host, "bad-signature")
		default:
			e.dispatch(from, inner)
		}
	case g.sealing() && m.Type().SignedByItsSender():
		e.drop(from.Host, "not-signed")
	default:
		e.dispatch(from, m)
	}
}

// heard tells the detector of a member's frame.
func (e *Engine) heard(from vsync.Sender) {
	if all := e.frame.Messages; len(all) > 0 && all[0].Type() == message.TypeData {
		e.detect.HeardData(e.now, from.Process)
		return
	}
	e.detect.Heard(e.now, from.Process)
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

// isExamination reports whether a message is about the way it comes and nothing else.
func isExamination(m message.Message) bool {
	switch m.Type() { //nolint:exhaustive // all others are not
	case message.TypeEcho, message.TypeEchoReply, message.TypeRefuse:
		return true
	}
	return false
}

// dispatch gives a message to the part it is for.
func (e *Engine) dispatch(from vsync.Sender, m message.Message) {
	if e.cfg.Bystander && !isExamination(m) {
		e.drop(from.Host, "bystander")
		return
	}
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
	case *message.Missing:
		e.sendMissing(from, m)
		return
	case *message.Echo:
		e.takeEcho(from, m, e.frameSize)
		return
	case *message.EchoReply:
		e.takeEchoReply(from, m)
		return
	case *message.Report:
		if e.core.IsPast(from.Process) {
			e.drop(from.Host, "past")
			return
		}
		e.deliver(ReportCame{From: from.Process, Addr: from.Addr, Report: m})
		return
	case *message.Keys, *message.KeyAsk, *message.KeyGrant:
		if e.guard.sealing() {
			e.takeKeyWord(from, e.guard.under, m)
		}
		return
	case *message.Refuse:
		if m.Code.Unproven() {
			e.takeNotice(from.Host, from.Addr, m)
			return
		}
	case *message.Hello:
		e.meet(from, m)
	case *message.Unheard, *message.Spoken:
		e.takeEarshot(from, m)
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
