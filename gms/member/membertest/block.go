package membertest

import (
	"errors"
	"testing"
	"time"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// A port that wants it is asked before a view; what it sends before it answers
// is delivered in the old view.
func testBlockAnswered(t *testing.T, c Cluster) {
	asked := make(chan struct{}, 8)
	a := c.enterWith(t, 0, "a", member.Options{Block: true, BlockFor: Patience}, func(e *member.Event) {
		if e.Kind == member.KindBlock {
			asked <- struct{}{}
		}
	}, "g")
	joined := make(chan error, 1)
	b := c.enter(t, 1, "b")
	go func() {
		ctx, cancel := within()
		defer cancel()
		joined <- b.port.Join(ctx, "g", member.Options{})
	}()
	await(t, "the block", asked)
	if got := b.await("nothing yet", func([]member.Event) bool { return true }); len(got) > 0 {
		t.Errorf("before the answer the joiner got %s", describe(got))
	}
	a.post("g", views.Agreed, "before")
	a.port.Ready("g")
	must(t, "join", await(t, "the join", joined))
	a.send("g", views.Agreed, "after")
	kinds := func(events []member.Event) string {
		s := ""
		for _, e := range events {
			s += e.Kind.String() + ":" + string(e.Msg.Payload) + " "
		}
		return s
	}
	got := a.await("both messages", func(e []member.Event) bool { return countMessages(e) == 2 })
	if s := kinds(got); s != "view: block: message:before view: message:after " {
		t.Errorf("who was asked got %s", s)
	}
	got = b.await("the second message", func(e []member.Event) bool { return countMessages(e) > 0 })
	if s := kinds(got); s != "view: message:after " {
		t.Errorf("who joined got %s", s)
	}
}

// One that does not answer is cut, and the others go on.
func testBlockUnanswered(t *testing.T, c Cluster) {
	a := c.enterWith(t, 0, "a", member.Options{Block: true, BlockFor: 50 * time.Millisecond}, nil, "g")
	other := c.enter(t, 1, "other")
	other.join("g", member.Options{})
	parted := only(a.await("the cut", func(e []member.Event) bool {
		return len(only(e, "g", member.KindParted)) > 0
	}), "g", member.KindParted)[0]
	if parted.Why != groups.Cut || !errors.Is(parted.Err, member.ErrBlocked) {
		t.Errorf("parted as %v: %v", parted.Why, parted.Err)
	}
	other.view("g", "without the one", func(v *groups.GroupView) bool {
		return len(v.Members) == 1 && v.Members[0].Port == other.port.Self().Port
	})
	a.join("g", member.Options{})
	other.view("g", "with it again", size(2))
}

// await takes from c within [Patience].
func await[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	ctx, cancel := within()
	defer cancel()
	select {
	case v := <-c:
		return v
	case <-ctx.Done():
		t.Fatalf("%s: did not come", what)
		panic("not reached")
	}
}
