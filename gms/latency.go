package gms

import (
	"sync"
	"time"

	"github.com/gmsd/gmsd/views"
)

// DeliveryBounds are the upper bounds of the buckets of [Deliveries].
var DeliveryBounds = []time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 200 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	100 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second, 10 * time.Second,
}

// Deliveries are the times from a call of Send to its message's delivery here,
// and of a sample of the messages posted.
type Deliveries struct {
	Count uint64
	Sum   time.Duration
	// Buckets count those up to each of DeliveryBounds, each within its own
	// bucket only.
	Buckets []uint64
}

// latencies are counted by the loop; any goroutine reads.
type latencies struct {
	mu      sync.Mutex
	byOrder [views.OrderEnd]Deliveries
}

func (l *latencies) add(order views.Order, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &l.byOrder[order]
	if t.Buckets == nil {
		t.Buckets = make([]uint64, len(DeliveryBounds))
	}
	t.Count++
	t.Sum += d
	for i, bound := range DeliveryBounds {
		if d <= bound {
			t.Buckets[i]++
			return
		}
	}
}

func (l *latencies) snapshot() [views.OrderEnd]Deliveries {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.byOrder
	for i := range out {
		out[i].Buckets = append([]uint64(nil), out[i].Buckets...)
	}
	return out
}
