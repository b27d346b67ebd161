package membertest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// What cannot be done is said, and nothing else is lost by it.
func testFaults(t *testing.T, c Cluster) {
	a := c.enter(t, 0, "a", "g")
	ctx, cancel := within()
	defer cancel()
	long := strings.Repeat("x", views.GroupNameMax+1)
	tooLong := make([]byte, views.PayloadMax+1)
	_, sendErr := a.port.Send(ctx, long, views.Agreed, nil)
	_, longErr := a.port.Send(ctx, "g", views.Agreed, tooLong)
	_, requestErr := a.port.Request(ctx, "elsewhere", nil, member.All)
	for _, f := range []struct {
		what      string
		err, want error
	}{
		{"join again", a.port.Join(ctx, "g", member.Options{}), groups.ErrMember},
		{"join no name", a.port.Join(ctx, "", member.Options{}), views.ErrGroupName},
		{"join a long name", a.port.Join(ctx, long, member.Options{}), views.ErrGroupName},
		{"join a name that is no text", a.port.Join(ctx, "\xff", member.Options{}), views.ErrGroupName},
		{"post to a name with a line end", a.port.Post(ctx, "a\nb", views.FIFO, nil), views.ErrGroupName},
		{"leave another group", a.port.Leave(ctx, "elsewhere"), groups.ErrNotMember},
		{"send to a long name", sendErr, views.ErrGroupName},
		{"send too much", longErr, views.ErrTooLong},
		{"post too much", a.port.Post(ctx, "g", views.FIFO, tooLong), views.ErrTooLong},
		{"try to post to no name", a.port.TryPost("", views.FIFO, nil), views.ErrGroupName},
		{"request elsewhere", requestErr, groups.ErrNotMember},
	} {
		if !errors.Is(f.err, f.want) {
			t.Errorf("%s: %v, want %v", f.what, f.err, f.want)
		}
	}
	a.port.Ready("g")
	a.port.Ready("elsewhere")
	a.send("g", views.Agreed, "still here")
	a.messages(1)
}

// A member that does not read stops the senders, and loses nothing when it reads.
func testBackPressure(t *testing.T, c Cluster) {
	const size, most = 4096, 1 << 16
	lazy := c.Open(t, 1, "lazy")
	ctx, cancel := within()
	defer cancel()
	must(t, "join", lazy.Join(ctx, "g", member.Options{}))
	a := c.enter(t, 0, "a")
	payload := make([]byte, size)
	sent := 0
	for ; sent < most; sent++ {
		binary.BigEndian.PutUint64(payload, uint64(sent)) //nolint:gosec // small
		if err := a.port.TryPost("g", views.Agreed, payload); errors.Is(err, views.ErrFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if sent == most {
		t.Fatalf("%d MiB were taken for one that does not read", most*size>>20)
	}
	reader := record(t, lazy, nil)
	binary.BigEndian.PutUint64(payload, uint64(sent)) //nolint:gosec // small
	must(t, "post", a.port.Post(ctx, "g", views.Agreed, payload))
	for i, e := range reader.messages(sent + 1) {
		if got := binary.BigEndian.Uint64(e.Msg.Payload); got != uint64(i) || len(e.Msg.Payload) != size { //nolint:gosec // small
			t.Fatalf("message %d is number %d", i, got)
		}
	}
}

// A wait that is taken back ends at once, and loses no event.
func testCanceled(t *testing.T, c Cluster) {
	p := c.Open(t, 0, "a")
	t.Cleanup(func() { _ = p.Close() })
	ctx, cancel := within()
	defer cancel()
	must(t, "join", p.Join(ctx, "g", member.Options{}))
	if events, err := p.Next(ctx); err != nil || events[0].Kind != member.KindView {
		t.Fatal(events, err)
	}
	gone, stop := context.WithCancel(ctx)
	stop()
	if _, err := p.Next(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("Next: %v", err)
	}
	if _, err := p.Request(gone, "g", nil, member.All); !errors.Is(err, context.Canceled) {
		t.Errorf("Request that nobody answers: %v", err)
	}
	must(t, "post", p.Post(ctx, "g", views.Agreed, []byte("still here")))
	for {
		events, err := p.Next(ctx)
		must(t, "next", err)
		for i := range events {
			if bytes.Equal(events[i].Msg.Payload, []byte("still here")) {
				return
			}
		}
	}
}

// Close leaves all groups; a second one and calls after it do no harm.
func testClose(t *testing.T, c Cluster) {
	a := c.enter(t, 0, "a", "g")
	b := c.enter(t, 1, "b", "g", "h")
	a.view("g", "of both", size(2))
	must(t, "close", b.port.Close())
	must(t, "close again", b.port.Close())
	if err := b.ended("close"); !errors.Is(err, member.ErrClosed) {
		t.Errorf("Next ended with %v", err)
	}
	v := a.view("g", "after the close", func(v *groups.GroupView) bool { return len(v.Left) == 1 })
	if v.Left[0].Why != groups.Left {
		t.Errorf("left as %v", v.Left[0].Why)
	}
	ctx, cancel := within()
	defer cancel()
	_, sendErr := b.port.Send(ctx, "g", views.Agreed, nil)
	_, requestErr := b.port.Request(ctx, "g", nil, member.All)
	_, nextErr := b.port.Next(ctx)
	for what, err := range map[string]error{
		"join": b.port.Join(ctx, "x", member.Options{}), "leave": b.port.Leave(ctx, "h"), "send": sendErr, "request": requestErr,
		"post": b.port.Post(ctx, "g", views.FIFO, nil), "trypost": b.port.TryPost("g", views.FIFO, nil), "next": nextErr,
	} {
		if !errors.Is(err, member.ErrClosed) {
			t.Errorf("%s after the close: %v", what, err)
		}
	}
	b.port.Ready("g")
}

// Who waits in a call when the port is closed is woken.
func testCloseEndsWaits(t *testing.T, c Cluster) {
	a := c.enter(t, 0, "a", "g")
	asked := make(chan struct{}, 1)
	c.enterWith(t, 1, "silent", member.Options{}, func(e *member.Event) {
		if e.Kind == member.KindMessage {
			asked <- struct{}{}
		}
	}, "g")
	ended := make(chan error, 1)
	go func() {
		ctx, cancel := within()
		defer cancel()
		_, err := a.port.Request(ctx, "g", nil, member.All)
		ended <- err
	}()
	await(t, "the request", asked)
	must(t, "close", a.port.Close())
	if err := await(t, "the end of the request", ended); !errors.Is(err, member.ErrClosed) && !errors.Is(err, member.ErrLost) {
		t.Errorf("the request ended with %v", err)
	}
}
