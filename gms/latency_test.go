package gms

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/views"
)

func TestLatenciesByBucket(t *testing.T) {
	var l latencies
	for _, d := range []time.Duration{0, 50 * time.Microsecond, 51 * time.Microsecond, 10 * time.Second, 11 * time.Second} {
		l.add(views.Safe, d)
	}
	got := l.snapshot()
	safe := got[views.Safe]
	if safe.Count != 5 || safe.Sum != 21*time.Second+101*time.Microsecond {
		t.Errorf("%d, %s in all", safe.Count, safe.Sum)
	}
	for i, want := range map[int]uint64{0: 2, 1: 1, 2: 0, len(DeliveryBounds) - 1: 1} {
		if safe.Buckets[i] != want {
			t.Errorf("bucket %d has %d, want %d", i, safe.Buckets[i], want)
		}
	}
	safe.Buckets[0] = 99
	if l.snapshot()[views.Safe].Buckets[0] != 2 {
		t.Error("a snapshot shares its buckets")
	}
	if none := got[views.FIFO]; none.Count != 0 || none.Buckets != nil {
		t.Errorf("fifo: %+v", none)
	}
}

// TestLatenciesCountFromTheCall: the time in which a message waited to be sent
// belongs to it; every Send counts, and one of sampleEvery posted.
func TestLatenciesCountFromTheCall(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig, h *Host) {
		r.stops()
		go h.Send(t.Context(), "g", views.Agreed, nil)
		synctest.Wait()
		time.Sleep(3 * time.Second) // virtual
		r.flows(h)
		if got := h.Stats().Deliveries[views.Agreed]; got.Count != 1 || got.Sum != 3*time.Second {
			t.Errorf("%d sent in %s, want one in 3 s", got.Count, got.Sum)
		}
		post(t, h, 2*sampleEvery, nil)
		if got := h.Stats().Deliveries[views.FIFO]; got.Count != 2 {
			t.Errorf("%d of %d posted were measured, want 2", got.Count, 2*sampleEvery)
		}
	})
}
