package doctor

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gmsd/gmsd/views"
)

// Place is a host in a verdict.
type Place struct {
	Host views.HostID
	Name string
}

// Verdict is a named cause.
type Verdict struct {
	// Cause is the name of a line of [Causes].
	Cause string
	// From is the host at which it lies, or from which what is lost comes; To, if set,
	// is where that does not arrive. Both are zero where it is the network as a whole.
	From, To Place
	// Evidence is what it rests on, in words.
	Evidence []string
	// Cure is what to do.
	Cure string
}

// String gives one line.
func (v *Verdict) String() string {
	where := "the network"
	switch {
	case !v.To.Host.IsZero():
		where = v.From.Name + " -> " + v.To.Name
	case !v.From.Host.IsZero():
		where = v.From.Name
	}
	return v.Cause + ": " + where
}

// IsHiddenBy reports whether nothing is said of v as long as the other verdict holds: it
// is of a host of which that says all.
func (v Verdict) IsHiddenBy(o Verdict) bool {
	if !v.IsAbout(o.From.Host) && !v.IsAbout(o.To.Host) {
		return false
	}
	for i := range Causes { // what explains others stands before them
		switch Causes[i].Name {
		case v.Cause:
			return false
		case o.Cause:
			return Causes[i].final
		}
	}
	return false
}

// IsAbout reports whether a verdict names a host; the zero host is none.
func (v Verdict) IsAbout(h views.HostID) bool {
	return !h.IsZero() && (v.From.Host == h || v.To.Host == h)
}

// finding is a verdict before its cause has put its words to it.
type finding struct {
	arrow
	evidence []string
	// claims are hosts in whose name it was brought about, which nobody has proved.
	claims []views.HostID
}

// Stranger stands for all of whom nobody has proved who they are: they are one place, which
// is called the same everywhere.
var Stranger = views.HostID{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// strangerName is what it is called.
const strangerName = "a stranger"

func at(h views.HostID, evidence ...string) finding {
	return finding{arrow: arrow{from: h}, evidence: evidence}
}

func between(a arrow, evidence ...string) finding { return finding{arrow: a, evidence: evidence} }

func said(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// Diagnose names the causes that the reports show.
func Diagnose(reports []Report) []Verdict {
	m := newMatrix(withHosts(reports))
	var list []claimed
	for i := range Causes {
		c := &Causes[i]
		for _, f := range c.rule(m) {
			if m.gone[f.from] || m.gone[f.to] {
				continue
			}
			if c.final {
				m.gone[f.from] = true
				m.gone[f.to] = !f.to.IsZero()
			}
			list = append(list, claimed{Verdict{
				Cause: c.Name, From: m.place(f.from), To: m.place(f.to), Evidence: f.evidence, Cure: c.Cure,
			}, f.claims})
		}
	}
	return m.believed(list)
}

// claimed is a verdict and in whose names it was brought about.
type claimed struct {
	Verdict
	by []views.HostID
}

// believed are the verdicts, sorted, without those that were brought about in the names of
// hosts which, as is known, cannot have said it.
func (m *matrix) believed(all []claimed) []Verdict {
	var list []Verdict
	for _, v := range all {
		if len(v.by) == 0 || slices.ContainsFunc(v.by, func(h views.HostID) bool { return !m.gone[h] }) {
			list = append(list, v.Verdict)
		}
	}
	slices.SortStableFunc(list, func(a, b Verdict) int {
		return cmp.Or(a.From.Host.Compare(b.From.Host), a.To.Host.Compare(b.To.Host), cmp.Compare(a.Cause, b.Cause))
	})
	return list
}

func (m *matrix) place(h views.HostID) Place {
	if h.IsZero() {
		return Place{}
	}
	if h == Stranger {
		return Place{h, strangerName}
	}
	name := m.names[h]
	switch spot := m.spots[h]; {
	case name == "" && spot.IsValid():
		name = spot.String()
	case name == "":
		name = h.Short()
	}
	return Place{h, name}
}
