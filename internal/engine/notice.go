package engine

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// A frame that cannot be read for a reason that an operator can mend is answered by
// a notice: a plain Refuse, which whoever sent the frame can read whatever keys it
// has. Anybody can forge one, so it is said and counted, and nothing follows from it;
// and anybody can bring one about, so it is never longer than what it answers, and
// rare. One is chance; that the same comes again from there a moment later is told once
// more, so that who is told can wait for that. Of who is in the view none is given or believed: it has our keys, and what
// cannot be read in its name is made up, or it will leave the view and be heard again.
const (
	// noticeEvery is the least time between two notices to one address, and between
	// two of one kind that are told.
	noticeEvery = 10 * time.Second
	// noticeAgain is how long after it the same from there counts as coming again.
	noticeAgain = time.Second
	// noticesOfKind bounds whom is remembered to have had one of a kind, so that those of
	// one kind keep no other kind from being told, noticesOfOne how many of them are at one
	// address, whatever port they name, and noticeBurst how many go in a second.
	noticesOfKind = 16
	noticesOfOne  = 4
	noticeBurst   = 16
)

// noticed is a notice that was given, or taken, or for what was overheard neither; again:
// the same came once more since.
type noticed struct {
	ours bool
	// overheard: it was for all, and is not answered.
	overheard bool
	from      netip.AddrPort
	code      views.RefuseCode
	at        views.Instant
	again     bool
}

func (n *noticed) isKind(o *noticed) bool {
	return n.ours == o.ours && n.code == o.code && n.overheard == o.overheard
}

// most is of how many of its kind it is told. Of what is overheard one stands for all: it is
// a whole group that speaks.
func (n *noticed) most() int {
	if n.overheard {
		return 1
	}
	return noticesOfKind
}

// word is what is to be told of a notice.
type word uint8

const (
	// old: nothing, as it was told not long ago, or there are too many.
	old word = iota
	// first: that it is.
	first
	// again: that the same has come again.
	again
)

type notices struct {
	list []noticed
	// since and given count the burst, by what they say.
	since views.Instant
	given map[views.RefuseCode]int
}

// note says what is to be told of one, and remembers it.
func (n *notices) note(now views.Instant, one noticed) word {
	n.list = slices.DeleteFunc(n.list, func(o noticed) bool { return now.Sub(o.at) >= noticeEvery })
	kind, there := 0, 0
	for i := range n.list {
		o := &n.list[i]
		switch {
		case !o.isKind(&one):
			continue
		case o.from == one.from && !o.again && now.Sub(o.at) >= noticeAgain:
			o.again = true
			return again
		case o.from == one.from:
			return old
		case o.from.Addr() == one.from.Addr():
			there++
		}
		kind++
	}
	if kind >= one.most() || there >= noticesOfOne {
		return old
	}
	one.at = now
	n.list = append(n.list, one)
	return first
}

// burst reports whether one more frame may be looked at for it in this second.
func (n *notices) burst(now views.Instant, code views.RefuseCode) bool {
	if n.given == nil || now.Sub(n.since) >= time.Second {
		n.since, n.given = now, map[views.RefuseCode]int{}
	}
	n.given[code]++
	return n.given[code] <= noticeBurst
}

// giveNotice tells the sender of a frame why it was not read.
func (e *Engine) giveNotice(in *Received, h *wire.Head, code views.RefuseCode) {
	n := &e.guard.notices
	if !n.burst(e.now, code) || e.inView(h.From.Host, in.From) {
		return
	}
	say := n.note(e.now, noticed{from: in.From, code: code})
	if say == first && !e.refuseAt(in, h, code) {
		return
	}
	e.tellUnread(h, in.From, code, say)
}

// tellUnread says that a frame was not read, where that is to be told.
func (e *Engine) tellUnread(h *wire.Head, from netip.AddrPort, code views.RefuseCode, say word) {
	if say == old {
		return
	}
	if say == first {
		e.emit(trace.Join{Who: h.From.Host, Verdict: trace.JoinReject, Code: code.String()})
	}
	e.deliver(Refused{Who: h.From.Host, From: from, Code: code, Again: say == again})
}

// refuseAt answers a frame that was not read, unless that would be longer.
func (e *Engine) refuseAt(in *Received, h *wire.Head, code views.RefuseCode) bool {
	own := e.header
	own.Group = h.Group // or it would not be looked at
	refuse := &message.Refuse{To: h.From, Nonce: h.Nonce, Code: code}
	frame, err := wire.AppendMessage(wire.AppendHeader(e.frames.begin(), own), refuse)
	if err != nil || len(frame) > len(in.Frame) {
		return false
	}
	wire.Sum(frame)
	e.frames.end(frame)
	e.out.Send = append(e.out.Send, Packet{Scope: Direct, To: []netip.AddrPort{in.From}, Frame: frame})
	return true
}

// inView reports whether a host, or who is at an address, is in the view with us.
func (e *Engine) inView(host views.HostID, at netip.AddrPort) bool {
	v := e.core.View()
	return v != nil && slices.ContainsFunc(v.Members, func(m views.Member) bool {
		return m.Host != e.header.From.Host && (m.Host == host || m.Addr == at)
	})
}

// openPlain takes a notice out of a plain frame; nothing else that is not sealed is read.
func (e *Engine) openPlain(in *Received, h *wire.Head) {
	if err := wire.Decode(in.Frame, &e.frame); err != nil {
		e.drop(views.HostID{}, wire.Reason(err))
		return
	}
	for _, m := range e.frame.Messages {
		if refuse, ok := m.(*message.Refuse); ok && refuse.Code.Unproven() {
			e.takeNotice(h.From.Host, in.From, refuse)
			return
		}
	}
	e.drop(views.HostID{}, views.RefusePlain.String())
	e.giveNotice(in, h, views.RefusePlain)
}

// takeNotice says that another host could not read what this one sent.
func (e *Engine) takeNotice(from views.HostID, at netip.AddrPort, m *message.Refuse) {
	e.traffic.In[message.TypeRefuse]++
	ours := m.To.Host == e.header.From.Host && (m.Code == views.RefuseVersion || m.To == e.header.From && m.Nonce == e.header.Nonce)
	say := old
	if ours && !e.inView(from, at) {
		say = e.guard.notices.note(e.now, noticed{ours: true, from: at, code: m.Code})
	}
	if say == old {
		e.drop(views.HostID{}, "notice")
		return
	}
	if say == first {
		e.emit(trace.Join{Who: e.header.From.Host, Verdict: trace.JoinReject, Code: m.Code.String()})
	}
	e.deliver(Refused{Ours: true, Who: from, From: at, Code: m.Code, Again: say == again})
}
