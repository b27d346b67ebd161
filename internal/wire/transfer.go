package wire

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

func writeTransfer(w *writer, m *message.Transfer) {
	if len(m.Body) == 0 {
		w.fail("Body", ErrForm)
	}
	w.bytes("Body", m.Body, views.DatagramMax)
}

// readTransfer leaves the bytes where they are: a state is made of many of these.
func readTransfer(r *reader) *message.Transfer {
	m := &message.Transfer{Body: r.span("Body", views.DatagramMax)}
	if len(m.Body) == 0 {
		r.fail("Body", ErrForm)
	}
	if r.frame == nil { // out of pieces: the bytes are the caller's
		m.Body = append(make([]byte, 0, len(m.Body)), m.Body...)
	}
	return m
}
