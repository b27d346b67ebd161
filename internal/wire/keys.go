package wire

import (
	"encoding/binary"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

func (w *writer) fixed32(v uint32) { w.b = binary.BigEndian.AppendUint32(w.b, v) }

func (r *reader) fixed32(field string) uint32 {
	b := r.take(field, 4)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

func writeKeys(w *writer, m *message.Keys) {
	w.fixed64(m.Digest)
	w.fixed64(m.Known)
	w.fixed32(m.Sending)
	w.bool(m.Want)
	if !w.count("Has", len(m.Has), message.KeyIDsMax) {
		return
	}
	for i, id := range m.Has {
		if i > 0 && id <= m.Has[i-1] {
			w.fail("Has", ErrOrder)
		}
		w.fixed32(id)
	}
}

func readKeys(r *reader) *message.Keys {
	m := &message.Keys{Digest: r.fixed64("Digest"), Known: r.fixed64("Known"), Sending: r.fixed32("Sending"), Want: r.bool("Want")}
	n := r.count("Has", message.KeyIDsMax, 4)
	for i := range n {
		m.Has = append(m.Has, r.fixed32("Has"))
		if i > 0 && m.Has[i] <= m.Has[i-1] {
			r.fail("Has", ErrOrder)
		}
	}
	return m
}

func writeKeyAsk(w *writer, m *message.KeyAsk) {
	w.fixed64(m.Token)
	w.b = append(w.b, m.Public[:]...)
}

func readKeyAsk(r *reader) *message.KeyAsk {
	m := &message.KeyAsk{Token: r.fixed64("Token")}
	copy(m.Public[:], r.take("Public", len(m.Public)))
	return m
}

func writeKeyGrant(w *writer, m *message.KeyGrant) {
	w.fixed64(m.Token)
	w.b = append(w.b, m.Public[:]...)
	w.bytes("Box", m.Box, views.MessageMax)
}

func readKeyGrant(r *reader) *message.KeyGrant {
	m := &message.KeyGrant{Token: r.fixed64("Token")}
	copy(m.Public[:], r.take("Public", len(m.Public)))
	m.Box = r.bytes("Box", views.MessageMax)
	return m
}
