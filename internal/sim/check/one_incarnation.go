package check

import "github.com/gmsd/gmsd/views"

// checkHostsOnce is the first half of P5: a view holds each host once.
func (c *Checker) checkHostsOnce(l *life, v *view) {
	seen := make(map[*host]*proc, len(v.members))
	for _, m := range v.members {
		if other := seen[m.host]; other != nil {
			c.fail(OneIncarnation, v.id, []*proc{l.proc, other, m}, "a host is in the view twice, as incarnations %d and %d", other.Incarnation, m.Incarnation)
		}
		seen[m.host] = m
	}
}

// checkIncarnations is the second half: nobody goes back to an older
// incarnation of a host. It is judged at each life by itself; what a host saw
// before it restarted it may have forgotten.
func (c *Checker) checkIncarnations(l *life, v *view) {
	c.count(OneIncarnation)
	if n := len(c.hosts); len(l.newest) < n {
		l.newest = append(l.newest, make([]views.Incarnation, n-len(l.newest))...)
	}
	for _, m := range v.members {
		newest := &l.newest[m.host.index]
		if m.Incarnation < *newest {
			c.fail(OneIncarnation, v.id, []*proc{l.proc, m}, "incarnation %d of %s is installed after %d", m.Incarnation, m.host.name, *newest)
		}
		*newest = max(*newest, m.Incarnation)
	}
}
