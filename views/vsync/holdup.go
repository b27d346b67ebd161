package vsync

import (
	"time"

	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// One member can hold up all: it lets nothing be under way, or lives and does not
// acknowledge what all must hold, so that the senders' shares stay used up. The
// coordinator takes it out after Timing.Stopped. It counts only time in which it ran
// itself: one that slept must not judge by what it could not hear.

// lapse gives the time since it was last asked, as far as this host ran.
func (c *Core) lapse() time.Duration {
	f := &c.flow
	d := min(c.now.Sub(f.countedAt), c.holdUpTick())
	f.countedAt = c.now
	return d
}

// holdUpTick is how often the coordinator looks while somebody holds up all.
func (c *Core) holdUpTick() time.Duration { return 4 * c.t.RetryMax }

// countStopped counts for how long each member has let nothing be under way. Its own
// host should have cut whoever does not read, long ago.
func (c *Core) countStopped(lapse time.Duration) {
	for r := range c.flow.words {
		w := &c.flow.words[r]
		if w.room != 0 {
			continue
		}
		if w.stopped += lapse; w.stopped >= c.t.Stopped {
			c.evictSlow(r, "lets nothing be sent for "+c.t.Stopped.String())
		}
	}
}

// countStuck counts for how long a stream that is not all stable has not become more
// so, and takes out who holds it back. Where that is all of several others the fault
// is rather here, and nobody is taken out.
func (c *Core) countStuck(id message.StreamID, lapse time.Duration) {
	s := &c.streams[id]
	if s.stuck += lapse; s.stuck < c.t.Stopped {
		return
	}
	var behind []int
	others := 0
	for r := range c.members {
		if r == c.rank || r == id.Rank() {
			continue
		}
		others++
		if c.heldOf(id)[r] <= s.stable {
			behind = append(behind, r)
		}
	}
	if len(behind) == others && others > 1 {
		return
	}
	for _, r := range behind {
		c.evictSlow(r, "acknowledges nothing for "+c.t.Stopped.String())
	}
}

// evictSlow takes out a member, other than this host, that holds up all.
func (c *Core) evictSlow(r int, evidence string) {
	if r == c.rank || c.members[r].evicted {
		return
	}
	c.emit(trace.Suspect{Who: c.base.Members[r].Host, Detector: "flow", Evidence: evidence})
	c.members[r].evicted = true
}
