package tracelog

import (
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
)

// Whenever the processor is lost while the clocks are read, they are read at one moment.
func TestAnchor(t *testing.T) {
	const step, away = 10 * time.Nanosecond, 5 * time.Millisecond
	began := time.Now()
	for lost := range 3 * anchorTries {
		var passed time.Duration
		reads := 0
		read := func() time.Duration {
			if reads == lost || reads == lost+1 {
				passed += away
			}
			reads++
			passed += step
			return passed
		}
		moment, at := anchor(
			func() time.Time { return began.Add(read()) },
			func() views.Instant { return views.Instant(read()) },
		)
		if apart := moment.Sub(began) - time.Duration(at); apart < 0 || apart > step {
			t.Errorf("processor lost before reading %d: the clocks are read %s apart", lost, apart)
		}
	}
}

// Two processes of one machine agree on the time; one reads it here.
func TestNowIsMonotonic(t *testing.T) {
	before := monotonic()
	now := Now()
	if after := monotonic(); now < before.Add(-time.Millisecond) || now > after {
		t.Errorf("it is %d, between %d and %d", now, before, after)
	}
}
