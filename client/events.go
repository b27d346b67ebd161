package client

import (
	"sync"

	"github.com/gmsd/gmsd/gms/member"
)

// eventQueue is what came and was not read. Its bound is the credit that the
// daemon has.
type eventQueue struct {
	mu     sync.Mutex
	events []member.Event
	given  []member.Event
	// cost is what events cost in credit; givenCost what the reader has in hand.
	cost, givenCost int
	wake            chan struct{}
}

func (q *eventQueue) init() { q.wake = make(chan struct{}, 1) }

// push adds an event, and what it cost.
func (q *eventQueue) push(e *member.Event, cost int) {
	q.mu.Lock()
	q.events = append(q.events, *e)
	q.cost += cost
	q.mu.Unlock()
}

// pay notes the cost of a frame that is no event by itself.
func (q *eventQueue) pay(cost int) {
	q.mu.Lock()
	q.cost += cost
	q.mu.Unlock()
}

// signal wakes the reader.
func (q *eventQueue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take gives all that waits, and the cost of what was given before.
func (q *eventQueue) take() (events []member.Event, back int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	back, q.givenCost = q.givenCost, 0
	if len(q.events) == 0 {
		// Frames that were no events by themselves.
		back, q.cost = back+q.cost, 0
		return nil, back
	}
	clear(q.given)
	q.given, q.events = q.events, q.given[:0]
	q.givenCost, q.cost = q.cost, 0
	return q.given, back
}

// held is what was taken from the daemon's credit and not given back.
func (q *eventQueue) held() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.cost + q.givenCost
}
