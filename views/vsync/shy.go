package vsync

import (
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
)

// A stranger that was invited and did not answer in time has made all the
// others wait. It is invited again, but each time later: one with a slow disk
// must not churn the group.
const (
	shyMax   = 64
	shyFirst = time.Second
	shyLast  = 30 * time.Second
	// One that answered that it is busy elsewhere costs less.
	shyBusy     = 50 * time.Millisecond
	shyBusyLast = 3200 * time.Millisecond
)

// shy is a stranger that kept the others waiting.
type shy struct {
	host  views.HostID
	wait  time.Duration
	until views.Instant
}

// noteShy holds a stranger off, twice as long as the last time, first to last.
func (c *Core) noteShy(host views.HostID, first, last time.Duration) {
	i := slices.IndexFunc(c.shies, func(s shy) bool { return s.host == host })
	if i < 0 {
		if len(c.shies) == shyMax {
			c.shies = c.shies[1:]
		}
		c.shies = append(c.shies, shy{host: host})
		i = len(c.shies) - 1
	}
	s := &c.shies[i]
	s.wait = max(first, min(2*s.wait, last))
	s.until = c.after(s.wait)
}

func (c *Core) isShy(host views.HostID) bool {
	return slices.ContainsFunc(c.shies, func(s shy) bool { return s.host == host && s.until > c.now })
}

// forgetShy: who is in a view with us has answered.
func (c *Core) forgetShy() {
	c.shies = slices.DeleteFunc(c.shies, func(s shy) bool {
		return c.rankOfHost(s.host) >= 0 || c.now.Sub(s.until) > shyLast
	})
}
