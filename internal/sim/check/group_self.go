package check

import (
	"strconv"
	"strings"

	"github.com/gmsd/gmsd/views/trace"
)

// checkGroupSelf is GV3: a port is in its own group view, once, and nobody is in
// it twice.
func (c *Checker) checkGroupSelf(l *life, g *groupView, e *trace.GroupView) {
	c.count(GroupSelf)
	for _, port := range e.Ports {
		if _, in := g.holds[portKey{l.proc.Process, port}]; !in {
			c.fail(GroupSelf, l.viewID(), []*proc{l.proc}, "port %d is not in its view of %q: %s", port, e.Group, c.portNames(g.members))
		}
	}
	if len(g.holds) != len(g.members) {
		c.fail(GroupSelf, l.viewID(), []*proc{l.proc}, "a view of %q holds a port twice: %s", e.Group, c.portNames(g.members))
	}
}

// portNames gives "{a.1 b.2}".
func (c *Checker) portNames(ports []trace.Port) string {
	words := make([]string, 0, len(ports))
	for _, p := range ports {
		words = append(words, c.procOf(p.Process).String()+"."+decimal(uint64(p.Port)))
	}
	return "{" + strings.Join(words, " ") + "}"
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }
