package wire

import "github.com/gmsd/gmsd/views/message"

func writePing(w *writer, m *message.Ping) {
	w.fixed64(m.Token)
	w.process(m.To)
}

func readPing(r *reader) *message.Ping {
	m := new(message.Ping)
	m.Token = r.fixed64("Token")
	m.To = r.process("To")
	return m
}

func writePong(w *writer, m *message.Pong) { w.fixed64(m.Token) }

func readPong(r *reader) *message.Pong {
	return &message.Pong{Token: r.fixed64("Token")}
}
