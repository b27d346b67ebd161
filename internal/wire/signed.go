package wire

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// SignedHeadMax bounds what a message takes more once it is in a Signed.
const SignedHeadMax = 1 + 3 + 32 + 64 + 1 + 3

func (w *writer) signature(s *message.Signature) {
	w.b = append(w.b, s.Key[:]...)
	w.b = append(w.b, s.Sig[:]...)
}

func (r *reader) signature(field string, s *message.Signature) {
	copy(s.Key[:], r.take(field, len(s.Key)))
	copy(s.Sig[:], r.take(field, len(s.Sig)))
}

// take gives the next n bytes, which lie in the frame; nil where there are fewer.
func (r *reader) take(field string, n int) []byte {
	if len(r.b) < n {
		r.fail(field, ErrShort)
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func writeSigned(w *writer, m *message.Signed) {
	w.signature(&m.Signature)
	if !m.Inner.SignedByItsSender() {
		w.fail("Inner", ErrForm)
	}
	w.byte(byte(m.Inner))
	w.bytes("Body", m.Body, views.MessageMax)
}

func readSigned(r *reader) *message.Signed {
	m := new(message.Signed)
	r.signature("Signature", &m.Signature)
	m.Inner = message.Type(r.byte("Inner"))
	if !m.Inner.SignedByItsSender() {
		r.fail("Inner", ErrForm)
	}
	m.Body = r.bytes("Body", views.MessageMax)
	return m
}

// AppendBody appends the body of a message that is to be signed.
func AppendBody(dst []byte, m message.Message) ([]byte, error) {
	w := writer{b: dst}
	writeBody(&w, m)
	if len(w.b)-len(dst) > views.MessageMax-SignedHeadMax {
		w.fail("Body", ErrLimit)
	}
	if w.err != nil {
		return dst, &Error{Type: m.Type(), Field: w.field, Err: w.err}
	}
	return w.b, nil
}

// AppendSigned appends what a sender signs: who it is, the type and the body.
func AppendSigned(dst []byte, h message.Header, inner message.Type, body []byte) []byte {
	w := writer{b: append(dst, "gmsd message 1\x00"...)}
	w.fixed64(h.Group)
	w.process(h.From)
	w.fixed64(h.Nonce)
	w.byte(byte(inner))
	return append(w.b, body...)
}

// DecodeBody reads the body of a message that was signed. It shares no memory with it.
func DecodeBody(inner message.Type, body []byte) (message.Message, error) {
	r := reader{b: body}
	m := readBody(&r, inner)
	if r.err != nil {
		return nil, r.wrap(inner)
	}
	return m, nil
}
