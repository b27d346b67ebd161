package main

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/views"
)

// monotonic is the clock of the event records.
func monotonic() views.Instant {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // every Linux has it
	return views.Instant(ts.Nano())
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u) // as above
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// medianOf sorts its argument; it must not be empty.
func medianOf(values []float64) float64 {
	slices.Sort(values)
	half := len(values) / 2
	if len(values)%2 == 0 {
		return (values[half-1] + values[half]) / 2
	}
	return values[half]
}
