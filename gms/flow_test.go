package gms

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
)

func TestFlowBlockedIsFromARefusalToTheNextDelivery(t *testing.T) {
	full := false
	inBubble(t, func(r *rig) {
		r.engine.on = func(_ views.Instant, in engine.Input) *engine.Output {
			if s, ok := in.(engine.Submit); ok && full {
				return &engine.Output{Deliver: []engine.Delivery{engine.Submitted{Token: s.Token, Err: views.ErrFull}}}
			}
			return nil
		}
	}, func(t *testing.T, _ *rig, h *Host) {
		send := func(want error) {
			t.Helper()
			if _, err := h.Send(t.Context(), "g", views.FIFO, nil); !errors.Is(err, want) {
				t.Errorf("sent: %v, want %v", err, want)
			}
		}
		flows := func(after, want time.Duration) {
			t.Helper()
			time.Sleep(after) // virtual
			synctest.Wait()
			if got := h.Stats().FlowBlocked; got != want {
				t.Errorf("blocked for %s, want %s", got, want)
			}
		}
		send(nil)
		flows(time.Second, 0)
		full = true
		send(views.ErrFull)
		flows(time.Second, time.Second)
		send(views.ErrFull)
		flows(time.Second, 2*time.Second)
		full = false
		send(nil)
		flows(time.Second, 2*time.Second)
	})
}
