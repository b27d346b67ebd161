package gms_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/views"
)

// pressed runs f with two hosts of the shipped engine and a small window.
func pressed(t *testing.T, f func(t *testing.T, l *lan)) {
	t.Helper()
	onLANWith(t, 2, func(c *gms.Config) { c.Window, c.EventLog = 64<<10, "" }, f)
}

// number reads a listener until it has given n messages, and holds each against
// its number.
func number(t *testing.T, l *gms.Listener, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // virtual
	defer cancel()
	for next := 0; next < n; {
		events, err := l.Next(ctx)
		if err != nil {
			t.Errorf("after %d of %d messages: %v", next, n, err)
			return
		}
		for i := range events {
			if events[i].Kind != gms.KindMessage {
				continue
			}
			if got := int(binary.BigEndian.Uint32(events[i].Msg.Payload)); got != next {
				t.Errorf("message %d where %d is next", got, next)
				return
			}
			next++
		}
	}
}

func numbered(i, size int) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(i)), make([]byte, size-4)...)
}

// TestASlowReaderHoldsUpTheSender: memory stays bounded at both ends, nothing is
// lost, and all goes on once it reads.
func TestASlowReaderHoldsUpTheSender(t *testing.T) {
	for _, order := range []views.Order{views.FIFO, views.Agreed, views.Safe} {
		t.Run(order.String(), func(t *testing.T) {
			pressed(t, func(t *testing.T, l *lan) {
				const n, size, window = 20_000, 1024, 64 << 10
				slow, err := l.hosts[1].Listen("g")
				if err != nil {
					t.Fatal(err)
				}
				defer slow.Close()
				posted := make(chan int, 1)
				go func() {
					defer close(posted)
					for i := range n {
						if err := l.hosts[0].Post(t.Context(), "g", order, numbered(i, size)); err != nil {
							t.Errorf("post %d: %v", i, err)
							return
						}
					}
				}()
				time.Sleep(5 * time.Second) // virtual
				synctest.Wait()
				select {
				case <-posted:
					t.Fatal("the sender was not held up")
				default:
				}
				if got := l.hosts[1].Stats().Backlog; got < 4*window || got > 8*window {
					t.Errorf("a backlog of %d windows, want 4 and what was under way", got/window)
				}
				if l.hosts[0].Stats().FlowBlocked < 4*time.Second {
					t.Errorf("blocked for %s of 5 s", l.hosts[0].Stats().FlowBlocked)
				}
				number(t, slow, n)
				<-posted
				if err := slow.Err(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestAHungReaderDoesNotHoldUpTheGroupForEver: it is cut, and the others go on.
func TestAHungReaderDoesNotHoldUpTheGroupForEver(t *testing.T) {
	pressed(t, func(t *testing.T, l *lan) {
		const n, size = 10_000, 1024
		hung, err := l.hosts[1].Listen("g")
		if err != nil {
			t.Fatal(err)
		}
		other, err := l.hosts[0].Listen("g")
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		go func() {
			for i := range n {
				if err := l.hosts[0].Post(t.Context(), "g", views.Agreed, numbered(i, size)); err != nil {
					t.Errorf("post %d: %v", i, err)
					return
				}
			}
		}()
		begin := time.Now()
		number(t, other, n)
		if took := time.Since(begin); took < 9*time.Second || took > 20*time.Second {
			t.Errorf("the group went on after %s, want about 10 s", took)
		}
		if !errors.Is(hung.Err(), gms.ErrSlow) {
			t.Errorf("the hung reader: %v, want ErrSlow", hung.Err())
		}
	})
}

// TestLongAndShortMessagesAllArrive in their order: a long one may pass what there
// is room for, and must not be refused behind short ones.
func TestLongAndShortMessagesAllArrive(t *testing.T) {
	pressed(t, func(t *testing.T, l *lan) {
		reader, err := l.hosts[1].Listen("g")
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		const n = 40
		go func() {
			for i := range n {
				size := 1000
				if i%20 == 10 {
					size = views.PayloadMax - 7
				}
				if err := l.hosts[0].Post(t.Context(), "g", views.FIFO, numbered(i, size)); err != nil {
					t.Error(err)
					return
				}
			}
		}()
		number(t, reader, n)
	})
}

// TestTinyMessagesAllArrive though the coordinator, who must give them their
// places, is silent while more of them are posted than the engine queues.
func TestTinyMessagesAllArrive(t *testing.T) {
	onLANWith(t, 2, func(c *gms.Config) { c.Window, c.EventLog = 2<<20, "" }, func(t *testing.T, l *lan) {
		view := l.hosts[0].View().View
		from, to := l.hosts[0], addrOf(2)
		if view.Rank(from.Self().Host) == 0 {
			from, to = l.hosts[1], addrOf(1)
		}
		reader, err := from.Listen("g")
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		if err := from.LabCut([]netip.AddrPort{to}, "both"); err != nil {
			t.Fatal(err)
		}
		const n = 150_000
		go func() {
			for i := range n {
				if err := from.Post(t.Context(), "g", views.Agreed, numbered(i, 4)); err != nil {
					t.Error(err)
					return
				}
			}
		}()
		number(t, reader, n)
	})
}

// TestASampleIsMeasured end to end, by order.
func TestASampleIsMeasured(t *testing.T) {
	pressed(t, func(t *testing.T, l *lan) {
		for _, order := range []views.Order{views.FIFO, views.Agreed, views.Safe} {
			if _, err := l.hosts[1].Send(t.Context(), "g", order, bytes.Repeat([]byte("x"), 100)); err != nil {
				t.Fatal(err)
			}
			if got := l.hosts[1].Stats().Deliveries[order]; got.Count != 1 {
				t.Errorf("%s: %d measured, want 1", order, got.Count)
			}
		}
	})
}
