package wire

import "github.com/gmsd/gmsd/views/message"

func writeHeartbeat(w *writer, m *message.Heartbeat) {
	w.view(m.View)
	w.size("Size", m.Size)
	for _, sent := range m.Sent {
		w.uvarint(uint64(sent))
	}
}

func readHeartbeat(r *reader) *message.Heartbeat {
	m := new(message.Heartbeat)
	m.View = r.view("View")
	m.Size = r.size("Size")
	for class := range m.Sent {
		m.Sent[class] = r.streamSeq("Sent")
	}
	return m
}
