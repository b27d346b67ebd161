package clients

import (
	"context"
	"sync"
)

// budget is a number of bytes that all sessions share.
type budget struct {
	mu   sync.Mutex
	back sync.Cond
	left int
}

func (b *budget) init(n int) { b.left, b.back.L = n, &b.mu }

// take waits until n bytes are there.
func (b *budget) take(ctx context.Context, n int) error {
	stop := context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.back.Broadcast()
	})
	defer stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.left < n {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		b.back.Wait()
	}
	b.left -= n
	return nil
}

// rest is what is left.
func (b *budget) rest() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left
}

func (b *budget) give(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left += n
	b.back.Broadcast()
}
