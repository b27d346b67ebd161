package gms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
)

// fillBytes is the payload of the messages that fill an outbox, fillCount how
// many fit.
const (
	fillBytes = 64 << 10
	fillCount = OutboxMax / (fillBytes + outgoingCost)
)

// fill posts until the next message of fillBytes does not fit.
func fill(t *testing.T, h *Host) {
	t.Helper()
	payload := make([]byte, fillBytes)
	for range fillCount {
		if err := h.TryPost("g", views.FIFO, payload); err != nil {
			t.Fatalf("filling: %v", err)
		}
	}
}

// flows lets the engine take as much as it likes.
func (r *rig) flows(h *Host) {
	r.engine.room.Store(OutboxMax)
	h.outbox.nudge()
	synctest.Wait()
}

// stops lets it take nothing.
func (r *rig) stops() { r.engine.room.Store(0) }

func TestOutboxKeepsTheOrder(t *testing.T) {
	const each = 3000
	inBubble(t, func(r *rig) { r.engine.room.Store(10 * outgoingCost) }, func(t *testing.T, r *rig, h *Host) {
		done := make(chan struct{})
		for poster := range 3 {
			go func() {
				for i := range each {
					if err := h.Post(t.Context(), "g", views.FIFO, fmt.Appendf(nil, "%d %d", poster, i)); err != nil {
						t.Error(err)
					}
				}
				done <- struct{}{}
			}()
		}
		for range 3 {
			<-done
		}
		synctest.Wait()
		var next [3]int
		for _, p := range r.engine.submitted() {
			var poster, i int
			if _, err := fmt.Sscan(p, &poster, &i); err != nil {
				t.Fatal(err)
			}
			if i != next[poster] {
				t.Fatalf("poster %d: %d came after %d", poster, i, next[poster]-1)
			}
			next[poster]++
		}
		if next != [3]int{each, each, each} {
			t.Errorf("submitted %v, want all", next)
		}
		if left := len(h.loopOf(t).calls.sends); left != 0 {
			t.Errorf("%d samples are still waited for", left)
		}
		if h.outbox.bytes != 0 {
			t.Errorf("%d bytes are still counted", h.outbox.bytes)
		}
	})
}

// loopOf gives a host's loop while nothing runs in the bubble.
func (h *Host) loopOf(t *testing.T) *loop {
	t.Helper()
	got := make(chan *loop, 1)
	if err := h.order(func(l *loop) { got <- l }); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return <-got
}

func TestOutboxIsBounded(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig, h *Host) {
		r.stops()
		fill(t, h)
		payload := make([]byte, fillBytes)
		if err := h.TryPost("g", views.FIFO, payload); !errors.Is(err, views.ErrFull) {
			t.Errorf("TryPost beyond the bound: %v, want ErrFull", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.Post(ctx, "g", views.FIFO, payload); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Post beyond the bound: %v, want the context's error", err)
		}
		if _, err := h.Send(ctx, "g", views.FIFO, payload); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Send beyond the bound: %v, want the context's error", err)
		}
		if got := h.outbox.bytes; got > OutboxMax || got < OutboxMax-fillBytes-outgoingCost {
			t.Errorf("%d bytes wait, want at most %d and not much less", got, OutboxMax)
		}
		posted := make(chan error, 10)
		for range cap(posted) {
			go func() { posted <- h.Post(t.Context(), "g", views.FIFO, payload) }()
		}
		synctest.Wait()
		if len(posted) != 0 {
			t.Error("Post did not wait")
		}
		r.flows(h)
		for range cap(posted) {
			if err := <-posted; err != nil {
				t.Errorf("Post once there is room: %v", err)
			}
		}
		synctest.Wait()
		if got := len(r.engine.submitted()); got != fillCount+cap(posted) {
			t.Errorf("%d messages were submitted, want %d", got, fillCount+cap(posted))
		}
	})
}

// TestEmptyMessagesAreBounded: what a message takes beside its payload counts.
func TestEmptyMessagesAreBounded(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig, h *Host) {
		r.stops()
		n := 0
		for h.TryPost("g", views.FIFO, nil) == nil {
			n++
		}
		if want := OutboxMax / outgoingCost; n != want {
			t.Errorf("%d empty messages wait, want %d", n, want)
		}
	})
}

