package engine

import (
	"net/netip"
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/vsync"
)

// meet tells of a host outside the view whose frames do not come from where it says
// that it is, or come from where a member is or another one outside; and of a process that
// has this host's own id and is no life of it that is over: whoever refuses that one may be
// gone, and what it knows with it.
func (e *Engine) meet(from vsync.Sender, m *message.Hello) {
	v := e.core.View()
	switch {
	case v == nil || e.core.IsMember(from) || m.Self.Process != from.Process || e.core.IsPast(from.Process):
		return
	case m.Self.Host == e.header.From.Host:
		e.tellTwin(m.Self.Host, from.Addr)
		return
	}
	met := Met{Host: m.Self.Host, Name: m.Self.Name, Says: m.Self.Addr, Source: from.Addr}
	shared := slices.ContainsFunc(v.Members, func(o views.Member) bool {
		return o.Addr == met.Source && o.Host != met.Host
	}) || e.core.SharesAddress(from)
	if met.Says != met.Source || shared {
		e.deliver(met)
	}
}

// noteRefusal tells whom this host refuses because its id is taken.
func (e *Engine) noteRefusal(s *vsync.Send) {
	if m, ok := s.Msg.(*message.Refuse); ok && m.Code == views.RefuseDuplicate && len(s.To) == 1 {
		e.tellTwin(m.To.Host, s.To[0])
	}
}

// tellTwin says where a second process with a host's id is.
func (e *Engine) tellTwin(host views.HostID, at netip.AddrPort) {
	if say := e.guard.notices.note(e.now, noticed{from: at, code: views.RefuseDuplicate}); say != old {
		e.deliver(Refused{Who: host, From: at, Code: views.RefuseDuplicate, Again: say == again})
	}
}
