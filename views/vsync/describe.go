package vsync

import (
	"fmt"
	"strings"
)

// Describe prints the state of a host in one line, for transcripts.
func (c *Core) Describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", c.phase, c.view)
	if p := c.promise; p != nil {
		fmt.Fprintf(&b, " promised=%s", p.ballot)
		if p.abandoned {
			b.WriteString(" abandoned")
		}
	}
	if l := c.lead; l != nil {
		fmt.Fprintf(&b, " leads=%s waiting=", l.ballot)
		for _, inv := range l.invites {
			if inv.waiting {
				b.WriteString(inv.Host.Short() + ",")
			}
		}
	}
	if rank, room, ok := c.Slowest(); ok {
		fmt.Fprintf(&b, " slowest=%s room=%d", c.base.Members[rank].Host.Short(), room)
	}
	return b.String()
}
