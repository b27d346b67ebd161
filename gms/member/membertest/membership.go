package membertest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// The first event of a group is a view with the port in it, new to it.
func testFirstEvent(t *testing.T, c Cluster) {
	c.enter(t, 0, "a", "g")
	b := c.enter(t, 1, "b", "g")
	events := b.await("an event", func(e []member.Event) bool { return len(e) > 0 })
	self := b.port.Self()
	v := events[0].View
	if events[0].Kind != member.KindView || events[0].Group != "g" || v == nil || v.Group != "g" {
		t.Fatalf("the first event was %s", describe(events[:1]))
	}
	i := slices.IndexFunc(v.Members, func(m groups.Member) bool { return m.Port == self.Port && m.Process == self.Process })
	switch {
	case len(v.Members) != 2 || i != 1:
		t.Errorf("members %v, self %v", v.Members, self)
	case self.Name != "b" || v.Members[0].Name != "a" || v.Members[1].Name != "b" || self.Join != 0:
		t.Errorf("self %+v, members %+v", self, v.Members)
	case !slices.Equal(v.Trans, v.Members[1:]) || !slices.Equal(v.Joined, v.Members) || len(v.Left) != 0:
		t.Errorf("of one that joins: trans %v joined %v left %v", v.Trans, v.Joined, v.Left)
	case v.ID.IsZero() || !v.Prev.IsZero():
		t.Errorf("view %v after %v", v.ID, v.Prev)
	}
}

// Views say who came, who went and who came along; ids rise, and the same id is
// the same view.
func testViews(t *testing.T, c Cluster) {
	a := c.enter(t, 0, "a", "g")
	b := c.enter(t, 1, "b", "g")
	both := a.view("g", "of both", size(2))
	bPort := b.port.Self().Port
	if len(both.Joined) != 1 || both.Joined[0].Port != bPort || len(both.Trans) != 1 || len(both.Left) != 0 {
		t.Errorf("at the join: joined %v trans %v left %v", both.Joined, both.Trans, both.Left)
	}
	if at := b.view("g", "of both", size(2)); at.ID != both.ID || !slices.Equal(at.Members, both.Members) {
		t.Errorf("one sees %v %v, the other %v %v", both.ID, both.Members, at.ID, at.Members)
	}
	b.post("g", views.Agreed, "last words")
	b.leave("g")
	alone := a.view("g", "after the leave", func(v *groups.GroupView) bool { return len(v.Members) == 1 && len(v.Left) == 1 })
	if alone.Left[0].Port != bPort || alone.Left[0].Why != groups.Left || len(alone.Joined) != 0 || !slices.Equal(alone.Trans, alone.Members) {
		t.Errorf("at the leave: left %v joined %v trans %v", alone.Left, alone.Joined, alone.Trans)
	}
	checkChain(t, a, "g")
	events := b.await("its parting", func(e []member.Event) bool { return len(only(e, "g", member.KindParted)) > 0 })
	if last := events[len(events)-1]; last.Kind != member.KindParted || last.Why != groups.Left || last.Err != nil {
		t.Errorf("who left got at last %s", describe(events[len(events)-1:]))
	}
	if len(a.messages(1)) != 1 || len(only(events, "g", member.KindMessage)) != 1 {
		t.Errorf("the last words were not delivered at both")
	}
	b.join("g", member.Options{})
	again := a.view("g", "of both again", func(v *groups.GroupView) bool { return len(v.Members) == 2 && v.ID != both.ID })
	if again.Members[1].Port != bPort || again.Members[1].Join == both.Members[1].Join {
		t.Errorf("who came again is %+v, was %+v", again.Members[1], both.Members[1])
	}
}

// checkChain holds the views of a group against each other.
func checkChain(t *testing.T, tp *tape, group string) {
	t.Helper()
	tp.mu.Lock()
	list := only(tp.events, group, member.KindView)
	tp.mu.Unlock()
	for i := 1; i < len(list); i++ {
		if was, now := list[i-1].View, list[i].View; now.Prev != was.ID || now.ID.Compare(was.ID) <= 0 {
			t.Errorf("view %v after %v, but the one before was %v", now.ID, now.Prev, was.ID)
		}
	}
}

// A program that goes without a word is out, as crashed.
func testCrash(t *testing.T, c Cluster) {
	a := c.enter(t, 0, "a", "g")
	b := c.enter(t, 1, "b", "g")
	a.view("g", "of both", size(2))
	c.Kill(b.port)
	v := a.view("g", "after the loss", func(v *groups.GroupView) bool { return len(v.Left) == 1 })
	if v.Left[0].Port != b.port.Self().Port || v.Left[0].Why != groups.Crashed || len(v.Members) != 1 {
		t.Errorf("left %v (%v), members %v", v.Left, v.Left[0].Why, v.Members)
	}
}

// Those who go together from one view to the next have got the same in between,
// whoever comes and goes.
func testVirtualSynchrony(t *testing.T, c Cluster) {
	const each, changes = 120, 6
	a, b := c.enter(t, 0, "a", "g"), c.enter(t, 1, "b", "g")
	a.view("g", "of both", size(2))
	sent := make(chan struct{}, 2)
	for at, tp := range []*tape{a, b} {
		go func() {
			ctx, cancel := within()
			defer cancel()
			for i := range each {
				if err := tp.port.Post(ctx, "g", orders[i%3], fmt.Appendf(nil, "%d/%d", at, i)); err != nil {
					t.Error(err)
				}
			}
			sent <- struct{}{}
		}()
	}
	guest := c.enter(t, 2, "guest")
	for range changes {
		guest.join("g", member.Options{})
		guest.leave("g")
	}
	<-sent
	<-sent
	guest.join("g", member.Options{})
	a.send("g", views.Safe, "end")
	for _, tp := range []*tape{a, b} {
		tp.messages(2*each + 1)
		checkChain(t, tp, "g")
	}
	steps := make(map[string]string)
	for name, tp := range map[string]*tape{"a": a, "b": b, "guest": guest} {
		tp.await("the end", func(e []member.Event) bool {
			return slices.ContainsFunc(only(e, "g", member.KindMessage), func(m member.Event) bool {
				return string(m.Msg.Payload) == "end" // what the other one has posted may come after it
			})
		})
		compareSteps(t, name, tp, steps)
	}
}

// compareSteps checks what came between two views against what others, who went
// the same step, got there.
func compareSteps(t *testing.T, name string, tp *tape, steps map[string]string) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	var from groups.GroupViewID
	var got []string
	for i := range tp.events {
		switch e := &tp.events[i]; e.Kind {
		case member.KindMessage:
			got = append(got, fmt.Sprintf("%d %v", e.Msg.K, e.Msg.ID))
		case member.KindView:
			if !e.View.Prev.IsZero() {
				slices.Sort(got)
				key, set := fmt.Sprint(from, " to ", e.View.ID), fmt.Sprint(got)
				if other, ok := steps[key]; ok && other != set {
					t.Errorf("%s: from %s: got %s, another %s", name, key, set, other)
				}
				steps[key] = set
			}
			from, got = e.View.ID, nil
		default:
		}
	}
}
