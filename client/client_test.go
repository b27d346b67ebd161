package client_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/client"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/gms/member/membertest"
	"github.com/gmsd/gmsd/internal/clients"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// daemon is a server that can stop and come back at the same path.
type daemon struct {
	tb     testing.TB
	path   string
	fake   *membertest.Fake
	server *clients.Server
	open   func(string) (member.Port, error)
}

func newDaemon(tb testing.TB) *daemon {
	d := &daemon{tb: tb, path: filepath.Join(tb.TempDir(), "s"), fake: membertest.NewFake(1, membertest.FakeOptions{})}
	d.open = func(name string) (member.Port, error) { return d.fake.Open(0, name) }
	d.start()
	tb.Cleanup(func() { d.stop() })
	return d
}

func (d *daemon) start() {
	d.tb.Helper()
	s, err := clients.Listen(clients.Config{Listen: []string{d.path}, Open: d.open})
	if err != nil {
		d.tb.Fatal(err)
	}
	d.server = s
	go s.Serve()
}

func (d *daemon) stop() { _ = d.server.Close() }

func (d *daemon) dial(o client.Options) *client.Client {
	d.tb.Helper()
	o.BackoffMin, o.BackoffMax = time.Millisecond, 10*time.Millisecond
	c, err := client.Dial(patience(d.tb), d.path, o)
	if err != nil {
		d.tb.Fatal(err)
	}
	d.tb.Cleanup(func() { _ = c.Close() })
	return c
}

func patience(tb testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), membertest.Patience)
	tb.Cleanup(cancel)
	return ctx
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// until reads events until one for which ok holds, and gives it.
func until(tb testing.TB, p member.Port, what string, ok func(*member.Event) bool) member.Event {
	tb.Helper()
	for {
		events, err := p.Next(patience(tb))
		if err != nil {
			tb.Fatalf("%s: %v", what, err)
		}
		for i := range events {
			if ok(&events[i]) {
				if i != len(events)-1 {
					tb.Fatalf("%s: behind it stands %v of %q", what, events[i+1].Kind, events[i+1].Group)
				}
				return events[i]
			}
		}
	}
}

func kind(k member.Kind) func(*member.Event) bool {
	return func(e *member.Event) bool { return e.Kind == k }
}

// After the daemon restarts, a client is there again: a gap, then a view in which
// it is new; what it sent meanwhile waited.
func TestReconnect(t *testing.T) {
	d := newDaemon(t)
	c := d.dial(client.Options{Name: "a"})
	ctx := patience(t)
	must(t, c.Join(ctx, "g", member.Options{}))
	must(t, c.Join(ctx, "left", member.Options{}))
	must(t, c.Leave(ctx, "left"))
	before := c.Self()
	d.stop()
	down := make(chan error, 1)
	go func() {
		for {
			// Until the loss is noticed, posts go into a socket that nobody reads.
			if err := c.TryPost("g", views.Agreed, []byte("early")); err != nil {
				down <- err
				break
			}
		}
		err := member.ErrLost
		for errors.Is(err, member.ErrLost) { // the loss may not have been noticed yet
			_, err = c.Send(ctx, "g", views.Agreed, []byte("waited"))
		}
		down <- err
	}()
	if err := <-down; !errors.Is(err, views.ErrFull) && !errors.Is(err, member.ErrLost) {
		t.Errorf("TryPost without a daemon: %v", err)
	}
	d.start()
	must(t, <-down)
	var kinds []member.Kind
	for len(kinds) < 3 || kinds[len(kinds)-1] != member.KindMessage {
		events, err := c.Next(ctx)
		must(t, err)
		for _, e := range events {
			if e.Kind != member.KindMessage || string(e.Msg.Payload) == "waited" {
				kinds = append(kinds, e.Kind)
			}
			if e.Group == "left" && len(kinds) > 4 {
				t.Errorf("%v of a group that was left", e.Kind)
			}
		}
	}
	want := []member.Kind{member.KindGap, member.KindView, member.KindMessage}
	if !slices.Equal(kinds[len(kinds)-3:], want) {
		t.Errorf("at the end came %v, want %v", kinds, want)
	}
	if c.Self().Port == before.Port {
		t.Errorf("the port is still %v", c.Self())
	}
}

