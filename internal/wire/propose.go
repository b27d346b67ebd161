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
	if len(m.PlusMark) != len(m.Plus) {
		w.fail("PlusMark", ErrForm)
	}
	for _, mark := range m.PlusMark {
		w.b = binary.BigEndian.AppendUint64(w.b, mark)
	}
	if !risingProcesses(m.Ours) {
		w.fail("Ours", ErrOrder)
	}
	w.processes("Ours", m.Ours)
	w.addr("Via", m.Via)
}

func readPropose(r *reader) *message.Propose {
	m := new(message.Propose)
	m.Ballot = r.view("Ballot")
	m.Base = r.view("Base")
	m.Without = r.ranks("Without")
	m.Leaving = r.ranks("Leaving")
	m.Plus = r.processes("Plus")
	m.PlusMark = r.marks("PlusMark", len(m.Plus))
	m.Ours = r.processes("Ours")
	m.Via = r.addr("Via")
	// A process invited twice would be waited for twice.
	if r.err == nil && !risingProcesses(m.Plus) {
		r.fail("Plus", ErrOrder)
	}
	if r.err == nil && !risingProcesses(m.Ours) {
		r.fail("Ours", ErrOrder)
	}
	return m
}

// marks reads n marks, whose count was read before; nil for none.
func (r *reader) marks(field string, n int) []uint64 {
	if n == 0 || r.err != nil {
		return nil
	}
	if len(r.b)/8 < n {
		r.fail(field, ErrShort)
		return nil
	}
	list := make([]uint64, n)
	for i := range list {
		list[i] = binary.BigEndian.Uint64(r.b[8*i:])
	}
	r.b = r.b[8*n:]
	return list
}
