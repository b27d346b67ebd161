package wire

import "github.com/gmsd/gmsd/views/message"

// haveInline is the number of positions for which an Ack or a Stable brings
// its own room, so that small groups pay one allocation a message.
const haveInline = 8

func writeAck(w *writer, m *message.Ack) {
	w.view(m.View)
	w.positions("Have", m.Have)
}

func readAck(r *reader) *message.Ack {
	view := r.view("View")
	n := r.positionCount("Have")
	if r.err != nil {
		return nil
	}
	m := newAck(n)
	m.View = view
	r.positions("Have", m.Have)
	return m
}

func newAck(have int) *message.Ack {
	switch {
	case have == 0:
		return new(message.Ack)
	case have > haveInline:
		return &message.Ack{Have: make([]message.StreamPos, have)}
	}
	small := new(struct {
		ack  message.Ack
		have [haveInline]message.StreamPos
	})
	small.ack.Have = small.have[:have:have]
	return &small.ack
}

func writeStable(w *writer, m *message.Stable) {
	w.view(m.View)
	w.positions("Have", m.Have)
}

// readStable shares its body with Ack.
func readStable(r *reader) *message.Stable {
	return (*message.Stable)(readAck(r))
}
