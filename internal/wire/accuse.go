package wire

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

func writeAccuse(w *writer, m *message.Accuse) {
	w.view(m.View)
	w.uvarint(m.Version)
	if !w.count("Subjects", len(m.Subjects), views.MembersMax) {
		return
	}
	for i, s := range m.Subjects {
		if i > 0 && s.Rank <= m.Subjects[i-1].Rank {
			w.fail("Subjects", ErrOrder)
		}
		if !s.Evidence.Valid() {
			w.fail("Subjects", ErrEnum)
		}
		w.rank("Subjects", s.Rank)
		w.byte(byte(s.Evidence))
	}
}

func readAccuse(r *reader) *message.Accuse {
	m := new(message.Accuse)
	m.View = r.view("View")
	m.Version = r.uvarint("Version")
	n := r.count("Subjects", views.MembersMax, 2)
	if n == 0 {
		return m
	}
	m.Subjects = make([]message.Accusation, n)
	for i := range m.Subjects {
		s := message.Accusation{Rank: r.rank("Subjects"), Evidence: message.Evidence(r.byte("Subjects"))}
		// A double accusation would count twice against the same member.
		if i > 0 && s.Rank <= m.Subjects[i-1].Rank {
			r.fail("Subjects", ErrOrder)
		}
		if !s.Evidence.Valid() {
			r.fail("Subjects", ErrEnum)
		}
		m.Subjects[i] = s
	}
	return m
}
