package wire

import "github.com/gmsd/gmsd/views/message"

func writePropose(w *writer, m *message.Propose) {
	if !risingProcesses(m.Plus) {
		w.fail("Plus", ErrOrder)
	}
	w.view(m.Ballot)
	w.view(m.Base)
	w.ranks("Without", m.Without)
	w.ranks("Leaving", m.Leaving)
	w.processes("Plus", m.Plus)
	w.addr("Via", m.Via)
}

func readPropose(r *reader) *message.Propose {
	m := new(message.Propose)
	m.Ballot = r.view("Ballot")
	m.Base = r.view("Base")
	m.Without = r.ranks("Without")
	m.Leaving = r.ranks("Leaving")
	m.Plus = r.processes("Plus")
	m.Via = r.addr("Via")
	// A process invited twice would be waited for twice.
	if r.err == nil && !risingProcesses(m.Plus) {
		r.fail("Plus", ErrOrder)
	}
	return m
}