// TestALongMessagePasses: one longer than the whole outbox goes, too, and those
// who post short ones all the time do not keep it out.
func TestALongMessagePasses(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig, h *Host) {
		r.stops()
		fill(t, h)
		long := make(chan error)
		go func() { long <- h.Post(t.Context(), "g", views.FIFO, make([]byte, views.PayloadMax)) }()
		synctest.Wait()
		if err := h.TryPost("g", views.FIFO, nil); !errors.Is(err, views.ErrFull) {
			t.Errorf("a short one overtook: %v, want ErrFull", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		for range 20 {
			go func() {
				for ctx.Err() == nil {
					if err := h.Post(ctx, "g", views.FIFO, make([]byte, fillBytes)); err != nil && ctx.Err() == nil {
						t.Error(err)
					}
				}
			}()
		}
		r.engine.room.Store(fillBytes)
		h.outbox.nudge()
		if err := <-long; err != nil {
			t.Errorf("the long one: %v", err)
		}
		cancel()
		r.flows(h)
		lengths := map[int]int{}
		for _, p := range r.engine.submitted() {
			lengths[len(p)]++
		}
		if lengths[views.PayloadMax] != 1 {
			t.Errorf("submitted, by length: %v, want one of %d", lengths, views.PayloadMax)
		}
	})
}

// TestALongMessageGivenUpLetsOthersIn: those who stood back for it must be woken.
func TestALongMessageGivenUpLetsOthersIn(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig, h *Host) {
		r.stops()
		for h.TryPost("g", views.FIFO, make([]byte, fillBytes)) == nil && h.outbox.bytes <= OutboxMax/2 {
		}
		ctx, cancel := context.WithCancel(t.Context())
		long, short := make(chan error, 1), make(chan error, 1)
		go func() { long <- h.Post(ctx, "g", views.FIFO, make([]byte, OutboxMax)) }()
		synctest.Wait()
		go func() { short <- h.Post(t.Context(), "g", views.FIFO, nil) }()
		synctest.Wait()
		if len(short) != 0 {
			t.Error("the short one did not stand back")
		}
		cancel()
		synctest.Wait()
		if len(long) != 1 || len(short) != 1 {
			t.Fatalf("long returned: %v, short returned: %v", len(long) == 1, len(short) == 1)
		}
		if err := <-long; !errors.Is(err, context.Canceled) {
			t.Errorf("long: %v, want the context's error", err)
		}
		if err := <-short; err != nil {
			t.Errorf("short: %v", err)
		}
	})
}

// TestTheEndWakesAllWhoWait: by Close, by Leave, and while a disk hangs.
func TestTheEndWakesAllWhoWait(t *testing.T) {
	for _, end := range []struct {
		name string
		do   func(*Host)
		want error
	}{
		{"close", func(h *Host) { go h.Close() }, ErrClosed},
		{"leave", func(h *Host) { go h.Leave(context.Background()) }, views.ErrLeaving},
	} {
		t.Run(end.name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.engine.on = func(_ views.Instant, in engine.Input) *engine.Output {
					switch in.(type) {
					case engine.Received:
						return &engine.Output{Persist: &engine.Persist{Token: 2, Seq: 2}}
					case engine.Leave:
						return &engine.Output{} // it takes its time
					}
					return nil
				}
			}, func(t *testing.T, r *rig, h *Host) {
				r.store.hold = make(chan struct{})
				r.wire.in <- []byte("x")
				synctest.Wait()
				r.stops()
				fill(t, h)
				got := make(chan error, 30)
				for i := range cap(got) {
					payload := make([]byte, []int{fillBytes, OutboxMax}[i%2])
					go func() { got <- h.Post(t.Context(), "g", views.FIFO, payload) }()
				}
				synctest.Wait()
				if len(got) != 0 {
					t.Fatalf("%d did not wait", len(got))
				}
				end.do(h)
				synctest.Wait()
				if len(got) != cap(got) {
					t.Fatalf("%d of %d returned", len(got), cap(got))
				}
				for range cap(got) {
					if err := <-got; !errors.Is(err, end.want) {
						t.Errorf("got %v, want %v", err, end.want)
					}
				}
				close(r.store.hold)
				h.Close()
				if err := h.Post(t.Context(), "g", views.FIFO, nil); !errors.Is(err, ErrClosed) {
					t.Errorf("afterwards: %v, want ErrClosed", err)
				}
			})
		})
	}
}

// TestLeaveSendsWhatWasPosted as far as there is room, before it goes.
func TestLeaveSendsWhatWasPosted(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig, h *Host) {
		r.stops()
		for i := range 5 {
			if err := h.Post(t.Context(), "g", views.FIFO, fmt.Append(nil, i)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		r.engine.room.Store(1)
		if err := h.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := r.engine.submitted(); !slices.Equal(got, []string{"0", "1", "2", "3", "4"}) {
			t.Errorf("submitted %q before the leave, want all five", got)
		}
	})
}

