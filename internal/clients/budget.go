package clients

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// budget is a number of bytes that all sessions share. Who waits for more than there
// is has its turn before those who ask after it, however little they want.
type budget struct {
	free *semaphore.Weighted
	left atomic.Int64
}

func (b *budget) init(n int) {
	b.free = semaphore.NewWeighted(int64(n))
	b.left.Store(int64(n))
}

// take waits until n bytes are there.
func (b *budget) take(ctx context.Context, n int) error {
	if err := b.free.Acquire(ctx, int64(n)); err != nil {
		return err
	}
	b.left.Add(-int64(n))
	return nil
}

// rest is what is left.
func (b *budget) rest() int { return int(b.left.Load()) }

func (b *budget) give(n int) {
	b.left.Add(int64(n))
	b.free.Release(int64(n))
}
