package gms

import (
	"sync"
	"time"

	"github.com/gmsd/gmsd/views"
)

// flow measures how long callers of Send and Post were held off because too much
// of this host's waits to be sent. The outbox writes; any goroutine reads.
type flow struct {
	mu    sync.Mutex
	since views.Instant // 0: it flows
	total time.Duration
}

// set notes whether callers are held off from now on.
func (f *flow) set(now views.Instant, held bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case held && f.since == 0:
		f.since = now
	case !held && f.since != 0:
		f.total += now.Sub(f.since)
		f.since = 0
	}
}

// blocked is the time so far; it never falls.
func (f *flow) blocked(now views.Instant) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.since == 0 {
		return f.total
	}
	// The loop's clock reads may be younger than the caller's.
	return f.total + max(0, now.Sub(f.since))
}
