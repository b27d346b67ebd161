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
	"github.com/gmsd/gmsd/views/trace"
)

func listen(t *testing.T, h *Host, group string) *Listener {
	t.Helper()
	l, err := h.Listen(group)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// post posts n messages to g and waits until they were delivered.
func post(t *testing.T, h *Host, n int, payload []byte) {
	t.Helper()
	for range n {
		if err := h.Post(t.Context(), "g", views.FIFO, payload); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Wait()
}

// readAll reads until a context that has ended finds nothing more.
func readAll(t *testing.T, l *Listener) (kinds []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for {
		events, err := l.Next(ctx)
		if errors.Is(err, context.Canceled) {
			return kinds
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range events {
			kinds = append(kinds, describe(&events[i]))
		}
	}
}

func describe(ev *GroupEvent) string {
	switch ev.Kind {
	case KindMessage:
		return string(ev.Msg.Payload)
	case KindView:
		return fmt.Sprint(KindView, " ", ev.View.View.ID.Seq)
	}
	return ev.Kind
}

// TestNextGivesBatchesInOrder: views, blocks, changes and messages as they
// happened, in batches, none of them larger than chunkMost.
func TestNextGivesBatchesInOrder(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.engine.on = func(_ views.Instant, in engine.Input) *engine.Output {
			if _, ok := in.(engine.Received); ok {
				out := r.engine.install(selfProcess, peerProcess)
				out.Deliver = []engine.Delivery{engine.Blocked{}, out.Deliver[0], engine.Unblocked{}}
				return out
			}
			return nil
		}
	}, func(t *testing.T, r *rig, h *Host) {
		l := listen(t, h, "g")
		other := listen(t, h, "other")
		want := []string{"view 1"}
		for i := range 3 * chunkMost {
			want = append(want, fmt.Sprint(i))
			if err := h.Post(t.Context(), "g", views.FIFO, fmt.Append(nil, i)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		r.wire.in <- []byte("x")
		synctest.Wait()
		if err := h.SetBits(t.Context(), views.Started, views.Started); err != nil {
			t.Fatal(err)
		}
		post(t, h, 1, []byte("last"))
		want = append(want, KindBlock, "view 2", KindUnblock, KindState, "last")

		first, err := l.Next(t.Context())
		if err != nil || len(first) != chunkMost {
			t.Fatalf("Next: %d events, %v; want %d", len(first), err, chunkMost)
		}
		got := make([]string, 0, len(want))
		for i := range first {
			got = append(got, describe(&first[i]))
		}
		if got = append(got, readAll(t, l)...); !slices.Equal(got, want) {
			t.Errorf("got %q,\nwant %q", got, want)
		}
		if got, want := readAll(t, other), []string{"view 1", KindBlock, "view 2", KindUnblock, KindState}; !slices.Equal(got, want) {
			t.Errorf("the other group's listener got %q, want %q", got, want)
		}
		if late := readAll(t, listen(t, h, "g")); !slices.Equal(late, []string{"view 2"}) {
			t.Errorf("a listener opened now begins with %q", late)
		}
	})
}

// TestNextWaits for what comes, its context, or the end.
func TestNextWaits(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, _ *rig, h *Host) {
		l := listen(t, h, "g")
		readAll(t, l)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nothing happens: %v, want the context's error", err)
		}
		got := make(chan string)
		go func() {
			for {
				events, err := l.Next(t.Context())
				if err != nil {
					got <- err.Error()
					return
				}
				got <- describe(&events[0])
			}
		}()
		synctest.Wait()
		post(t, h, 1, []byte("m"))
		if ev := <-got; ev != "m" {
			t.Errorf("got %q", ev)
		}
		l.Close()
		if ev := <-got; ev != ErrClosed.Error() {
			t.Errorf("after Close: %q", ev)
		}
	})
}

