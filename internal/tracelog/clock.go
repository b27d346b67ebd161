package tracelog

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/views"
)

// began is one moment by both clocks: Go's own runs on CLOCK_MONOTONIC, too, but
// does not say where it stands; reading it costs no system call.
var (
	began   = time.Now()
	beganAt = monotonic()
)

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
