package wire

import "github.com/gmsd/gmsd/views/message"

// contactLeast is what a contact takes at least: a process and no address.
const contactLeast = processLeast + 1

func writeProbe(w *writer, m *message.Probe) {
	w.fixed64(m.Token)
	if !w.count("Whom", len(m.Whom), message.ProbeMax) {
		return
	}
	for _, c := range m.Whom {
		w.process(c.Process)
		w.addr("Whom", c.Addr)
	}
}

func readProbe(r *reader) *message.Probe {
	m := new(message.Probe)
	m.Token = r.fixed64("Token")
	if n := r.count("Whom", message.ProbeMax, contactLeast); n > 0 {
		m.Whom = make([]message.Contact, n)
	}
	for i := range m.Whom {
		m.Whom[i] = message.Contact{Process: r.process("Whom"), Addr: r.addr("Whom")}
	}
	return m
}

func writeReached(w *writer, m *message.Reached) {
	w.fixed64(m.Token)
	w.processes("Who", m.Who)
}

func readReached(r *reader) *message.Reached {
	m := new(message.Reached)
	m.Token = r.fixed64("Token")
	m.Who = r.processes("Who")
	return m
}
