package wire

import "github.com/gmsd/gmsd/views/message"

// RangesMax bounds the ranges in one Resend or Grant.
const RangesMax = 4096

const rangeLeast = 2

func writeResend(w *writer, m *message.Resend) {
	w.view(m.View)
	w.stream("Stream", m.Stream)
	if !w.count("Ranges", len(m.Ranges), RangesMax) {
		return
	}
	for _, g := range m.Ranges {
		if g.First == 0 || g.Last < g.First {
			w.fail("Ranges", ErrOrder)
			return
		}
		w.uvarint(uint64(g.First))
		w.uvarint(uint64(g.Last - g.First))
	}
}

func readResend(r *reader) *message.Resend {
	m := new(message.Resend)
	m.View = r.view("View")
	m.Stream = r.stream("Stream")
	n := r.count("Ranges", RangesMax, rangeLeast)
	if n == 0 {
		return m
	}
	m.Ranges = make([]message.SeqRange, n)
	for i := range m.Ranges {
		first := r.streamSeq("Ranges")
		last := first + r.streamSeq("Ranges")
		// Where the sum ran over, last is below first.
		if r.err == nil && (first == 0 || last < first) {
			r.fail("Ranges", ErrOrder)
		}
		m.Ranges[i] = message.SeqRange{First: first, Last: last}
	}
	return m
}
