package main

import (
	"fmt"
	"testing"

	"github.com/gmsd/gmsd/gms/member/membertest"
)

func TestLock(t *testing.T) {
	ctx, f := t.Context(), membertest.NewFake(3, membertest.FakeOptions{})
	var ports []*membertest.FakePort
	var locks []*lock
	for i := range 3 {
		p, err := f.Open(i, fmt.Sprint("p", i))
		if err != nil {
			t.Fatal(err)
		}
		l, err := newLock(ctx, p, "lock")
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		ports, locks = append(ports, p), append(locks, l)
	}
	if err := locks[0].acquire(ctx); err != nil {
		t.Fatal(err)
	}
	got := make(chan int, 2)
	for _, i := range []int{1, 2} {
		go func() {
			if err := locks[i].acquire(ctx); err != nil {
				t.Error(err)
			}
			got <- i
		}()
		waits(t, locks[0], i+1)
	}
	_ = ports[0].Abort()
	if i := <-got; i != 1 {
		t.Errorf("after the death of the holder %d has the lock", i)
	}
	if err := locks[1].release(ctx); err != nil {
		t.Fatal(err)
	}
	if i := <-got; i != 2 {
		t.Errorf("after the release %d has the lock", i)
	}
}

// waits waits until so many stand in the queue.
func waits(t *testing.T, l *lock, n int) {
	for {
		l.mu.Lock()
		have, changed := len(l.queue), l.changed
		l.mu.Unlock()
		if have == n {
			return
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}

// A member that came last, and knew nothing, has the queue of the others.
func TestNewcomerLearnsTheQueue(t *testing.T) {
	ctx, f := t.Context(), membertest.NewFake(2, membertest.FakeOptions{})
	holder, _ := f.Open(0, "holder")
	l, err := newLock(ctx, holder, "lock")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.acquire(ctx); err != nil {
		t.Fatal(err)
	}
	late, _ := f.Open(1, "late")
	defer late.Close()
	newcomer, err := newLock(ctx, late, "lock")
	if err != nil {
		t.Fatal(err)
	}
	waits(t, newcomer, 1)
	newcomer.mu.Lock()
	if newcomer.queue[0] != l.self() {
		t.Errorf("queue %v, the holder is %s", newcomer.queue, l.self())
	}
	newcomer.mu.Unlock()
	_ = holder.Abort()
	if err := newcomer.acquire(ctx); err != nil {
		t.Fatal(err)
	}
}
