package gms

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

func TestTheFirstViewWaitsForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.store.hold = make(chan struct{})
		started := make(chan *Host)
		go func() { started <- r.start(t) }()
		synctest.Wait()
		select {
		case <-started:
			t.Fatal("Start returned before the seq was saved")
		default:
		}
		r.store.hold <- struct{}{}
		h := <-started
		defer h.Close()
		if got := h.View(); got.View.ID.Seq != 1 || got.State != StateZombie {
			t.Errorf("first view %v, state %q", got.View, got.State)
		}
		if !slices.Equal(r.store.seqs, []views.Seq{1}) {
			t.Errorf("saved %v, want [1]", r.store.seqs)
		}
	})
}

// TestOutputOrder holds the loop against the order of the fields of Output.
func TestOutputOrder(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.engine.on = func(_ views.Instant, in engine.Input) *engine.Output {
			if _, ok := in.(engine.Received); !ok {
				return nil
			}
			return &engine.Output{
				Events:  []trace.Event{trace.Drop{Reason: "test", Count: 1}},
				Send:    []engine.Packet{{Scope: engine.Seek, Frame: []byte("b")}, {Scope: engine.Direct, To: []netip.AddrPort{peerAddr}, Frame: []byte("a")}, {Scope: engine.All, To: []netip.AddrPort{peerAddr}, Frame: []byte("c")}},
				Deliver: []engine.Delivery{engine.Blocked{}},
				Watch:   &engine.Watch{},
				Stop:    &engine.Stop{How: trace.StopGraceful},
			}
		}
	}, func(t *testing.T, r *rig, h *Host) {
		r.take()
		// What readers of the ring see, the file has seen before: both happen in record.
		l, err := h.Listen("g")
		if err != nil {
			t.Fatal(err)
		}
		<-l.C()
		r.wire.in <- []byte("x")
		<-h.Done()
		want := []string{"seek b", "send a to 10.0.0.2:7749", "sendall c", "watch", "store closed"}
		if got := r.take(); !slices.Equal(got, want) {
			t.Errorf("did %q, want %q", got, want)
		}
		if ev := <-l.C(); ev.Kind != KindBlock {
			t.Errorf("listener got %q, want a block", ev.Kind)
		}
		names := []string{}
		for _, rec := range h.LastEvents(0) {
			names = append(names, rec.Event.Name())
		}
		if want := []string{"start", "install", "drop", "stop"}; !slices.Equal(names, want) {
			t.Errorf("events %q, want %q", names, want)
		}
	})
}

// TestNothingTicks: at rest the engine is asked at its deadline and never else.
func TestNothingTicks(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig, h *Host) {
		before := h.Stats().Steps
		time.Sleep(24 * time.Hour) // virtual
		synctest.Wait()
		if got := h.Stats().Steps - before; got != 0 {
			t.Errorf("%d steps in a day without input or deadline, want 0", got)
		}
	})
}

func TestTheDeadlineIsMetExactly(t *testing.T) {
	const period = views.Instant(1500 * time.Millisecond)
	inBubble(t, func(r *rig) {
		r.engine.on = func(now views.Instant, in engine.Input) *engine.Output {
			if in == nil && now < r.engine.deadline {
				t.Errorf("asked at %d, before the deadline %d", now, r.engine.deadline)
			}
			if in == nil {
				r.engine.deadline = now + period
			}
			return nil
		}
		r.engine.deadline = period
	}, func(t *testing.T, r *rig, h *Host) {
		time.Sleep(15*time.Second + time.Millisecond) // virtual
		synctest.Wait()
		h.Close()
		var at []views.Instant
		for i, in := range r.engine.inputs {
			if i > 0 && in == nil {
				at = append(at, r.engine.times[i])
			}
		}
		if len(at) != 10 {
			t.Fatalf("asked at %v, want ten times", at)
		}
		for i, got := range at {
			if want := period * views.Instant(i+1); got != want {
				t.Errorf("asked at %d, want %d", got, want)
			}
		}
	})
}

