package gms

import (
	"sync"
	"time"

	"github.com/gmsd/gmsd/views"
)

// flow measures how long callers of Send were held off: from the refusal of a
// message because too many of this host's are under way, until one of those
// was delivered and makes room. The loop writes; any goroutine reads.
type flow struct {
	mu    sync.Mutex
	since views.Instant // 0: it flows
	total time.Duration
}

// block notes a refusal.
func (f *flow) block(now views.Instant) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.since == 0 {
		f.since = now
	}
}

// open notes that there is room.
func (f *flow) open(now views.Instant) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.since != 0 {
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
