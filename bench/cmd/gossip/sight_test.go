package main

import (
	"context"
	"testing"
	"time"
)

func TestSightIsCompleteWhenAllSeeAll(t *testing.T) {
	s := newSight(2)
	done := s.done
	for i := range 2 {
		s.saw(i, "m0", true)
		if i == 0 {
			s.saw(0, "m1", true)
		}
	}
	select {
	case <-done:
		t.Fatal("complete without the second member's sight of itself")
	default:
	}
	s.saw(1, "m1", true)
	if at, err := s.wait(context.Background(), time.Hour); err != nil || at.IsZero() {
		t.Fatalf("%v, %v", at, err)
	}

	s.without("m1")
	done = s.done
	s.saw(1, "m0", false) // the one that is gone does not count
	select {
	case <-done:
		t.Fatal("complete before the survivor saw it")
	default:
	}
	s.saw(0, "m1", false)
	<-done
}

func TestSightGivesUp(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := newSight(2).wait(ctx, time.Hour); err == nil {
		t.Error("a wait outlived its context")
	}
	if _, err := newSight(2).wait(context.Background(), time.Nanosecond); err == nil {
		t.Error("a wait had no bound")
	}
}
