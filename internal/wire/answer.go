package wire

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Flags of an Answer.
const (
	answerSelf = 1 << iota
	answerJoiner
	answerLeaving
	answerRelayed
	answerBare
	answerMissed
	answerFlags = answerSelf | answerJoiner | answerLeaving | answerRelayed | answerBare | answerMissed
)

func writeAnswer(w *writer, m *message.Answer) {
	w.view(m.Ballot)
	w.view(m.From)
	w.view(m.Prev)
	w.view(m.Highest)
	w.fixed64(m.Digest)
	w.positions("Have", m.Have)
	w.byte(flagsOfAnswer(m))
	if m.Self != nil {
		w.member("Self", m.Self)
	}
	w.processes("Stale", m.Stale)
	if m.HasMissed() {
		w.view(m.Missed)
		w.addr("Holder", m.Holder)
	}
}

func flagsOfAnswer(m *message.Answer) (flags byte) {
	if m.Self != nil {
		flags |= answerSelf
	}
	if m.Joiner {
		flags |= answerJoiner
	}
	if m.Leaving {
		flags |= answerLeaving
	}
	if m.Relayed {
		flags |= answerRelayed
	}
	if m.Bare {
		flags |= answerBare
	}
	if m.HasMissed() {
		flags |= answerMissed
	}
	return flags
}

func readAnswer(r *reader) *message.Answer {
	m := new(message.Answer)
	m.Ballot = r.view("Ballot")
	m.From = r.view("From")
	m.Prev = r.view("Prev")
	m.Highest = r.view("Highest")
	m.Digest = r.fixed64("Digest")
	m.Have = r.positions("Have")
	flags := r.byte("Flags")
	if flags&^answerFlags != 0 {
		r.fail("Flags", ErrEnum)
	}
	if flags&answerSelf != 0 {
		m.Self = new(views.Member)
		r.member("Self", m.Self, "")
	}
	m.Joiner = flags&answerJoiner != 0
	m.Leaving = flags&answerLeaving != 0
	m.Relayed = flags&answerRelayed != 0
	m.Bare = flags&answerBare != 0
	m.Stale = r.processes("Stale")
	if flags&answerMissed != 0 {
		m.Missed = r.view("Missed")
		if m.Holder = r.addr("Holder"); !m.HasMissed() {
			r.fail("Holder", ErrForm)
		}
	}
	return m
}

func writeNack(w *writer, m *message.Nack) {
	w.view(m.Ballot)
	w.view(m.Promised)
}

func readNack(r *reader) *message.Nack {
	m := new(message.Nack)
	m.Ballot = r.view("Ballot")
	m.Promised = r.view("Promised")
	return m
}
