package wire

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

func writeAsk(w *writer, m *message.Ask) {
	w.fixed64(m.Token)
	w.addr("Addr", m.Addr)
	w.view(m.View)
	w.size("Size", m.Size)
	w.bool(m.Joiner)
}

func readAsk(r *reader) *message.Ask {
	m := new(message.Ask)
	m.Token = r.fixed64("Token")
	m.Addr = r.addr("Addr")
	m.View = r.view("View")
	m.Size = r.size("Size")
	m.Joiner = r.bool("Joiner")
	return m
}

func writeRoster(w *writer, m *message.Roster) {
	if len(m.Members) == 0 {
		w.fail("Members", ErrForm)
	}
	w.fixed64(m.Token)
	w.view(m.View)
	w.uvarint(uint64(m.Promised))
	w.bool(m.Joiner)
	w.members("Members", m.Members)
}

func readRoster(r *reader) *message.Roster {
	m := new(message.Roster)
	m.Token = r.fixed64("Token")
	m.View = r.view("View")
	m.Promised = views.Seq(r.uvarint("Promised"))
	m.Joiner = r.bool("Joiner")
	m.Members = r.members("Members")
	if len(m.Members) == 0 {
		r.fail("Members", ErrForm)
	}
	return m
}
