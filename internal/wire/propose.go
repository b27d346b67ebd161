package wire

import (
	"encoding/binary"

	"github.com/gmsd/gmsd/views/message"
)

func writePropose(w *writer, m *message.Propose) {
	if !risingProcesses(m.Plus) {
		w.fail("Plus", ErrOrder)
	}
	w.view(m.Ballot)
	w.view(m.Base)
	w.ranks("Without", m.Without)
	w.ranks("Leaving", m.Leaving)
	w.processes("Plus", m.Plus)
	if len(m.PlusFrom) != len(m.Plus) {
		w.fail("PlusFrom", ErrForm)
	}
	for _, check := range m.PlusFrom {
		w.b = binary.BigEndian.AppendUint32(w.b, check)
	}
	w.addr("Via", m.Via)
}

func readPropose(r *reader) *message.Propose {
	m := new(message.Propose)
	m.Ballot = r.view("Ballot")
	m.Base = r.view("Base")
	m.Without = r.ranks("Without")
	m.Leaving = r.ranks("Leaving")
	m.Plus = r.processes("Plus")
	m.PlusFrom = r.checks("PlusFrom", len(m.Plus))
	m.Via = r.addr("Via")
	// A process invited twice would be waited for twice.
	if r.err == nil && !risingProcesses(m.Plus) {
		r.fail("Plus", ErrOrder)
	}
	return m
}

// checks reads n sums of 32 bits, whose count was read before; nil for none.
func (r *reader) checks(field string, n int) []uint32 {
	if n == 0 || r.err != nil {
		return nil
	}
	if len(r.b)/4 < n {
		r.fail(field, ErrShort)
		return nil
	}
	list := make([]uint32, n)
	for i := range list {
		list[i] = binary.BigEndian.Uint32(r.b[4*i:])
	}
	r.b = r.b[4*n:]
	return list
}
