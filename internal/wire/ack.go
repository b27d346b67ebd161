package wire

import "github.com/gmsd/gmsd/views/message"

// room is written as one more than it is, so that no limit, the greatest number,
// is the shortest.
func (w *writer) room(v uint64) { w.uvarint(v + 1) }

func (r *reader) room(field string) uint64 { return r.uvarint(field) - 1 }

func writeAck(w *writer, m *message.Ack) {
	w.view(m.View)
	w.positions("Have", m.Have)
	w.room(m.Room)
	w.uvarint(m.Turn)
}

func readAck(r *reader) *message.Ack {
	m := new(message.Ack)
	m.View = r.view("View")
	m.Have = r.positions("Have")
	m.Room = r.room("Room")
	m.Turn = r.uvarint("Turn")
	return m
}

func writeStable(w *writer, m *message.Stable) {
	w.view(m.View)
	w.positions("Have", m.Have)
	w.room(m.Room)
	w.rank("Slowest", m.Slowest)
	w.uvarint(m.Turn)
}

func readStable(r *reader) *message.Stable {
	m := new(message.Stable)
	m.View = r.view("View")
	m.Have = r.positions("Have")
	m.Room = r.room("Room")
	m.Slowest = r.rank("Slowest")
	m.Turn = r.uvarint("Turn")
	return m
}