// TestTheLoopGoesOnDuringAWrite also holds every token against its order.
func TestTheLoopGoesOnDuringAWrite(t *testing.T) {
	token := uint64(1)
	inBubble(t, func(r *rig) {
		r.engine.on = func(_ views.Instant, in engine.Input) *engine.Output {
			if _, ok := in.(engine.Received); ok {
				token++
				return &engine.Output{Persist: &engine.Persist{Token: token, Seq: views.Seq(10 * token)}}
			}
			return nil
		}
	}, func(t *testing.T, r *rig, h *Host) {
		r.store.hold = make(chan struct{})
		for range 5 {
			r.wire.in <- []byte("x")
			synctest.Wait()
		}
		if _, err := h.Status(t.Context()); err != nil {
			t.Fatalf("the loop does not answer during a write: %v", err)
		}
		close(r.store.hold)
		synctest.Wait()
		h.Close()
		if want := []views.Seq{1, 20, 60}; !slices.Equal(r.store.seqs, want) {
			t.Errorf("saved %v, want %v: what waits goes together", r.store.seqs, want)
		}
		var tokens []uint64
		for _, in := range r.engine.inputs {
			if p, ok := in.(engine.Persisted); ok {
				tokens = append(tokens, p.Token)
			}
		}
		if want := []uint64{1, 2, 3, 4, 5, 6}; !slices.Equal(tokens, want) {
			t.Errorf("answered %v, want %v", tokens, want)
		}
	})
}

func TestAFullDiskQueueStopsTheInputs(t *testing.T) {
	token := uint64(1)
	inBubble(t, func(r *rig) {
		r.engine.on = func(_ views.Instant, in engine.Input) *engine.Output {
			if _, ok := in.(engine.Received); ok {
				token++
				return &engine.Output{Persist: &engine.Persist{Token: token, Seq: views.Seq(token)}}
			}
			return nil
		}
	}, func(t *testing.T, r *rig, h *Host) {
		r.store.hold = make(chan struct{})
		const frames = 3 * persistsMax
		go func() {
			for range frames {
				r.wire.in <- []byte("x")
			}
		}()
		synctest.Wait()
		if token != 1+persistsMax {
			t.Errorf("%d writes were asked for, want the bound of %d", token-1, persistsMax)
		}
		close(r.store.hold)
		synctest.Wait()
		if token != 1+frames {
			t.Errorf("%d writes were asked for in the end, want %d", token-1, frames)
		}
	})
}

func TestAFailedWriteReachesTheEngine(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.engine.on = func(_ views.Instant, in engine.Input) *engine.Output {
			switch in := in.(type) {
			case engine.Received:
				return &engine.Output{Persist: &engine.Persist{Token: 2, Seq: 2}}
			case engine.Persisted:
				if in.Err != nil {
					return &engine.Output{Stop: &engine.Stop{How: trace.StopFatal, Detail: in.Err.Error()}}
				}
			}
			return nil
		}
	}, func(t *testing.T, r *rig, h *Host) {
		r.store.mu.Lock()
		r.store.err = errFake
		r.store.mu.Unlock()
		r.wire.in <- []byte("x")
		<-h.Done()
		var fatal *FatalError
		if !errors.As(h.Err(), &fatal) || fatal.Detail != errFake.Error() {
			t.Errorf("Err %v, want a FatalError with the disk's words", h.Err())
		}
		if s := h.View().State; s != StateStopped {
			t.Errorf("state %q, want %q", s, StateStopped)
		}
	})
}

// TestTheInboxIsBounded: while the loop is stuck the receiver takes what fits
// into its batches and leaves the rest to the kernel.
func TestTheInboxIsBounded(t *testing.T) {
	release := make(chan struct{})
	synctest.Test(t, func(t *testing.T) {
		release = make(chan struct{})
		r := newRig()
		h := r.start(t)
		if err := h.order(func(*loop) { <-release }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		taken := 0
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case r.wire.in <- []byte("x"):
					taken++
				case <-stop:
					return
				}
			}
		}()
		synctest.Wait()
		if taken != batchesMax {
			t.Errorf("%d datagrams were taken, one a batch, want %d", taken, batchesMax)
		}
		close(release)
		close(stop)
		h.Close()
	})
}

