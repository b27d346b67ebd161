package admin

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/views"
)

func batchOf(bytes int) []gms.GroupEvent {
	e := gms.GroupEvent{Kind: gms.KindMessage, View: newFake().View()}
	e.Msg.Payload = make([]byte, bytes-unreadCost)
	return []gms.GroupEvent{e}
}

func sourceOf(l *fakeListener) source[gms.GroupEvent] {
	src := source[gms.GroupEvent]{cost: costOfListened, line: listenedLine}
	if l != nil {
		src.next, src.close = l.Next, l.Close
	}
	return src
}

// TestASlowClientIsCut: it gets what was on its way and a last line that says why,
// and the listener is read no further.
func TestASlowClientIsCut(t *testing.T) {
	l := &fakeListener{c: make(chan []gms.GroupEvent, 8), closed: make(chan struct{})}
	for range cap(l.c) {
		l.c <- batchOf(unreadMax / 4)
	}
	u := newUnread(&allowance{}, sourceOf(l))
	u.fill(t.Context()) // nobody writes
	if left := len(l.c); left != 3 {
		t.Errorf("%d batches are left with the listener, want 3 of 8: four fit, the fifth is too much", left)
	}
	<-l.closed // before anything was written: the group must not wait for it
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
	u := newUnread(&allowance{}, sourceOf(nil))
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

// TestFourLongMessagesMayWait for a client, as far as what all have together goes;
// what was drawn is given back.
func TestFourLongMessagesMayWait(t *testing.T) {
	pool := &allowance{}
	a, b := newUnread(pool, sourceOf(nil)), newUnread(pool, sourceOf(nil))
	for i := range 4 {
		if !a.add(batchOf(views.PayloadMax), nil) {
			t.Fatalf("long message %d was too much", i+1)
		}
	}
	b.add(batchOf(views.PayloadMax), nil)
	if b.add(batchOf(views.PayloadMax), nil) {
		t.Errorf("another client draws beyond %d bytes, %d are drawn", unreadTotal, pool.bytes.Load())
	}
	if a.add(batchOf(views.PayloadMax), nil) {
		t.Error("a fifth long message waits")
	}
	a.drop()
	b.drop()
	if n := pool.bytes.Load(); n != 0 {
		t.Errorf("%d bytes stay drawn", n)
	}
	if a.add(batchOf(10*unreadMax), nil) {
		t.Error("a client that is gone takes more")
	}
}

// TestAClientThatGoesEndsItsGoroutine: fill returns with its context.
func TestAClientThatGoesEndsItsGoroutine(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	u := newUnread(&allowance{}, sourceOf(&fakeListener{c: make(chan []gms.GroupEvent), closed: make(chan struct{})}))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		u.fill(ctx)
	}()
	cancel()
	<-ended
}
