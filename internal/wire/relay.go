package wire

import "github.com/gmsd/gmsd/views/message"

// RelayFrameMax bounds the frame inside a Relay: a body without the address
// and the length that stand before it.
const RelayFrameMax = BodyMax - 1 - addrV6 - 3

func writeRelay(w *writer, m *message.Relay) {
	if len(m.Frame) == 0 {
		w.fail("Frame", ErrForm)
	}
	w.addr("To", m.To)
	w.bytes("Frame", m.Frame, RelayFrameMax)
}

// readRelay copies the frame unread: its checksum is its own, and so is the
// decision of the final receiver.
func readRelay(r *reader) *message.Relay {
	m := new(message.Relay)
	m.To = r.addr("To")
	m.Frame = r.bytes("Frame", RelayFrameMax)
	if len(m.Frame) == 0 {
		r.fail("Frame", ErrForm)
	}
	return m
}
