package greeting

import (
	"context"
	"math/rand/v2"
	"time"
)

// Times of dialling again.
const (
	// A process that never greeted us is dialled again after FirstStep, one that
	// we lost after LostStep; the waits grow fourfold up to StepMax.
	FirstStep = 100 * time.Millisecond
	LostStep  = 5 * time.Millisecond
	StepMax   = 10 * time.Second
	// Settled: a connection that stood this long is made again at once when it is
	// lost. Below that the waits go on growing, or a peer that greets and closes
	// would have us spin.
	Settled = time.Second
)

// Steps are growing waits; the zero value begins with none. One goroutine at a time.
type Steps struct{ step time.Duration }

// FirstSteps are those of one who was never met.
func FirstSteps() Steps { return Steps{FirstStep} }

// Reset begins again with no wait.
func (s *Steps) Reset() { s.step = 0 }

// Next gives the next wait, at most most, with a tenth of jitter so that the
// observers of a host do not come back in one burst. jitter gives a number from 0
// to n-1.
func (s *Steps) Next(most time.Duration, jitter func(n int64) int64) time.Duration {
	wait := min(s.step, most)
	if s.step == 0 {
		s.step = LostStep
	} else {
		s.step = min(4*s.step, StepMax)
	}
	if wait == 0 {
		return 0
	}
	return wait + time.Duration(jitter(int64(wait/10)+1))
}

// Sleep waits for d, not at all where it is 0; false: ctx ended first.
func Sleep(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Jitter is a source for Next that nobody seeded.
func Jitter(n int64) int64 { return rand.Int64N(n) }