// TestTheBacklogIsExact: what is unread is counted, once, and given back once,
// however the listener ends.
func TestTheBacklogIsExact(t *testing.T) {
	const size, n = 1000, 1000
	inBubble(t, nil, func(t *testing.T, _ *rig, h *Host) {
		is := func(want int, when string) {
			t.Helper()
			synctest.Wait()
			if got := h.Stats().Backlog; got != want {
				t.Errorf("%s: %d bytes, want %d", when, got, want)
			}
		}
		a, b, c := listen(t, h, "g"), listen(t, h, "g"), listen(t, h, "other")
		is(3*eventCost, "three views")
		post(t, h, n, make([]byte, size))
		each := eventCost + n*(size+eventCost)
		is(2*each+eventCost, "two listeners of all")
		readAll(t, c)
		is(2*each, "one was read")

		if _, err := a.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		is(2*each, "what is in hand is not read")
		if _, err := a.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		is(2*each-eventCost-(chunkMost-1)*(size+eventCost), "the first batch was read")
		a.Close()
		is(each, "closed with a batch in hand")
		if events, err := a.Next(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("%d events after Close, %v", len(events), err)
		}
		a.Close()
		is(each, "closed twice, read once more")

		for range 10 {
			<-b.C()
		}
		is(each, "ten of one batch are not a batch")
		b.Close()
		is(0, "closed while its goroutine waits to give the next")
		post(t, h, 10, nil)
		is(0, "the closed ones get nothing")
		c.Close()
		is(0, "all are closed")
	})
}

// TestClosingTheHostLeavesTheRest: what was delivered can be read after the end.
func TestClosingTheHostLeavesTheRest(t *testing.T) {
	const n = 2*chunkMost + 7
	inBubble(t, nil, func(t *testing.T, _ *rig, h *Host) {
		a, b, c := listen(t, h, "g"), listen(t, h, "g"), listen(t, h, "g")
		post(t, h, n, []byte("m"))
		first := <-b.C()
		h.Close()
		got := 0
		for {
			events, err := a.Next(t.Context())
			if err != nil {
				if !errors.Is(err, ErrClosed) {
					t.Errorf("at the end: %v, want ErrClosed", err)
				}
				break
			}
			got += len(events)
		}
		if got != n+1 {
			t.Errorf("Next gave %d events, want %d", got, n+1)
		}
		got = 0
		for range b.C() {
			got++
		}
		if first.Kind != KindView || got != n || !errors.Is(b.Err(), ErrClosed) {
			t.Errorf("C gave %q and %d more, then %v", first.Kind, got, b.Err())
		}
		// One that reads no further closes: its goroutine must go, or the bubble hangs.
		<-c.C()
		c.Close()
		if got := h.Stats().Backlog; got != 0 {
			t.Errorf("a backlog of %d bytes is left", got)
		}
	})
}

// TestAReaderAtTheEndMissesNothing: the end may come between a reader's look at
// the queue and its look at the end.
func TestAReaderAtTheEndMissesNothing(t *testing.T) {
	for range 200 {
		inBubble(t, nil, func(t *testing.T, _ *rig, h *Host) {
			l := listen(t, h, "g")
			readAll(t, l)
			got := make(chan int)
			go func() {
				n := 0
				for {
					events, err := l.Next(t.Context())
					n += len(events)
					if err != nil {
						got <- n
						return
					}
				}
			}()
			if _, err := h.Send(t.Context(), "g", views.FIFO, nil); err != nil {
				t.Fatal(err)
			}
			h.Close()
			if n := <-got; n != 1 {
				t.Fatalf("read %d messages, want the one", n)
			}
		})
	}
}

