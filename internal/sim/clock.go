package sim

import "github.com/gmsd/gmsd/views"

// clock is a host's own monotonic clock. It goes on while the daemon is down
// and while it is stopped; it starts anywhere and runs up to one in a hundred
// too fast or too slow.
type clock struct {
	// offset is what it showed at world time 0; always above 0, since the zero
	// instant means "never".
	offset views.Instant
	// driftPPM is how much too fast it runs, in parts per million.
	driftPPM int64
}

// local gives what the clock shows at world time t.
func (c clock) local(t views.Instant) views.Instant {
	return c.offset + t + views.Instant(int64(t)/million*c.driftPPM+int64(t)%million*c.driftPPM/million)
}

// world gives the earliest world time at which the clock shows at least l.
func (c clock) world(l views.Instant) views.Instant {
	d := int64(l - c.offset)
	rate := million + c.driftPPM
	t := views.Instant(d/rate*million + d%rate*million/rate)
	for c.local(t) >= l && t > 0 {
		t--
	}
	for c.local(t) < l {
		t++
	}
	return t
}
