package gms

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

func TestSendAnswersWhenDeliveredHere(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig, h *Host) {
		payload := []byte("hello")
		got, err := h.Send(t.Context(), "g", views.Agreed, payload)
		if err != nil {
			t.Fatal(err)
		}
		want := Receipt{Msg: trace.MsgID{From: selfProcess, N: 1}, View: h.View().View.ID, K: 1}
		if got != want {
			t.Errorf("receipt %+v, want %+v", got, want)
		}
		payload[0] = 'j'
		if got := r.engine.submitted(); !slices.Equal(got, []string{"hello"}) {
			t.Errorf("the engine's payloads are %q: want a copy of the one", got)
		}
	})
}

func TestSendRefusesBadInput(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, _ *rig, h *Host) {
		if _, err := h.Send(t.Context(), "", views.FIFO, nil); !errors.Is(err, views.ErrGroupName) {
			t.Errorf("no group: %v", err)
		}
		if _, err := h.Send(t.Context(), "g", views.FIFO, make([]byte, views.PayloadMax+1)); !errors.Is(err, views.ErrTooLong) {
			t.Errorf("too long: %v", err)
		}
		if err := h.Post(t.Context(), "g", views.OrderEnd, nil); err == nil {
			t.Error("an order that does not exist was taken")
		}
		if err := h.SetBits(t.Context(), 0x80, 0); err == nil {
			t.Error("an unknown bit was taken")
		}
		var fault *FieldError
		if err := h.SetAttrs(t.Context(), map[string]string{"a b": ""}); !errors.As(err, &fault) || fault.Key != "attrs" {
			t.Errorf("bad attribute: %v", err)
		}
		if err := h.Evict(t.Context(), selfProcess.Host, false); !errors.Is(err, ErrOneself) {
			t.Errorf("evicting oneself: %v", err)
		}
		if err := h.Evict(t.Context(), views.HostID{9}, false); !errors.Is(err, ErrNotMember) {
			t.Errorf("evicting a stranger: %v", err)
		}
		if err := h.LabHeal(); !errors.Is(err, ErrLab) {
			t.Errorf("lab faults while off: %v", err)
		}
	})
}

// TestCallsAreBounded: with the loop stuck, CommandsMax calls wait and the next
// is refused at once.
func TestCallsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		h := newRig().start(t)
		if err := h.order(func(*loop) { <-stuck }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for range CommandsMax {
			go h.Status(t.Context())
		}
		synctest.Wait()
		if _, err := h.Status(t.Context()); !errors.Is(err, ErrBusy) {
			t.Errorf("a call beyond the bound: %v, want ErrBusy", err)
		}
		close(stuck)
		synctest.Wait()
		if _, err := h.Status(t.Context()); err != nil {
			t.Errorf("a call once there is room: %v", err)
		}
		if got := h.Stats().Busy; got != 1 {
			t.Errorf("%d refusals counted, want 1", got)
		}
		h.Close()
	})
}