// TestTheEngineIsToldByTheWindow: of each window more or less, and of nothing in
// between.
func TestTheEngineIsToldByTheWindow(t *testing.T) {
	inBubble(t, func(r *rig) { r.cfg.Window = windowFloor }, func(t *testing.T, r *rig, h *Host) {
		const size = windowFloor/4 - eventCost
		told := func(want ...int) {
			t.Helper()
			synctest.Wait()
			var got []int
			for _, b := range r.engine.backlogs() {
				got = append(got, b/windowFloor)
			}
			if !slices.Equal(got, want) {
				t.Errorf("told of %v windows, want %v", got, want)
			}
		}
		l := listen(t, h, "g")
		readAll(t, l)
		told()
		for i := range 8 {
			post(t, h, 1, make([]byte, size))
			told([]int{1, 2}[:(i+1)/4]...)
		}
		readAll(t, l)
		told(1, 2, 0)
		post(t, h, 1, make([]byte, 10*windowFloor))
		told(1, 2, 0, 10)
		l.Close()
		told(1, 2, 0, 10, 0)
		before := h.Stats().Steps
		time.Sleep(time.Hour) // virtual
		synctest.Wait()
		if got := h.Stats().Steps; got != before || h.loopOf(t).lookAt != 0 {
			t.Errorf("%d steps in an hour at rest, and a look to come at %d", got-before, h.loopOf(t).lookAt)
		}
	})
}

// TestAListenerThatStandsStillIsCut after staleLooks looks and not before; those
// that read, or hold little, are not.
func TestAListenerThatStandsStillIsCut(t *testing.T) {
	inBubble(t, func(r *rig) { r.cfg.Window = windowFloor }, func(t *testing.T, r *rig, h *Host) {
		still, idle, reads := listen(t, h, "g"), listen(t, h, "quiet"), listen(t, h, "g")
		stop := make(chan struct{})
		defer close(stop)
		go func() {
			for ev := range reads.C() { // one event every 3 s
				_ = ev
				select {
				case <-time.After(3 * time.Second):
				case <-stop:
					reads.Close()
					return
				}
			}
		}()
		post(t, h, 100, make([]byte, 4096))
		begin := time.Now()
		time.Sleep(staleLooks*lookEvery - time.Millisecond) // virtual
		synctest.Wait()
		if err := still.Err(); err != nil {
			t.Fatalf("cut after %s: %v", time.Since(begin), err)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if err := still.Err(); !errors.Is(err, ErrSlow) {
			t.Fatalf("after %s: %v, want ErrSlow", time.Since(begin), err)
		}
		if events, err := still.Next(t.Context()); !errors.Is(err, ErrSlow) || len(events) != 0 {
			t.Errorf("Next: %d events, %v; want ErrSlow", len(events), err)
		}
		time.Sleep(90 * time.Second)
		synctest.Wait()
		if h.loopOf(t).level == 0 {
			t.Fatal("the reader is no longer behind: this shows nothing")
		}
		if reads.Err() != nil || idle.Err() != nil {
			t.Errorf("cut: one that reads (%v) or one that holds next to nothing (%v)", reads.Err(), idle.Err())
		}
		if got := h.Stats().ListenersCut; got != 1 {
			t.Errorf("%d cuts counted, want 1", got)
		}
	})
}

// TestAReaderThatHangsIsCut: what it has in hand holds up the group, too.
func TestAReaderThatHangsIsCut(t *testing.T) {
	inBubble(t, func(r *rig) { r.cfg.Window = windowFloor }, func(t *testing.T, _ *rig, h *Host) {
		l := listen(t, h, "g")
		readAll(t, l)
		post(t, h, 1, make([]byte, 5*windowFloor))
		if events, err := l.Next(t.Context()); err != nil || len(events) != 1 {
			t.Fatalf("%d events, %v", len(events), err)
		}
		time.Sleep((staleLooks + 2) * lookEvery) // virtual
		synctest.Wait()
		if !errors.Is(l.Err(), ErrSlow) || h.Stats().Backlog != 0 {
			t.Errorf("err %v, backlog %d; want ErrSlow and none", l.Err(), h.Stats().Backlog)
		}
	})
}

// TestLooksAreForgottenInBetween: ten looks in a row are meant.
func TestLooksAreForgottenInBetween(t *testing.T) {
	inBubble(t, func(r *rig) { r.cfg.Window = windowFloor }, func(t *testing.T, _ *rig, h *Host) {
		slow, other := listen(t, h, "g"), listen(t, h, "g")
		for range 5 {
			post(t, h, 1, make([]byte, windowFloor/2))
			readAll(t, slow)
			post(t, h, 1, make([]byte, windowFloor/2-2*eventCost))
			time.Sleep((staleLooks - 1) * lookEvery) // virtual
			synctest.Wait()
			other.Close()
			other = listen(t, h, "g")
			readAll(t, other)
			synctest.Wait()
		}
		if slow.Err() != nil {
			t.Errorf("cut: %v", slow.Err())
		}
	})
}

// TestAListenerOpenedInAFlood begins with the view and then misses nothing.
func TestAListenerOpenedInAFlood(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig, h *Host) {
		ctx, cancel := context.WithCancel(t.Context())
		flooded := make(chan struct{})
		go func() {
			defer close(flooded)
			for h.Post(ctx, "g", views.FIFO, nil) == nil {
			}
		}()
		for range 20 {
			l := listen(t, h, "g")
			first, last := true, uint64(0)
			for n := 0; n < 2000; {
				events, err := l.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for i := range events {
					ev := &events[i]
					if first != (ev.Kind == KindView) {
						t.Fatalf("event %d is a %s", n, ev.Kind)
					}
					if !first {
						if last != 0 && ev.Msg.Msg.N != last+1 {
							t.Fatalf("message %d after %d", ev.Msg.Msg.N, last)
						}
						last = ev.Msg.Msg.N
					}
					first = false
					n++
				}
			}
			l.Close()
		}
		cancel()
		<-flooded
		synctest.Wait()
		if got := h.Stats().Backlog; got != 0 {
			t.Errorf("a backlog of %d bytes is left", got)
		}
	})
}

