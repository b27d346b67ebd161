package wire

import "github.com/gmsd/gmsd/views/message"

const cutLeast = streamPosLeast + 1

func writeRecover(w *writer, m *message.Recover) {
	w.view(m.Ballot)
	w.view(m.From)
	if !w.count("Cut", len(m.Cut), message.StreamsMax) {
		return
	}
	for _, c := range m.Cut {
		w.position("Cut", c.StreamPos)
		w.rank("Cut", c.Holder)
	}
}

func readRecover(r *reader) *message.Recover {
	m := new(message.Recover)
	m.Ballot = r.view("Ballot")
	m.From = r.view("From")
	n := r.count("Cut", message.StreamsMax, cutLeast)
	if n == 0 {
		return m
	}
	m.Cut = make([]message.CutEntry, n)
	for i := range m.Cut {
		m.Cut[i] = message.CutEntry{StreamPos: r.position("Cut"), Holder: r.rank("Cut")}
	}
	return m
}
