package attack

import (
	"context"
	"sync"
	"time"
)

const (
	// idleFor is how long a connection is kept at our end after the other has ended it,
	// before it is made again.
	idleFor = 4 * time.Second
	// idleRamp spreads the first dials.
	idleRamp = 2 * time.Second
)

// holdIdle holds connections to each target that say nothing.
func (a *attacker) holdIdle(ctx context.Context) {
	var all sync.WaitGroup
	for to := range a.Targets {
		for n := range a.Idle {
			all.Go(func() {
				wait := idleRamp * time.Duration(n) / time.Duration(a.Idle)
				for after(ctx, wait) {
					wait = a.holdOne(ctx, to)
				}
			})
		}
	}
	all.Wait()
}

// holdOne holds one connection until it has been over for a while, and says how long
// to wait before the next.
func (a *attacker) holdOne(ctx context.Context, to int) time.Duration {
	conn := a.dial(ctx, to, a.Port)
	if conn == nil {
		return idleFor
	}
	defer conn.Close()
	a.note(func(r *Report) {
		r.Targets[to].Connections++
		a.idle++
		r.IdleHeld = max(r.IdleHeld, a.idle)
	})
	defer a.note(func(*Report) { a.idle-- })
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	_, _ = conn.Read(make([]byte, 1))
	if ctx.Err() != nil { // it still stood
		a.note(func(r *Report) { r.Targets[to].Silent++ })
		return 0
	}
	after(ctx, idleFor)
	return 0
}

// after waits; false where ctx ended.
func after(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}