func TestEveryWaiterSeesTheView(t *testing.T) {
	inBubble(t, func(r *rig) { r.engine.on = installOnFrame(r) }, func(t *testing.T, r *rig, h *Host) {
		got := make(chan views.Seq, 10)
		for range cap(got) {
			go func() {
				s, err := h.WaitView(t.Context(), 1)
				if err != nil {
					t.Error(err)
				}
				got <- s.View.ID.Seq
			}()
		}
		synctest.Wait()
		r.wire.in <- []byte("x")
		for range cap(got) {
			if seq := <-got; seq != 2 {
				t.Errorf("woken by view %d, want 2", seq)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := h.WaitView(ctx, 2); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no further view: %v, want the context's error", err)
		}
		last := make(chan error)
		go func() {
			_, err := h.WaitView(t.Context(), 2)
			last <- err
		}()
		synctest.Wait()
		h.Close()
		if err := <-last; !errors.Is(err, ErrClosed) {
			t.Errorf("after the end: %v, want ErrClosed", err)
		}
	})
}

// installOnFrame makes each frame a new view with the peer.
func installOnFrame(r *rig) func(views.Instant, engine.Input) *engine.Output {
	return func(_ views.Instant, in engine.Input) *engine.Output {
		if _, ok := in.(engine.Received); ok {
			return r.engine.install(selfProcess, peerProcess)
		}
		return nil
	}
}

func TestHistoryIsBoundedAndChained(t *testing.T) {
	inBubble(t, func(r *rig) { r.engine.on = installOnFrame(r) }, func(t *testing.T, r *rig, h *Host) {
		for range HistoryMax + 5 {
			r.wire.in <- []byte("x")
		}
		synctest.Wait()
		all := h.History()
		if len(all) != HistoryMax {
			t.Fatalf("%d views kept, want %d", len(all), HistoryMax)
		}
		if all[len(all)-1] != h.View() {
			t.Error("the newest of the history is not the current view")
		}
		for i := 1; i < len(all); i++ {
			if all[i].Prev != all[i-1].View.ID {
				t.Errorf("view %v says it follows %v, want %v", all[i].View.ID, all[i].Prev, all[i-1].View.ID)
			}
		}
		r.store.mu.Lock()
		defer r.store.mu.Unlock()
		if r.store.peers == 0 {
			t.Error("whom the host is with was never noted")
		}
	})
}

func TestStateChangesReturnInViewOrder(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig, h *Host) {
		l, err := h.Listen("g")
		if err != nil {
			t.Fatal(err)
		}
		if h.Self().Bits.Has(views.Started) {
			t.Fatal("started without having been told")
		}
		if err := h.SetBits(t.Context(), views.Started, views.Started); err != nil {
			t.Fatal(err)
		}
		if !h.Self().Bits.Has(views.Started) {
			t.Error("SetBits returned before the view shows it")
		}
		if err := h.SetAttrs(t.Context(), map[string]string{"rack": "7", "az": "b"}); err != nil {
			t.Fatal(err)
		}
		if want := []views.Attr{{Key: "az", Value: "b"}, {Key: "rack", Value: "7"}}; !slices.Equal(h.Self().Attrs, want) {
			t.Errorf("attributes %v, want %v", h.Self().Attrs, want)
		}
		before := h.Stats().Steps
		if err := h.SetBits(t.Context(), views.Started, views.Started); err != nil {
			t.Fatal(err)
		}
		if h.Stats().Steps != before {
			t.Error("a change that is so already was sent")
		}
		kinds := []string{(<-l.C()).Kind, (<-l.C()).Kind, (<-l.C()).Kind}
		if want := []string{KindView, KindState, KindState}; !slices.Equal(kinds, want) {
			t.Errorf("listener got %q, want %q", kinds, want)
		}
		if len(h.History()) != 1 || h.View().K != 2 {
			t.Errorf("%d views, K %d: want the one view amended twice", len(h.History()), h.View().K)
		}
	})
}

// TestAnOvertakenChangeIsAnswered: the engine may fold two changes into one.
func TestAnOvertakenChangeIsAnswered(t *testing.T) {
	inBubble(t, func(r *rig) {
		var folded engine.SetState
		r.engine.on = func(_ views.Instant, in engine.Input) *engine.Output {
			switch in := in.(type) {
			case engine.SetState:
				folded.Mask, folded.Bits = folded.Mask|in.Mask, folded.Bits&^in.Mask|in.Bits
				return &engine.Output{}
			case engine.Received:
				return r.engine.set(folded)
			}
			return nil
		}
	}, func(t *testing.T, r *rig, h *Host) {
		done := make(chan error, 2)
		go func() { done <- h.SetBits(t.Context(), views.Started, views.Started) }()
		synctest.Wait()
		go func() { done <- h.SetBits(t.Context(), views.Started, 0) }()
		synctest.Wait()
		if len(done) != 0 {
			t.Fatal("answered before it was delivered")
		}
		r.wire.in <- []byte("deliver")
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestEvictReturnsWithTheView(t *testing.T) {
	inBubble(t, func(r *rig) { r.engine.on = installOnFrame(r) }, func(t *testing.T, r *rig, h *Host) {
		r.wire.in <- []byte("x")
		synctest.Wait()
		if err := h.Evict(t.Context(), peerProcess.Host, false); err != nil {
			t.Fatal(err)
		}
		if h.View().View.Rank(peerProcess.Host) >= 0 {
			t.Error("Evict returned before the view without it")
		}
	})
}

// TestAbandonedChangesGiveTheirPlaceBack: a change that never comes must not
// hold its place for ever.
func TestAbandonedChangesGiveTheirPlaceBack(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.engine.on = func(_ views.Instant, in engine.Input) *engine.Output {
			if _, ok := in.(engine.SetState); ok {
				return &engine.Output{} // the group is silent
			}
			return nil
		}
	}, func(t *testing.T, _ *rig, h *Host) {
		for range ChangesMax + 1 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := h.SetBits(ctx, views.Started, views.Started); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("SetBits: %v, want the context's error", err)
			}
			cancel()
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range ChangesMax {
			go h.SetBits(ctx, views.Started, views.Started)
		}
		synctest.Wait()
		if err := h.SetBits(ctx, views.Started, views.Started); !errors.Is(err, ErrBusy) {
			t.Errorf("beyond the bound: %v, want ErrBusy", err)
		}
	})
}

