package wire

import "github.com/gmsd/gmsd/views/message"

func writeHeartbeat(w *writer, m *message.Heartbeat) {
	w.view(m.View)
	w.size("Size", m.Size)
	w.uvarint(uint64(m.Sent))
}

func readHeartbeat(r *reader) *message.Heartbeat {
	m := new(message.Heartbeat)
	m.View = r.view("View")
	m.Size = r.size("Size")
	m.Sent = r.streamSeq("Sent")
	return m
}
