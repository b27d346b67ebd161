package wire

import "github.com/gmsd/gmsd/views/message"

func writeCatchup(w *writer, m *message.Catchup) {
	w.view(m.Ballot)
	w.view(m.View)
	w.addr("Holder", m.Holder)
}

func readCatchup(r *reader) *message.Catchup {
	m := new(message.Catchup)
	m.Ballot = r.view("Ballot")
	m.View = r.view("View")
	m.Holder = r.addr("Holder")
	return m
}