// A lone datagram, which its receiver may handle, does not overtake those that wait
// for the loop.
func TestALoneDatagramWaitsItsTurn(t *testing.T) {
	var got []string
	inBubble(t, func(r *rig) {
		r.engine.on = func(_ views.Instant, in engine.Input) *engine.Output {
			if in, ok := in.(engine.Received); ok {
				got = append(got, string(in.Frame))
			}
			return nil
		}
	}, func(t *testing.T, r *rig, h *Host) {
		release := make(chan struct{})
		if err := h.order(func(*loop) { <-release }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want := []string{"a", "b", "c", "d"}
		for _, frame := range want[:2] {
			r.wire.in <- []byte(frame)
		}
		synctest.Wait()
		close(release)
		for _, frame := range want[2:] {
			r.wire.in <- []byte(frame)
		}
		synctest.Wait()
		h.Close()
		if !slices.Equal(got, want) {
			t.Errorf("handled %q, want %q", got, want)
		}
	})
}

func TestEvidenceReachesTheEngine(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig, h *Host) {
		r.wire.evidence <- transport.Evidence{Process: peerProcess, Found: message.EvidenceRefused}
		synctest.Wait()
		h.Close()
		want := engine.Evidence{Process: peerProcess, Found: message.EvidenceRefused}
		if !slices.Contains(r.engine.inputs, engine.Input(want)) {
			t.Error("the engine did not get the evidence")
		}
	})
}

func TestABrokenTransportEndsTheHost(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig, h *Host) {
		for range receiveErrorsMax - 1 {
			r.wire.failing <- errFake
		}
		r.wire.in <- []byte("it works again")
		for range receiveErrorsMax - 1 {
			r.wire.failing <- errFake
		}
		synctest.Wait()
		if h.Err() != nil {
			t.Fatalf("ended early: %v", h.Err())
		}
		r.wire.failing <- errFake
		<-h.Done()
		if err := h.Err(); !errors.Is(err, errFake) {
			t.Errorf("Err %v, want it to wrap the transport's", err)
		}
		if got := h.Stats().ReceiveErrors; got != 2*receiveErrorsMax-1 {
			t.Errorf("%d receive errors counted, want %d", got, 2*receiveErrorsMax-1)
		}
		records := h.LastEvents(0)
		if last := records[len(records)-1].Event; last != (trace.Stop{How: trace.StopFatal}) {
			t.Errorf("last event %v, want a fatal stop", last)
		}
	})
}

func TestSendErrorsAreCountedAndToldOnce(t *testing.T) {
	lines := &logLines{}
	inBubble(t, func(r *rig) {
		r.cfg.Logger = slog.New(lines)
		r.engine.on = func(_ views.Instant, in engine.Input) *engine.Output {
			if _, ok := in.(engine.Received); ok {
				return &engine.Output{Send: []engine.Packet{{Scope: engine.All, To: []netip.AddrPort{peerAddr}, Frame: []byte("a")}}}
			}
			return nil
		}
		r.wire.sendErr = transport.ErrNoRoute
	}, func(t *testing.T, r *rig, h *Host) {
		for range 3 {
			r.wire.in <- []byte("x")
		}
		synctest.Wait()
		if got := h.Stats().SendErrors; got != 3 {
			t.Errorf("%d send errors counted, want 3", got)
		}
		if got := lines.count("a frame could not be sent; further ones are only counted"); got != 1 {
			t.Errorf("told %d times, want once", got)
		}
	})
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.engine.on = func(views.Instant, engine.Input) *engine.Output { return &engine.Output{} } // never a view
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := Start(ctx, r.cfg); !errors.Is(err, ctx.Err()) {
			t.Errorf("Start: %v, want the context's error", err)
		}
		if got := r.take(); !slices.Equal(got, []string{"store closed"}) {
			t.Errorf("did %q, want the store closed", got)
		}
	})
}

func TestAFailedStartClosesWhatItOpened(t *testing.T) {
	r := newRig()
	r.cfg.seams.newMachine = func(engine.Config) (machine, error) { return nil, errFake }
	if _, err := Start(t.Context(), r.cfg); !errors.Is(err, errFake) {
		t.Errorf("Start: %v", err)
	}
	select {
	case <-r.wire.closed:
	default:
		t.Error("the transport is still open")
	}
	if got := r.take(); !slices.Equal(got, []string{"store closed"}) {
		t.Errorf("did %q, want the store closed", got)
	}
}
