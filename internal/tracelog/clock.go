package tracelog

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/views"
)

// began is one moment by both clocks: Go's own runs on CLOCK_MONOTONIC, too, but
// does not say where it stands; reading it costs no system call.
var began, beganAt = anchor(time.Now, monotonic)

// anchorTries is how often both clocks are read.
const anchorTries = 16

// anchor reads two clocks at one moment. A process that loses the processor between the
// two readings would be ahead of all others by that for as long as it runs, and what it
// logs lie in the future; so of several readings the closest is taken.
func anchor(now func() time.Time, monotonic func() views.Instant) (began time.Time, at views.Instant) {
	apart := time.Duration(-1)
	for range anchorTries {
		before, t, after := monotonic(), now(), monotonic()
		if gap := after.Sub(before); apart < 0 || gap < apart {
			apart, began, at = gap, t, before
		}
	}
	return began, at
}

// Now reads CLOCK_MONOTONIC, the clock of the event logs: one for all processes
// of a machine, so that their logs can be laid side by side. The timers of Go
// run on it, too.
func Now() views.Instant { return beganAt + views.Instant(time.Since(began)) }

func monotonic() views.Instant {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic("no monotonic clock: " + err.Error()) // every Linux has one
	}
	return views.Instant(ts.Nano())
}
