package failuredetect

import (
	"time"

	"github.com/gmsd/gmsd/views"
)

// Where a relay carries the frames of a member and says that it has lost it, that is no
// evidence: a relay may be mistaken, or lie, and connections end while processes live.
// It is a reason to ask at once, and not to wait long for the answer: a process that
// lives has connected anew by then, and one that has ended says nothing. A relay that
// lies and carries nothing could make the member silent anyway.
//
//  1. B has no way but a router, and is killed. Its kernel ends the connection.
//  2. The router tells A, behind what B had sent or, as it tells urgently, before.
//  3. A asks B, and doubts it when no answer has come within a pace and a fifth. Without
//     that B would be doubted like one in a black hole.
//
// Where the NAT of a living B has forgotten its connection the router may know of it first:
// B does at its next frame, or 250 ms after it heard the router last.

// lost notes that what carries the frames of r has lost it.
func (d *Detector) lost(now views.Instant, r uint16) {
	m := &d.members[r]
	if m.role == roleNone || m.phase == silent {
		return
	}
	m.lostAt, d.dirty = now, true
}

// isLost reports whether r was lost by its relay and not heard since.
func (m *member) isLost() bool { return m.lostAt != 0 && m.lostAt >= m.clock }

// stale reports whether a frame of r that comes now may have been under way when its relay
// lost it. Where beats are fast the guard must leave time for an answer.
func (m *member) stale(now views.Instant, cfg *Config) bool {
	return m.isLost() && now.Sub(m.lostAt) <= min(strongGuard, cfg.Pace/5)
}

// askAnew begins again with r, which did not answer in time, where this host stood still
// meanwhile, too short for a pause: the answer may wait to be read.
func (d *Detector) askAnew(now views.Instant, r uint16) {
	d.members[r].lostAt = now
	d.ping(now, r)
}

// answersIn is how long after it was lost r is given: a pace, in which it notices by a sign
// of life that it asks for, and a fifth; five round trips to hear that its connection is
// gone, and to connect and register anew; and what a ping needs.
func (d *Detector) answersIn(r uint16) time.Duration {
	l := &d.members[r].link
	return d.cfg.Pace*6/5 + 5*l.rtt + l.probeExtra(&d.cfg)
}