func TestListenersAreBoundedAndEndWithTheHost(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, _ *rig, h *Host) {
		var l *Listener
		for range ListenersMax {
			var err error
			if l, err = h.Listen("g"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := h.Listen("g"); !errors.Is(err, ErrBusy) {
			t.Errorf("one too many: %v, want ErrBusy", err)
		}
		h.Close()
		for range l.C() {
		}
		if !errors.Is(l.Err(), ErrClosed) {
			t.Errorf("after the end: %v, want ErrClosed", l.Err())
		}
		if _, err := h.Listen("g"); !errors.Is(err, ErrClosed) {
			t.Errorf("listening after the end: %v, want ErrClosed", err)
		}
	})
}

func TestEventsReplayAndFollow(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.engine.on = func(_ views.Instant, in engine.Input) *engine.Output {
			if _, ok := in.(engine.Received); ok {
				return &engine.Output{Events: []trace.Event{trace.Block{}, trace.Unblock{}}}
			}
			return nil
		}
	}, func(t *testing.T, r *rig, h *Host) {
		var seen []uint64
		done := make(chan struct{})
		go func() {
			defer close(done)
			for rec, err := range h.Events(t.Context(), 1) {
				if err != nil {
					t.Error(err)
				}
				seen = append(seen, rec.N)
			}
		}()
		observed := 0
		if err := h.Observe(func(rec trace.Record) { observed++ }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.wire.in <- []byte("x")
		synctest.Wait()
		if err := h.Leave(t.Context()); err != nil {
			t.Errorf("Leave: %v", err)
		}
		<-done
		synctest.Wait()
		if want := []uint64{2, 3, 4, 5}; !slices.Equal(seen, want) { // install, block, unblock, stop
			t.Errorf("saw %v, want %v", seen, want)
		}
		if observed != 5 {
			t.Errorf("observed %d records, want all 5", observed)
		}
		for _, err := range h.Events(t.Context(), 6) {
			if !errors.Is(err, ErrGap) {
				t.Errorf("ahead of this incarnation: %v, want ErrGap", err)
			}
		}
	})
}

func TestEventsEndWithTheContext(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, _ *rig, h *Host) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, err := range h.Events(ctx, 2) {
			t.Errorf("got an event or %v", err)
		}
		if ctx.Err() == nil {
			t.Error("ended before its context")
		}
	})
}

func TestLeave(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, _ *rig, h *Host) {
		if err := h.Leave(t.Context()); err != nil {
			t.Errorf("Leave: %v", err)
		}
		if h.Err() != nil || h.View().State != StateLeft {
			t.Errorf("Err %v, state %q, want none and left", h.Err(), h.View().State)
		}
		if _, err := h.Send(t.Context(), "g", views.FIFO, nil); !errors.Is(err, ErrClosed) {
			t.Errorf("sending afterwards: %v, want ErrClosed", err)
		}
		if err := h.Leave(t.Context()); err != nil {
			t.Errorf("leaving again: %v", err)
		}
	})
}

func TestALeaveThatHangsEndsWithItsContext(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.engine.on = func(_ views.Instant, in engine.Input) *engine.Output {
			if _, ok := in.(engine.Leave); ok {
				return &engine.Output{}
			}
			return nil
		}
	}, func(t *testing.T, _ *rig, h *Host) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := h.Leave(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Leave: %v, want the context's error", err)
		}
		if !errors.Is(h.Err(), ErrClosed) {
			t.Errorf("Err %v, want ErrClosed", h.Err())
		}
	})
}

func TestARefusalSurfaces(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.engine.on = func(_ views.Instant, in engine.Input) *engine.Output {
			if _, ok := in.(engine.Received); ok {
				return &engine.Output{
					Events: []trace.Event{trace.Stop{How: trace.StopFatal}},
					Stop:   &engine.Stop{How: trace.StopFatal, Code: views.RefuseDuplicate, Detail: "two of you"},
				}
			}
			return nil
		}
	}, func(t *testing.T, r *rig, h *Host) {
		r.wire.in <- []byte("go away")
		<-h.Done()
		var denied *DeniedError
		if !errors.As(h.Err(), &denied) || denied.Code != views.RefuseDuplicate || denied.Detail != "two of you" {
			t.Errorf("Err %v, want a DeniedError for a duplicate", h.Err())
		}
		if s := h.View().State; s != StateDenied {
			t.Errorf("state %q, want %q", s, StateDenied)
		}
		stops := 0
		for _, rec := range h.LastEvents(0) {
			if rec.Event.Name() == "stop" {
				stops++
			}
		}
		if stops != 1 {
			t.Errorf("%d stops logged, want the engine's own only", stops)
		}
		if err := h.SetBits(t.Context(), views.Started, 0); !errors.Is(err, ErrClosed) || !errors.As(err, &denied) {
			t.Errorf("a call afterwards: %v, want ErrClosed and why", err)
		}
	})
}
