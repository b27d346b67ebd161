package admin

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/gms"
)

func batchOf(bytes int) []gms.GroupEvent {
	e := gms.GroupEvent{Kind: gms.KindMessage, View: newFake().View()}
	e.Msg.Payload = make([]byte, bytes-unreadCost)
	return []gms.GroupEvent{e}
}

// TestASlowClientIsCut: it gets what was on its way and a last line that says why,
// and the listener is read no further.
func TestASlowClientIsCut(t *testing.T) {
	l := &fakeListener{c: make(chan []gms.GroupEvent, 8), closed: make(chan struct{})}
	for range cap(l.c) {
		l.c <- batchOf(unreadMax / 4)
	}
	u := &unread{ready: make(chan struct{}, 1)}
	u.fill(t.Context(), l) // nobody writes
	if left := len(l.c); left != 3 {
		t.Errorf("%d batches are left with the listener, want 3 of 8: four fit, the fifth is too much", left)
	}
	w := httptest.NewRecorder()
	out := newLineWriter(w)
	u.write(t.Context(), out)
	out.close()
	if got := w.Body.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"code":"slow"`) {
		t.Errorf("the last line is %.200q", got)
	}
}

// TestALargeBatchPasses where nothing else waits.
func TestALargeBatchPasses(t *testing.T) {
	u := &unread{ready: make(chan struct{}, 1)}
	for range 3 {
		if !u.add(batchOf(8*unreadMax), nil) {
			t.Fatal("it was cut")
		}
		if events, err := u.take(); len(events) != 1 || err != nil {
			t.Fatalf("%d events, %v", len(events), err)
		}
	}
	u.add(batchOf(unreadCost), nil)
	u.add(nil, gms.ErrClosed)
	if events, err := u.take(); len(events) != 1 || err != nil {
		t.Errorf("%d events, %v: what came before the end must be told", len(events), err)
	}
	if _, err := u.take(); !errors.Is(err, gms.ErrClosed) {
		t.Errorf("then %v, want ErrClosed", err)
	}
}

// TestAClientThatGoesEndsItsGoroutine: fill returns with its context.
func TestAClientThatGoesEndsItsGoroutine(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	u := &unread{ready: make(chan struct{}, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		u.fill(ctx, &fakeListener{c: make(chan []gms.GroupEvent)})
	}()
	cancel()
	<-ended
}
