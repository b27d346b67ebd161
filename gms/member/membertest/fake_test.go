package membertest

import (
	"errors"
	"testing"
	"time"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

func newFakeCluster(o FakeOptions) (*Fake, Cluster) {
	f := NewFake(Hosts, o)
	return f, Cluster{
		Open: func(tb testing.TB, host int, name string) member.Port {
			p, err := f.Open(host, name)
			must(tb, "open", err)
			return p
		},
		Kill: func(p member.Port) { _ = p.(*FakePort).Abort() },
	}
}

func TestFake(t *testing.T) {
	Run(t, func(testing.TB) Cluster {
		_, c := newFakeCluster(FakeOptions{})
		return c
	})
}

// One that does not read while others wait is cut, and they go on.
func TestFakeCutsTheSlow(t *testing.T) {
	_, c := newFakeCluster(FakeOptions{SlowAfter: 20 * time.Millisecond})
	lazy := c.Open(t, 0, "lazy")
	a := c.enter(t, 1, "a", "g")
	ctx, cancel := within()
	defer cancel()
	must(t, "join", lazy.Join(ctx, "g", member.Options{}))
	a.view("g", "of both", size(2))
	for range fakeBytesMax/4096 + 1 {
		must(t, "post", a.port.Post(ctx, "g", views.FIFO, make([]byte, 4096)))
	}
	a.view("g", "without the slow one", size(1))
	if _, err := lazy.Next(ctx); !errors.Is(err, member.ErrSlow) {
		t.Errorf("the slow one got %v", err)
	}
}

func TestFakeStopHost(t *testing.T) {
	f, c := newFakeCluster(FakeOptions{})
	a, b := c.enter(t, 0, "a", "g"), c.enter(t, 1, "b", "g")
	a.view("g", "of both", size(2))
	f.StopHost(1)
	f.StopHost(1)
	v := a.view("g", "after the stop", func(v *groups.GroupView) bool { return len(v.Left) == 1 })
	if v.Left[0].Why != groups.HostCrashed || len(v.Members) != 1 {
		t.Errorf("left %v, members %v", v.Left, v.Members)
	}
	if err := b.ended("stop"); !errors.Is(err, member.ErrClosed) {
		t.Errorf("ended with %v", err)
	}
	if _, err := f.Open(1, "c"); !errors.Is(err, member.ErrClosed) {
		t.Errorf("open: %v", err)
	}
}

// A check that has never failed is not believed: one port gets two messages in
// another order, one gets a message twice.
func TestSequenceFindsFaults(t *testing.T) {
	_, c := newFakeCluster(FakeOptions{})
	a := c.enter(t, 0, "a", "g")
	for range 3 {
		a.post("g", views.Agreed, "")
	}
	events := a.messages(3)
	if _, err := sequence(events); err != nil {
		t.Errorf("as they came: %v", err)
	}
	if _, err := sequence([]member.Event{events[1], events[0], events[2]}); err == nil {
		t.Error("a swap was not found")
	}
	twice := events[1]
	twice.Msg.K = events[2].Msg.K + 1
	if _, err := sequence(append(events, twice)); err == nil {
		t.Error("a double was not found")
	}
}

// Two members whose messages between two views differ are found.
func TestCompareStepsFindsFaults(t *testing.T) {
	_, c := newFakeCluster(FakeOptions{})
	a := c.enter(t, 0, "a", "g")
	a.post("g", views.Agreed, "in between")
	c.enter(t, 1, "b", "g")
	a.view("g", "of both", size(2))
	steps := make(map[string]string)
	compareSteps(t, "a", a, steps)
	if len(steps) != 1 {
		t.Fatalf("steps %v", steps)
	}
	for key := range steps {
		steps[key] += " another"
	}
	fault := &testing.T{}
	compareSteps(fault, "a", a, steps)
	if !fault.Failed() {
		t.Error("a difference was not found")
	}
}
