package engine

import (
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/vsync"
)

// meet tells of a host outside the view whose frames do not come from where it says
// that it is, or come from where a member is or another one outside.
func (e *Engine) meet(from vsync.Sender, m *message.Hello) {
	v := e.core.View()
	if v == nil || e.core.IsMember(from) || m.Self.Process != from.Process || m.Self.Host == e.header.From.Host || e.core.IsPast(from.Process) {
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
		e.deliver(Refused{Who: m.To.Host, From: s.To[0], Code: m.Code})
	}
}
