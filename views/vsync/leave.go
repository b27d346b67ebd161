package vsync

import (
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// leaveRetry repeats the wish to leave; leaveAlone is how long one waits where
// all are leaving and nobody is left to lead; leaveMax ends it in any case.
const (
	leaveRetry = 50 * time.Millisecond
	leaveAlone = 150 * time.Millisecond
	leaveMax   = 5 * time.Second
)

// evictedMax is how many evicted processes are remembered, to refuse them again.
const evictedMax = 64

// wasEvicted reports whether the operator removed this very process here.
func (c *Core) wasEvicted(p views.Process) bool { return slices.Contains(c.evicted, p) }

// Leave takes this host out of the group. It ends in Output.Stop.
func (c *Core) Leave(now views.Instant) {
	c.now = now
	if c.stopped || c.leaving {
		return
	}
	c.leaving = true
	if c.view == nil {
		c.stop(Stop{How: trace.StopGraceful})
		return
	}
	c.leaveUntil = c.after(leaveMax)
	c.members[c.rank].leaving = true
	c.sayLeave()
	c.settle()
}

// Evict removes a member by the operator's word, at any member.
func (c *Core) Evict(now views.Instant, host views.HostID) {
	c.now = now
	if c.stopped || c.view == nil {
		return
	}
	if r := c.rankOfHost(host); r >= 0 && r != c.rank {
		c.members[r].evicted = true
		if len(c.evicted) == evictedMax {
			c.evicted = c.evicted[1:]
		}
		c.evicted = append(c.evicted, c.base.Members[r].Process)
	}
	c.settle()
}

// sayLeave tells everybody, so that whoever leads acts on it at once: also one who
// leads a change with us in it, and has our answer from before.
func (c *Core) sayLeave() {
	p := c.promise
	following := p != nil && p.durable && !p.released && p.ballot.Coordinator != c.self.Host
	if following {
		c.sendAnswer()
	}
	if c.nobodyStays() && !(following && c.rankOfHost(p.ballot.Coordinator) < 0) {
		c.leaveUntil = views.Earliest(c.leaveUntil, c.after(leaveAlone))
		if c.view.Size() == 1 && c.promise == nil {
			c.stop(Stop{How: trace.StopGraceful})
			return
		}
	}
	c.sendAll(&message.Leave{View: c.view.ID})
	c.leaveAt = c.after(leaveRetry)
}

// nobodyStays reports whether no member is left that would lead our leaving.
func (c *Core) nobodyStays() bool {
	for r := range c.members {
		m := &c.members[r]
		if r != c.rank && !m.leaving && !m.failed && !m.gone {
			return false
		}
	}
	return true
}

func (c *Core) handleLeave(from Sender, m *message.Leave) {
	if r := c.rankOf(from.Process); r >= 0 && m.View == c.view.ID {
		c.members[r].leaving = true
	}
}

func (c *Core) leaveDeadline() views.Instant {
	return views.Earliest(c.leaveAt, c.leaveUntil)
}

func (c *Core) advanceLeave() {
	if !c.leaving {
		return
	}
	if due(c.leaveUntil, c.now) {
		c.stop(Stop{How: trace.StopGraceful, Detail: "nobody was left to take this host out"})
		return
	}
	if due(c.leaveAt, c.now) {
		c.sayLeave()
	}
}

// rearmLeave goes on leaving in a view that was installed meanwhile.
func (c *Core) rearmLeave() {
	if c.leaving {
		c.leaveAt, c.leaveUntil = c.now, c.after(leaveMax)
	}
}
