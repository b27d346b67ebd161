package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// sight is what all members see of each other.
type sight struct {
	mu sync.Mutex
	// up has a set of members for each member.
	up []map[string]bool
	// want is what each member that is not gone is to see; gone is the one that
	// was closed.
	want int
	gone string
	last time.Time
	done chan struct{}
}

func newSight(n int) *sight {
	s := &sight{up: make([]map[string]bool, n), want: n, done: make(chan struct{})}
	for i := range s.up {
		s.up[i] = map[string]bool{}
	}
	return s
}

func nameOf(i int) string { return fmt.Sprintf("m%d", i) }

// saw notes that a member saw another come or go.
func (s *sight) saw(who int, whom string, up bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if up {
		s.up[who][whom] = true
	} else {
		delete(s.up[who], whom)
	}
	if s.complete() {
		s.last = time.Now()
		close(s.done)
		s.done = nil
	}
}

// complete reports, once, that every member sees what it is to see.
func (s *sight) complete() bool {
	if s.done == nil {
		return false
	}
	for i, seen := range s.up {
		if nameOf(i) != s.gone && (len(seen) != s.want || seen[s.gone]) {
			return false
		}
	}
	return true
}

// without says that one is gone, and that all others are to see it.
func (s *sight) without(gone string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone, s.want, s.done = gone, s.want-1, make(chan struct{})
}

// wait gives the time at which all saw what they were to see.
func (s *sight) wait(ctx context.Context, within time.Duration) (time.Time, error) {
	s.mu.Lock()
	done := s.done
	s.mu.Unlock()
	if done != nil {
		timer := time.NewTimer(within)
		defer timer.Stop()
		select {
		case <-done:
		case <-timer.C:
			return time.Time{}, fmt.Errorf("not all members saw it within %s", within)
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, nil
}
