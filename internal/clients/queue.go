package clients

import (
	"sync"
	"time"

	"github.com/gmsd/gmsd/internal/clientwire"
)

// askQueue holds frames, as bytes, between the reader and the submitter. What is
// in it is bounded by the credit of the client.
type askQueue struct {
	mu      sync.Mutex
	more    sync.Cond
	waiting []byte
	taken   []byte
	// busy: the submitter has frames in hand.
	busy    bool
	stopped bool
	// ended is closed when the submitter ends.
	ended chan struct{}
}

func (q *askQueue) init() {
	q.more.L = &q.mu
	q.ended = make(chan struct{})
}

// push adds a frame.
func (q *askQueue) push(t clientwire.Type, body []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = clientwire.AppendFrame(q.waiting, t, body)
	q.more.Signal()
}

// idle reports whether nothing is before what the reader has in hand.
func (q *askQueue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.busy && len(q.waiting) == 0
}

// take gives all that waits, until the next call; nil at the end.
func (q *askQueue) take() []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy = false
	for len(q.waiting) == 0 && !q.stopped {
		q.more.Wait()
	}
	if q.stopped {
		return nil
	}
	q.busy = true
	q.waiting, q.taken = q.taken[:0], q.waiting
	return q.taken
}

func (q *askQueue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = true
	q.more.Signal()
}

// waitEnd waits for the submitter, for so long at most.
func (q *askQueue) waitEnd(most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-q.ended:
	case <-timer.C:
	}
}
