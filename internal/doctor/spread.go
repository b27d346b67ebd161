package doctor

import (
	"slices"

	"github.com/gmsd/gmsd/views"
)

// spread is how far something that fails between hosts reaches: the fewest words
// that say it all.
type spread struct {
	// all: every way that was tested fails.
	all bool
	// from are hosts from which nothing arrives, to those where nothing does; rest
	// are the ways that neither says.
	from, to []views.HostID
	rest     []arrow
	// fromOf and toOf are the counts these are taken from.
	fromOf, toOf map[views.HostID]ways
}

// saysFrom reports whether a host is one of from, saysTo whether it is one of to.
func (s *spread) saysFrom(h views.HostID) bool { return s.fromOf[h].allFail() }

func (s *spread) saysTo(h views.HostID) bool { return s.toOf[h].allFail() }

// spreadOf sorts the ways that fail of those that were tested. A host stands for its
// ways where at least two were tested and all of them fail.
func (m *matrix) spreadOf(state func(arrow) way) spread {
	var tested, failing []arrow
	for _, a := range m.ways {
		if m.gone[a.from] || m.gone[a.to] {
			continue
		}
		switch state(a) {
		case shut:
			tested, failing = append(tested, a), append(failing, a)
		case open:
			tested = append(tested, a)
		case unknown:
		}
	}
	var s spread
	if len(failing) == 0 {
		return s
	}
	if len(failing) == len(tested) && len(tested) >= 2 {
		s.all = true
		return s
	}
	s.fromOf, s.toOf = countWays(tested, failing)
	for _, h := range m.hosts {
		if s.saysFrom(h) {
			s.from = append(s.from, h)
		}
		if s.saysTo(h) {
			s.to = append(s.to, h)
		}
	}
	for _, a := range failing {
		if !s.saysFrom(a.from) && !s.saysTo(a.to) {
			s.rest = append(s.rest, a)
		}
	}
	return s
}

// ways are how many were tested, and how many of these fail.
type ways struct{ tested, failing int }

// allFail reports whether at least two were tested and all of them fail.
func (w ways) allFail() bool { return w.tested >= 2 && w.failing == w.tested }

// countWays counts by the host from which they go, and by the one to which they do.
func countWays(tested, failing []arrow) (from, to map[views.HostID]ways) {
	from, to = map[views.HostID]ways{}, map[views.HostID]ways{}
	for _, a := range tested {
		from[a.from] = ways{from[a.from].tested + 1, 0}
		to[a.to] = ways{to[a.to].tested + 1, 0}
	}
	for _, a := range failing {
		from[a.from] = ways{from[a.from].tested, from[a.from].failing + 1}
		to[a.to] = ways{to[a.to].tested, to[a.to].failing + 1}
	}
	return from, to
}

func sortHosts(list []views.HostID) { slices.SortFunc(list, views.HostID.Compare) }