// Calls that wait when the connection is lost get ErrLost; those that come later
// fail at once if they are told to.
func TestLoss(t *testing.T) {
	d := newDaemon(t)
	c := d.dial(client.Options{Name: "a", FailWhileDown: true})
	ctx := patience(t)
	must(t, c.Join(ctx, "g", member.Options{}))
	asked := make(chan error, 1)
	go func() {
		_, err := c.Request(ctx, "g", nil, member.All)
		asked <- err
	}()
	until(t, c, "the request", kind(member.KindMessage))
	d.stop()
	if err := <-asked; !errors.Is(err, member.ErrLost) && !errors.Is(err, member.ErrClosed) {
		t.Errorf("the request: %v", err)
	}
	for {
		if _, err := c.Send(ctx, "g", views.FIFO, nil); errors.Is(err, member.ErrLost) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	must(t, c.Close())
	if _, err := c.Next(ctx); !errors.Is(err, member.ErrClosed) {
		t.Errorf("Next after Close: %v", err)
	}
}

// A group that cannot be joined again is parted, with the reason.
func TestRejoinFails(t *testing.T) {
	d := newDaemon(t)
	c := d.dial(client.Options{Name: "a"})
	must(t, c.Join(patience(t), "g", member.Options{}))
	d.stop()
	d.open = func(name string) (member.Port, error) {
		p, err := d.fake.Open(0, name)
		return &full{p}, err
	}
	d.start()
	e := until(t, c, "the parting", func(e *member.Event) bool { return e.Kind == member.KindParted && e.Err != nil })
	if e.Group != "g" || !errors.Is(e.Err, groups.ErrFull) {
		t.Errorf("parted from %q: %v", e.Group, e.Err)
	}
}

// full is a port that joins nothing.
type full struct{ *membertest.FakePort }

func (f *full) Join(context.Context, string, member.Options) error { return groups.ErrFull }

// The daemon's word of a fault that does not pass is the end.
func TestFaultsThatStay(t *testing.T) {
	d := newDaemon(t)
	c := d.dial(client.Options{Name: "a"})
	d.stop()
	d.open = func(string) (member.Port, error) { return nil, groups.ErrName }
	d.start()
	var err error
	for err == nil {
		_, err = c.Next(patience(t))
	}
	if !errors.Is(err, groups.ErrName) {
		t.Errorf("ended with %v", err)
	}
	if _, err := c.Send(patience(t), "g", views.FIFO, nil); !errors.Is(err, groups.ErrName) {
		t.Errorf("Send: %v", err)
	}
}

func TestDialFaults(t *testing.T) {
	ctx := patience(t)
	if _, err := client.Dial(ctx, "nowhere", client.Options{}); !errors.Is(err, client.ErrAddress) {
		t.Errorf("bad address: %v", err)
	}
	if _, err := client.Dial(ctx, "unix:/no/such", client.Options{}); err == nil {
		t.Error("no socket: no error")
	}
	if _, err := client.Dial(ctx, "/s", client.Options{Name: "a name that is longer than thirty-two bytes"}); !errors.Is(err, groups.ErrName) {
		t.Errorf("long name: %v", err)
	}
}

// More groups than numbers: those not in use give theirs away.
func TestManyGroups(t *testing.T) {
	d := newDaemon(t)
	c := d.dial(client.Options{Name: "a"})
	ctx := patience(t)
	must(t, c.Join(ctx, "g", member.Options{}))
	for i := range 10_000 {
		must(t, c.Post(ctx, fmt.Sprint("group ", i), views.FIFO, nil))
	}
	must(t, c.Post(ctx, "g", views.FIFO, []byte("still here")))
	until(t, c, "the message", kind(member.KindMessage))
}

// A message longer than all credit comes, piece by piece, while Next waits.
func TestLongMessageLittleCredit(t *testing.T) {
	d := newDaemon(t)
	c := d.dial(client.Options{Name: "a", Credit: 1})
	ctx := patience(t)
	must(t, c.Join(ctx, "g", member.Options{}))
	must(t, c.Post(ctx, "g", views.FIFO, make([]byte, 5<<20)))
	if e := until(t, c, "the message", kind(member.KindMessage)); len(e.Msg.Payload) != 5<<20 {
		t.Errorf("%d bytes", len(e.Msg.Payload))
	}
}

// A long message that nobody waits for any more goes out whole, and does no harm
// to those behind it.
func TestLongMessageGivenUp(t *testing.T) {
	d := newDaemon(t)
	c := d.dial(client.Options{Name: "a"})
	gone, cancel := context.WithCancel(patience(t))
	cancel()
	for range 3 {
		_ = c.Post(gone, "g", views.FIFO, make([]byte, 1<<20))
	}
	_, err := c.Send(patience(t), "g", views.Agreed, []byte("behind"))
	must(t, err)
}

func TestPostAllocatesNothing(t *testing.T) {
	d := newDaemon(t)
	c := d.dial(client.Options{Name: "a"})
	ctx := patience(t)
	payload := make([]byte, 100)
	must(t, c.Post(ctx, "g", views.Agreed, payload))
	// Both ends and the fake count: it keeps payloads in pieces of 256 KiB.
	if n := testing.AllocsPerRun(2000, func() { must(t, c.Post(ctx, "g", views.Agreed, payload)) }); n > 0.5 {
		t.Errorf("%v allocations a post", n)
	}
}
