package evidence

import (
	"slices"
	"sync"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Queue hands findings from many writers to one reader.
type Queue struct {
	mu      sync.Mutex
	pending map[views.Process]message.Evidence
	// order holds the keys of pending, oldest first.
	order  []views.Process
	closed bool

	out  chan transport.Evidence
	wake chan struct{}
	done chan struct{}
}

// NewQueue gives an empty queue and starts its one goroutine, which ends at Close.
func NewQueue() *Queue {
	q := &Queue{
		pending: make(map[views.Process]message.Evidence),
		out:     make(chan transport.Evidence),
		wake:    make(chan struct{}, 1),
		done:    make(chan struct{}),
	}
	go q.pump()
	return q
}

// Out gives the findings.
func (q *Queue) Out() <-chan transport.Evidence { return q.out }

// Report queues a finding; it replaces one of the same process that was not
// read yet, but for EvidenceSilent, which says less than any other.
func (q *Queue) Report(p views.Process, found message.Evidence) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	_, waits := q.pending[p]
	if !waits {
		q.order = append(q.order, p)
	} else if found == message.EvidenceSilent {
		return
	}
	q.pending[p] = found
	q.signal()
}

// Retain forgets the findings about processes that are no longer of interest.
func (q *Queue) Retain(wanted func(views.Process) bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.order = slices.DeleteFunc(q.order, func(p views.Process) bool {
		if wanted(p) {
			return false
		}
		delete(q.pending, p)
		return true
	})
	q.signal()
}

// Close ends the queue and closes its channel; it is idempotent.
func (q *Queue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		close(q.done)
	}
}

func (q *Queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// pump offers the head of the queue. A wake-up makes it look again, since the
// head may have been replaced or forgotten while it was offered.
func (q *Queue) pump() {
	defer close(q.out)
	for {
		var out chan transport.Evidence
		head, some := q.head()
		if some {
			out = q.out
		}
		select {
		case out <- head:
			q.taken(head)
		case <-q.wake:
		case <-q.done:
			return
		}
	}
}

func (q *Queue) head() (transport.Evidence, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.order) == 0 {
		return transport.Evidence{}, false
	}
	p := q.order[0]
	return transport.Evidence{Process: p, Found: q.pending[p]}, true
}

// taken removes what was read, unless a newer finding took its place meanwhile.
func (q *Queue) taken(e transport.Evidence) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.order) == 0 || q.order[0] != e.Process || q.pending[e.Process] != e.Found {
		return
	}
	q.order = q.order[1:]
	delete(q.pending, e.Process)
}
