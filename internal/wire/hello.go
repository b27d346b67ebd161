package wire

import "github.com/gmsd/gmsd/views/message"

// writeHello writes the body of Hello and of Introduce, which passes one on.
func writeHello(w *writer, m *message.Hello) {
	w.member("Self", &m.Self)
	w.view(m.View)
	w.size("Size", m.Size)
	w.bool(m.Joiner)
	w.bool(m.New)
}

func readHello(r *reader, m *message.Hello) {
	r.member("Self", &m.Self, "")
	m.View = r.view("View")
	m.Size = r.size("Size")
	m.Joiner = r.bool("Joiner")
	m.New = r.bool("New")
}

func readIntroduce(r *reader) *message.Introduce {
	m := new(message.Introduce)
	readHello(r, &m.Hello)
	return m
}