// TestAListenerForgetsAFlood: its memory goes once it was read.
func TestAListenerForgetsAFlood(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, _ *rig, h *Host) {
		l := listen(t, h, "g")
		post(t, h, 10*spareMost*chunkMost, []byte("x"))
		readAll(t, l)
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.queue) != 0 || len(l.spare) > spareMost || l.hand.list != nil {
			t.Errorf("%d chunks wait, %d are kept, want none and at most %d", len(l.queue), len(l.spare), spareMost)
		}
		for _, c := range l.queue[:cap(l.queue)] {
			if c.list != nil {
				t.Fatal("a chunk that was read is still held")
			}
		}
		for _, c := range l.spare {
			for _, ev := range c.list[:cap(c.list)] {
				if ev.View != nil {
					t.Fatal("an event that was read is still held")
				}
			}
		}
	})
}

// TestDeliveringAllocatesNothing in steady state: not a word a message.
func TestDeliveringAllocatesNothing(t *testing.T) {
	m := newMailbox(&backlog{freed: make(chan struct{}, 1)}, costOfEvent)
	l := &Listener{group: "g", mailbox: m}
	list := make([]Message, spareMost*chunkMost)
	for i := range list {
		list[i] = Message{Group: "g", Payload: []byte("x")}
	}
	round := func() {
		l.giveOwn(nil, list)
		for got, _ := m.take(); len(got) > 0; got, _ = m.take() {
		}
	}
	round()
	round()
	if got := testing.AllocsPerRun(20, round); got > 8 {
		t.Errorf("%v allocations for %d messages", got, len(list))
	}
}

// TestMessageEventsNeedAnEventLog: they cost more than the messages.
func TestMessageEventsNeedAnEventLog(t *testing.T) {
	for _, log := range []string{"", t.TempDir() + "/log"} {
		inBubble(t, func(r *rig) { r.cfg.EventLog = log }, func(t *testing.T, r *rig, h *Host) {
			post(t, h, 1, nil)
			sent := slices.ContainsFunc(h.LastEvents(0), func(rec trace.Record) bool { return rec.Event.Name() == "send" })
			if want := log != ""; r.engine.cfg.MessageEvents != want || sent != want {
				t.Errorf("event log %q: message events %v, one is there: %v", log, r.engine.cfg.MessageEvents, sent)
			}
		})
	}
}
