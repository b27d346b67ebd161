package gms

import (
	"cmp"
	"slices"

	"github.com/gmsd/gmsd/views"
)

// Namesakes gives the members of a view that share a name with another one: those of
// one name together, by name and rank. No rule of the group forbids it, but a command
// that is told the name cannot know whom it is for.
func Namesakes(v *views.View) [][]*views.Member {
	sorted := make([]*views.Member, 0, v.Size())
	for i := range v.Members {
		sorted = append(sorted, &v.Members[i])
	}
	slices.SortStableFunc(sorted, func(a, b *views.Member) int { return cmp.Compare(a.Name, b.Name) })
	var out [][]*views.Member
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n].Name == sorted[0].Name {
			n++
		}
		if n > 1 {
			out = append(out, sorted[:n])
		}
		sorted = sorted[n:]
	}
	return out
}

// watchNames says once, at every host, that members have one name: who joins with the
// name of another is not refused.
func (l *loop) watchNames(v *views.View) {
	var now []views.HostID
	for _, same := range Namesakes(v) {
		var hosts, addrs []string
		fresh := false
		for _, m := range same {
			now = append(now, m.Host)
			fresh = fresh || !slices.Contains(l.namesakes, m.Host)
			hosts, addrs = append(hosts, m.Host.Short()), append(addrs, m.Addr.String())
		}
		if fresh {
			l.log.Warn("members have one name: a command that is told the name cannot know which is meant", "name", same[0].Name, "hosts", hosts, "at", addrs,
				"cure", "give each host a name of its own, and name these by their host ids until then")
		}
	}
	l.namesakes = now
}
