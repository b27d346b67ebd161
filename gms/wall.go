package gms

import "time"

// wallAhead is by how much the clock that is told to others is ahead of the machine's, as
// time.ParseDuration reads it. It is empty: the linker sets it for the test of the doctor
// that has two clocks differ (internal/netlab), which no namespace can bring about.
var wallAhead string

// wallMillis is the clock of the machine, which nothing but the doctor and people look at.
func wallMillis() int64 {
	now := time.Now()
	if wallAhead != "" {
		if d, err := time.ParseDuration(wallAhead); err == nil {
			now = now.Add(d)
		}
	}
	return now.UnixMilli()
}
