package gms

import (
	"sync"

	"github.com/gmsd/gmsd/internal/engine"
)

// jobs is what the loop wants of one worker: it adds and never waits. What waits
// is bounded by the transfer, which asks for a window at the most.
type jobs[J any] struct {
	mu     sync.Mutex
	list   []J
	ended  bool
	signal chan struct{}
}

func newJobs[J any]() *jobs[J] { return &jobs[J]{signal: make(chan struct{}, 1)} }

func (q *jobs[J]) add(list ...J) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = append(q.list, list...)
	wake(q.signal)
}

// end lets the worker go; what it was not given is dropped.
func (q *jobs[J]) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list, q.ended = nil, true
	wake(q.signal)
}

// take waits for jobs and gives all there are; false is the end.
func (q *jobs[J]) take() ([]J, bool) {
	for {
		q.mu.Lock()
		list, ended := q.list, q.ended
		q.list = nil
		q.mu.Unlock()
		switch {
		case ended:
			return nil, false
		case len(list) > 0:
			return list, true
		}
		<-q.signal
	}
}

// result is what a worker has done: inputs for the engine, or something for the
// loop to do. Free, if set, takes the buffer back in which the inputs' data is.
type result struct {
	inputs []engine.Input
	do     func(*loop)
	buffer []byte
	free   chan []byte
}

// report gives a result to the loop, unless the host has ended.
func (s *states) report(r result) {
	select {
	case s.results <- r:
	case <-s.quit:
	}
}

// takeResult does what a worker's result asks for.
func (l *loop) takeResult(r result) {
	for _, in := range r.inputs {
		l.step(in)
	}
	if r.do != nil && !l.ended {
		r.do(l)
		l.runSoon()
	}
	if r.free != nil {
		r.free <- r.buffer
	}
}
