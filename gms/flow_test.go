package gms

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/views"
)

// TestFlowBlockedIsWhileSomebodyWaits: not while much waits to be sent, but while
// a caller waits because of it.
func TestFlowBlockedIsWhileSomebodyWaits(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig, h *Host) {
		flows := func(after, want time.Duration) {
			t.Helper()
			time.Sleep(after) // virtual
			synctest.Wait()
			if got := h.Stats().FlowBlocked; got != want {
				t.Errorf("blocked for %s, want %s", got, want)
			}
		}
		r.engine.room.Store(0)
		fill(t, h)
		flows(time.Second, 0)
		go h.Post(t.Context(), "g", views.FIFO, make([]byte, fillBytes))
		go h.Post(t.Context(), "g", views.FIFO, make([]byte, fillBytes))
		flows(time.Second, time.Second)
		flows(time.Second, 2*time.Second)
		r.engine.room.Store(OutboxMax)
		h.outbox.nudge()
		flows(time.Second, 2*time.Second)
	})
}
