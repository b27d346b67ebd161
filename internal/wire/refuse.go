package wire

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// HintMax bounds the text of a refusal.
const HintMax = 200

func writeRefuse(w *writer, m *message.Refuse) {
	w.process(m.To)
	w.fixed64(m.Nonce)
	if !m.Code.Valid() {
		w.fail("Code", ErrEnum)
	}
	w.byte(byte(m.Code))
	w.line("Hint", m.Hint, HintMax)
}

func readRefuse(r *reader) *message.Refuse {
	m := new(message.Refuse)
	m.To = r.process("To")
	m.Nonce = r.fixed64("Nonce")
	m.Code = views.RefuseCode(r.byte("Code"))
	if !m.Code.Valid() {
		r.fail("Code", ErrEnum)
	}
	m.Hint = r.line("Hint", HintMax)
	return m
}
