package check

import (
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// heardVerdict remembers whom a host let in.
func (l *life) heardVerdict(e *trace.Join) {
	if e.Verdict != trace.JoinAccept {
		delete(l.accepted, e.Who)
		return
	}
	if l.accepted == nil {
		l.accepted = map[views.HostID]struct{}{}
	}
	l.accepted[e.Who] = struct{}{}
}

// noteAccepted collects, at the coordinator's own install, those from elsewhere
// that it had not accepted. Which of them were joiners is known later.
func (c *Checker) noteAccepted(l *life, v *view, e *trace.Install) {
	if v.coordinated {
		return
	}
	v.coordinated = true
	for _, m := range v.members {
		if m == l.proc || slices.Contains(e.Trans, m.Host) {
			continue
		}
		if _, ok := l.accepted[m.Host]; !ok {
			v.unaccepted = append(v.unaccepted, m)
		}
		delete(l.accepted, m.Host)
	}
}

// checkAccepted is J2, judged when nobody can come to v any more. A view whose
// coordinator never installed it says nothing.
func (c *Checker) checkAccepted(v *view) {
	if v.initial || !v.coordinated {
		return
	}
	for _, m := range v.members {
		if joined, known := m.joinedIn(v); joined && known && m.Host != v.id.Coordinator {
			c.count(JoinAccepted)
			if slices.Contains(v.unaccepted, m) {
				c.fail(JoinAccepted, v.id, []*proc{v.members[0], m}, "%s is in the view, and its coordinator logged no accept", m)
			}
		}
	}
}

// checkGroups is J1, for hosts whose group the harness told.
func (c *Checker) checkGroups(l *life, v *view) {
	first := ""
	for _, m := range v.members {
		g := m.host.group
		if g == "" {
			continue
		}
		c.count(GroupsApart)
		if first == "" {
			first = g
		}
		if g != first {
			c.fail(GroupsApart, v.id, []*proc{l.proc, m}, "the view mixes groups %s and %s", first, g)
			return
		}
	}
}

// checkOneClone is J5 as far as it is a safety property: two lives of one host
// are never both in one view with others.
func (c *Checker) checkOneClone(l *life, v *view) {
	if len(v.members) < 2 || len(l.proc.host.lives) < 2 {
		return
	}
	for _, s := range v.visits {
		if other := s.life; other != l && other.proc.host == l.proc.host {
			c.fail(CloneRefused, v.id, []*proc{l.proc, other.proc}, "two processes with one host id are both in the view")
			return
		}
	}
}
