package membertest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// tape reads a port in a goroutine of its own, and keeps all that came.
type tape struct {
	tb   testing.TB
	port member.Port
	// on, if not nil, sees each event before it is kept.
	on func(*member.Event)

	mu     sync.Mutex
	events []member.Event
	err    error
	more   chan struct{}
}

// record begins to read a port, until the port or the test ends.
func record(tb testing.TB, p member.Port, on func(*member.Event)) *tape {
	tp := &tape{tb: tb, port: p, on: on, more: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tp.read(ctx)
	}()
	tb.Cleanup(func() {
		cancel()
		<-done
		_ = p.Close()
	})
	return tp
}

func (tp *tape) read(ctx context.Context) {
	for {
		events, err := tp.port.Next(ctx)
		for i := range events {
			events[i].Msg.Payload = bytes.Clone(events[i].Msg.Payload)
			if tp.on != nil {
				tp.on(&events[i])
			}
		}
		tp.mu.Lock()
		tp.events = append(tp.events, events...)
		tp.err = err
		close(tp.more)
		tp.more = make(chan struct{})
		tp.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// await waits until ok says so of all that came. It gives a copy of that.
func (tp *tape) await(what string, ok func([]member.Event) bool) []member.Event {
	tp.tb.Helper()
	ctx, cancel := within()
	defer cancel()
	for {
		tp.mu.Lock()
		events, err, more := tp.events[:len(tp.events):len(tp.events)], tp.err, tp.more
		tp.mu.Unlock()
		if ok(events) {
			return events
		}
		if err != nil {
			tp.tb.Fatalf("%s: the port ended with %v; it got\n%s", what, err, describe(events))
		}
		select {
		case <-more:
		case <-ctx.Done():
			tp.tb.Fatalf("%s: did not come; the port got\n%s", what, describe(events))
		}
	}
}

// ended waits for the end of the port and gives its error.
func (tp *tape) ended(what string) error {
	tp.tb.Helper()
	ctx, cancel := within()
	defer cancel()
	for {
		tp.mu.Lock()
		err, more := tp.err, tp.more
		tp.mu.Unlock()
		if err != nil {
			return err
		}
		select {
		case <-more:
		case <-ctx.Done():
			tp.tb.Fatalf("%s: the port did not end", what)
		}
	}
}

// messages waits for n messages of the group "g" and gives all that came by then.
func (tp *tape) messages(n int) []member.Event {
	tp.tb.Helper()
	var got []member.Event
	tp.await(fmt.Sprintf("%d messages", n), func(events []member.Event) bool {
		got = only(events, "g", member.KindMessage)
		return len(got) >= n
	})
	return got
}

// view waits for the view of a group in which ok holds, the first such.
func (tp *tape) view(group, what string, ok func(*groups.GroupView) bool) *groups.GroupView {
	tp.tb.Helper()
	var found *groups.GroupView
	tp.await("a view of "+group+" "+what, func(events []member.Event) bool {
		for _, e := range only(events, group, member.KindView) {
			if ok(e.View) {
				found = e.View
				return true
			}
		}
		return false
	})
	return found
}

// size gives a test for views of n members.
func size(n int) func(*groups.GroupView) bool {
	return func(v *groups.GroupView) bool { return len(v.Members) == n }
}

// only gives the events of a group and a kind.
func only(events []member.Event, group string, k member.Kind) []member.Event {
	var out []member.Event
	for i := range events {
		if events[i].Group == group && events[i].Kind == k {
			out = append(out, events[i])
		}
	}
	return out
}

func describe(events []member.Event) string {
	const most = 40
	var b strings.Builder
	if len(events) > most {
		fmt.Fprintf(&b, "(%d before)\n", len(events)-most)
		events = events[len(events)-most:]
	}
	for i := range events {
		e := &events[i]
		fmt.Fprintf(&b, "  %v %q", e.Kind, e.Group)
		switch e.Kind { //nolint:exhaustive // the others have no more
		case member.KindView:
			fmt.Fprintf(&b, " %v after %v: %v", e.View.ID, e.View.Prev, e.View.Members)
		case member.KindMessage:
			fmt.Fprintf(&b, " %v from %v/%d port %d k %d: %.40q", e.Msg.Order, e.Msg.ID.From, e.Msg.ID.N, e.Msg.Port, e.Msg.K, e.Msg.Payload)
		case member.KindParted:
			fmt.Fprintf(&b, " %v: %v", e.Why, e.Err)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// within gives a context of [Patience].
func within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), Patience)
}

// enter opens a port, records it and joins groups.
func (c Cluster) enter(tb testing.TB, host int, name string, into ...string) *tape {
	tb.Helper()
	return c.enterWith(tb, host, name, member.Options{}, nil, into...)
}

func (c Cluster) enterWith(tb testing.TB, host int, name string, o member.Options, on func(*member.Event), into ...string) *tape {
	tb.Helper()
	tp := record(tb, c.Open(tb, host, name), on)
	for _, g := range into {
		tp.join(g, o)
	}
	return tp
}

func (tp *tape) join(group string, o member.Options) {
	tp.tb.Helper()
	ctx, cancel := within()
	defer cancel()
	must(tp.tb, "join", tp.port.Join(ctx, group, o))
}

func (tp *tape) leave(group string) {
	tp.tb.Helper()
	ctx, cancel := within()
	defer cancel()
	must(tp.tb, "leave", tp.port.Leave(ctx, group))
}

func (tp *tape) post(group string, order views.Order, payload string) {
	tp.tb.Helper()
	ctx, cancel := within()
	defer cancel()
	must(tp.tb, "post", tp.port.Post(ctx, group, order, []byte(payload)))
}

func (tp *tape) send(group string, order views.Order, payload string) member.Receipt {
	tp.tb.Helper()
	ctx, cancel := within()
	defer cancel()
	r, err := tp.port.Send(ctx, group, order, []byte(payload))
	must(tp.tb, "send", err)
	return r
}

func must(tb testing.TB, what string, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatalf("%s: %v", what, err)
	}
}