// TestRefusedSubmissionsAreForgotten: the engine's error reaches the caller, and
// nothing is left behind.
func TestRefusedSubmissionsAreForgotten(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.engine.on = func(_ views.Instant, in engine.Input) *engine.Output {
			if s, ok := in.(engine.Submit); ok {
				return refuse(s, views.ErrLeaving)
			}
			return nil
		}
	}, func(t *testing.T, _ *rig, h *Host) {
		for range 2 * sampleEvery {
			if err := h.Post(t.Context(), "g", views.FIFO, nil); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := h.Send(t.Context(), "g", views.FIFO, nil); !errors.Is(err, views.ErrLeaving) {
			t.Errorf("Send: %v, want ErrLeaving", err)
		}
		if n := len(h.loopOf(t).calls.sends); n != 0 {
			t.Errorf("%d are still waited for", n)
		}
		if d := h.Stats().Deliveries[views.FIFO]; d.Count != 0 {
			t.Errorf("%d latencies of messages that were not delivered", d.Count)
		}
	})
}

// TestAFloodLeavesTurnsToOthers: while one posts without a pause and the engine
// takes everything, frames, calls and the look at the backlog have their turn.
func TestAFloodLeavesTurnsToOthers(t *testing.T) {
	inBubble(t, func(r *rig) { r.cfg.Window = windowFloor }, func(t *testing.T, r *rig, h *Host) {
		l, err := h.Listen("g")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		turns, full := 0, false
		r.engine.on = func(_ views.Instant, in engine.Input) *engine.Output {
			if _, ok := in.(engine.Submit); ok {
				turns++
				if turns == 1 { // more at once than the engine is given in one turn
					for h.TryPost("g", views.FIFO, make([]byte, fillBytes)) == nil {
					}
					full = true
				}
			}
			return nil
		}
		if err := h.Post(t.Context(), "g", views.FIFO, nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !full {
			t.Fatal("the flood did not happen")
		}
		// Between any two turns the loop looked at the backlog.
		if got, want := len(r.engine.backlogs()), OutboxMax/feedMost; got < want {
			t.Errorf("%d looks at the backlog in %d turns, want %d", got, turns, want)
		}
		for i, in := range r.engine.inputs {
			s, ok := in.(engine.Submit)
			bytes := 0
			for j := range s {
				bytes += len(s[j].Payload)
			}
			if ok && bytes > feedMost {
				t.Errorf("input %d gives %d bytes at once, want at most %d", i, bytes, feedMost)
			}
		}
	})
}

// TestNothingStaysInAnIdleOutbox: what the engine has is not held twice.
func TestNothingStaysInAnIdleOutbox(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, _ *rig, h *Host) {
		if err := h.Post(t.Context(), "g", views.FIFO, make([]byte, views.PayloadMax)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		o := h.outbox
		for _, list := range [][]outgoing{o.own.taken[:cap(o.own.taken)], o.own.waiting[:cap(o.own.waiting)]} {
			for i := range list {
				if list[i].Payload != nil {
					t.Errorf("a payload of %d bytes is still held", len(list[i].Payload))
				}
			}
		}
		for i := range o.submit[:cap(o.submit)] {
			if o.submit[:cap(o.submit)][i].Payload != nil {
				t.Error("a submission is still held")
			}
		}
	})
}

// TestPostingAllocatesNothing but slabs: not a word a message.
func TestPostingAllocatesNothing(t *testing.T) {
	o := newOutbox(func() views.Instant { return 1 })
	payload := make([]byte, 64)
	m := outgoing{Submission: engine.Submission{Group: "g", Payload: payload}}
	const messages = 4096
	round := func() {
		for range messages {
			if err := o.post(context.Background(), &o.own, m, true); err != nil {
				t.Fatal(err)
			}
		}
		for o.pending() {
			o.gave(o.take(feedMost))
		}
	}
	round()
	round()
	slabs := float64(messages * len(payload) / slabBytes)
	if got := testing.AllocsPerRun(20, round); got > slabs+1 {
		t.Errorf("%v allocations for %d messages, want the %v slabs", got, messages, slabs)
	}
	if o.bytes != 0 {
		t.Errorf("%d bytes are still counted", o.bytes)
	}
}
