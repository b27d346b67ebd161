package check

import "github.com/gmsd/gmsd/views/trace"

// checkGroupParted is GV8: a port that is out of a group is given nothing more of
// it, but for a later join.
func (c *Checker) checkGroupParted(l *life, e *trace.GroupView) {
	if len(l.parted) == 0 {
		return
	}
	for _, port := range e.Ports {
		was, parted := l.parted[groupPort{e.Group, port}]
		if !parted {
			continue
		}
		c.count(GroupParted)
		for _, m := range e.Members {
			if m.Process == l.proc.Process && m.Port == port && m.Join <= was {
				c.fail(GroupParted, l.viewID(), []*proc{l.proc}, "port %d is given view %s of %q, out of which it is", port, c.groupID(e.ID), e.Group)
			}
		}
	}
}
