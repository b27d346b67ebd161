package membertest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// replica is an application whose state is all that was said, one line each, and a
// long tail that never changes.
type replica struct {
	*tape
	// give, if not nil, answers a KindDonate instead of its state.
	give func(r *replica, e *member.Event)
	// keep: it reads the states it gets, and does not close them.
	keep bool

	mu    sync.Mutex
	lines []string
	tail  []byte
	// asked counts the KindDonate; got are the states that came.
	asked int
	got   []*member.State
}

var wantsState = member.Options{State: true}

// replica opens a port with an application behind it, and joins "g".
func (c Cluster) replica(t *testing.T, host int, name string, o member.Options, tail []byte, change func(*replica)) *replica {
	t.Helper()
	r := &replica{tail: tail}
	if change != nil {
		change(r)
	}
	ready := make(chan struct{})
	r.tape = record(t, c.Open(t, host, name), func(e *member.Event) { <-ready; r.handle(e) })
	close(ready)
	r.join("g", o)
	return r
}

func (r *replica) handle(e *member.Event) {
	if e.Group != "g" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e.Kind {
	case member.KindMessage:
		r.lines = append(r.lines, string(e.Msg.Payload))
	case member.KindDonate:
		r.asked++
		if r.give != nil {
			r.give(r, e)
			return
		}
		b := r.state()
		e.Donate(bytes.NewReader(b), int64(len(b)))
	case member.KindState:
		r.take(e.State)
	default:
	}
}

func (r *replica) state() []byte {
	return append([]byte(strings.Join(r.lines, "\n")+"\n\n"), r.tail...)
}

func (r *replica) take(s *member.State) {
	if len(r.lines) > 0 {
		r.tb.Errorf("messages before the state: %q", r.lines)
	}
	if s == nil {
		return
	}
	r.got = append(r.got, s)
	b, err := io.ReadAll(s)
	lines, tail, ok := strings.Cut(string(b), "\n\n")
	if err != nil || !ok || int64(len(b)) != s.Size {
		r.tb.Errorf("a state of %d bytes: read %d, %v", s.Size, len(b), err)
		return
	}
	if lines != "" {
		r.lines = strings.Split(lines, "\n")
	}
	r.tail = []byte(tail)
	if !r.keep {
		must(r.tb, "close the state", s.Close())
	}
}

// has waits for the state.
func (r *replica) has() {
	r.tb.Helper()
	r.await("the state", func(e []member.Event) bool { return len(only(e, "g", member.KindState)) > 0 })
}

// at gives what it has once it has n lines.
func (r *replica) at(n int) string {
	r.tb.Helper()
	r.await(fmt.Sprint(n, " lines"), func([]member.Event) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.lines) >= n
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.state())
}

func (r *replica) wasAsked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// kinds gives what happened in "g" but for messages and progress.
func (r *replica) kinds() string {
	r.tape.mu.Lock()
	defer r.tape.mu.Unlock()
	var s []string
	for i := range r.events {
		if e := &r.events[i]; e.Group == "g" && e.Kind != member.KindMessage && e.Kind != member.KindProgress {
			s = append(s, e.Kind.String())
		}
	}
	return strings.Join(s, " ")
}

// say posts n lines in a goroutine, and tells when all are posted.
func (r *replica) say(n int) <-chan error {
	done := make(chan error, 1)
	go func() {
		ctx, cancel := within()
		defer cancel()
		var err error
		for i := 0; i < n && err == nil; i++ {
			err = r.port.Post(ctx, "g", views.Agreed, fmt.Appendf(nil, "%s %d", r.port.Self().Name, i))
		}
		done <- err
	}()
	return done
}

// The first member has the state by itself; one that comes gets it as of its first
// view, and after it what comes behind, while everybody goes on.
func testStateAtItsCut(t *testing.T, c Cluster) {
	const each = 200
	a := c.replica(t, 0, "a", wantsState, pattern(1, 1<<20), nil)
	a.has()
	if kinds := a.kinds(); kinds != "view state" || len(a.got) > 0 {
		t.Errorf("the first got %s, %d states", kinds, len(a.got))
	}
	saidA := a.say(each)
	b := c.replica(t, 1, "b", wantsState, nil, nil)
	saidB := b.say(each)
	b.has()
	d := c.replica(t, 2, "d", wantsState, nil, nil)
	d.has()
	must(t, "post", await(t, "the posts of a", saidA))
	must(t, "post", await(t, "the posts of b", saidB))
	want := a.at(2 * each)
	for _, r := range []*replica{b, d} {
		if r.at(2*each) != want {
			t.Errorf("%s has another state than a", r.port.Self().Name)
		}
		checkProgress(t, r)
	}
	if a.wasAsked() == 0 || d.wasAsked() != 0 {
		t.Errorf("asked %d, %d and %d times", a.wasAsked(), b.wasAsked(), d.wasAsked())
	}
}

// checkProgress looks at what was told of a state that came.
func checkProgress(t *testing.T, r *replica) {
	t.Helper()
	r.tape.mu.Lock()
	defer r.tape.mu.Unlock()
	told := only(r.events, "g", member.KindProgress)
	for i := range told {
		p := told[i].Progress
		if p.Bytes < 0 || p.Total != 0 && p.Bytes > p.Total || i > 0 && p.Bytes < told[i-1].Progress.Bytes {
			t.Errorf("progress %+v", p)
		}
	}
	if len(told) == 0 {
		t.Errorf("nothing was told of the progress at %s", r.port.Self().Name)
	}
}

// Who does not want the state has it by definition. One who gives nothing, and one
// whose reader fails, are passed over.
func testStateOfTheThird(t *testing.T, c Cluster) {
	tail := pattern(2, 500_000)
	a := c.replica(t, 0, "a", member.Options{}, nil, func(r *replica) { r.give = func(*replica, *member.Event) {} })
	b := c.replica(t, 1, "b", member.Options{}, nil, func(r *replica) {
		r.give = func(_ *replica, e *member.Event) {
			e.Donate(io.MultiReader(bytes.NewReader(tail[:300_000]), failing{}), int64(len(tail)))
		}
	})
	d := c.replica(t, 2, "d", member.Options{}, tail, nil)
	a.send("g", views.Agreed, "before")
	x := c.replica(t, 2, "x", wantsState, nil, nil)
	a.send("g", views.Agreed, "after")
	if x.at(2) != d.at(2) {
		t.Error("the state is another")
	}
	if a.wasAsked() != 1 || b.wasAsked() != 1 || d.wasAsked() != 1 {
		t.Errorf("asked %d, %d and %d times", a.wasAsked(), b.wasAsked(), d.wasAsked())
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the application broke") }

// Where nobody gives it, the joiner is out, and knows why.
func testStateOfNobody(t *testing.T, c Cluster) {
	c.replica(t, 0, "a", member.Options{}, nil, func(r *replica) { r.give = func(*replica, *member.Event) {} })
	x := c.replica(t, 1, "x", wantsState, nil, nil)
	parted := only(x.await("the parting", func(e []member.Event) bool {
		return len(only(e, "g", member.KindParted)) > 0
	}), "g", member.KindParted)[0]
	if parted.Why != groups.Cut || !errors.Is(parted.Err, member.ErrNoDonor) {
		t.Errorf("parted as %v: %v", parted.Why, parted.Err)
	}
}

// gated is a state that comes to a halt half way, and tells when it is closed.
type gated struct {
	io.Reader
	// reached is closed at the halt; open lets it go on.
	reached, open, closed chan struct{}
	// dies: it fails there.
	dies atomic.Bool
}

func newGated(b []byte) *gated {
	g := &gated{reached: make(chan struct{}), open: make(chan struct{}), closed: make(chan struct{})}
	g.Reader = io.MultiReader(bytes.NewReader(b[:len(b)/2]), halt{g}, bytes.NewReader(b[len(b)/2:]))
	return g
}

type halt struct{ *gated }

func (h halt) Read([]byte) (int, error) {
	close(h.reached)
	<-h.open
	if h.dies.Load() {
		return 0, errors.New("the application died")
	}
	return 0, io.EOF
}

func (g *gated) Close() error { close(g.closed); return nil }

// gating gives an application whose state halts, and the state once it is asked.
func gating(asked chan<- *gated) func(*replica) {
	return func(r *replica) {
		r.give = func(r *replica, e *member.Event) {
			g := newGated(r.state())
			e.Donate(g, 0)
			asked <- g
		}
	}
}

// A donor that dies half way is replaced.
func testDonorDies(t *testing.T, c Cluster) {
	tail := pattern(3, 2<<20)
	asked := make(chan *gated, 1)
	a := c.replica(t, 0, "a", member.Options{}, tail, gating(asked))
	b := c.replica(t, 1, "b", member.Options{}, tail, nil)
	x := c.replica(t, 2, "x", wantsState, nil, nil)
	g := await(t, "the question", asked)
	await(t, "half of the state", g.reached)
	b.send("g", views.Agreed, "meanwhile")
	g.dies.Store(true)
	c.Kill(a.port)
	close(g.open)
	b.send("g", views.Agreed, "after")
	if x.at(2) != b.at(2) || b.wasAsked() != 1 {
		t.Errorf("another state, or the second was asked %d times", b.wasAsked())
	}
	await(t, "the end of the reader", g.closed)
}

// While a state is under way, and while one waits to be read, the same ports send
// and receive, in that group and in others. A joiner that dies takes nothing with it.
func testStateHoldsUpNobody(t *testing.T, c Cluster) {
	asked := make(chan *gated, 2)
	a := c.replica(t, 0, "a", member.Options{}, pattern(4, 3<<20), gating(asked))
	a.join("h", member.Options{})
	x := c.replica(t, 1, "x", wantsState, nil, nil)
	x.join("h", member.Options{})
	g := await(t, "the question", asked)
	await(t, "half of the state", g.reached)
	for i := range 50 {
		a.send("h", views.Agreed, fmt.Sprint("from a ", i))
		x.send("h", views.Agreed, fmt.Sprint("from x ", i))
		a.post("g", views.Agreed, fmt.Sprint("waits ", i))
	}
	x.await("what others say", func(e []member.Event) bool { return len(only(e, "h", member.KindMessage)) == 100 })
	if got := only(x.await("nothing", func([]member.Event) bool { return true }), "g", member.KindMessage); len(got) > 0 {
		t.Errorf("before the state came %s", describe(got))
	}
	close(g.open)
	if x.at(50) != a.at(50) {
		t.Error("the state is another")
	}
	await(t, "the end of the reader", g.closed)
	y := c.replica(t, 2, "y", wantsState, nil, nil)
	g = await(t, "the question", asked)
	await(t, "half of the state", g.reached)
	c.Kill(y.port)
	a.view("g", "without the joiner", func(v *groups.GroupView) bool { return len(v.Left) == 1 })
	close(g.open)
	await(t, "the end of the reader", g.closed)
	a.send("g", views.Agreed, "still here")
}

// Closing a state says that its member has it: before, it is not asked.
func testCloseOfTheState(t *testing.T, c Cluster) {
	var refuses atomic.Bool
	a := c.replica(t, 0, "a", member.Options{}, pattern(5, 1000), func(r *replica) {
		r.give = func(r *replica, e *member.Event) {
			if !refuses.Load() {
				e.Donate(bytes.NewReader(r.state()), 0)
			}
		}
	})
	keeper := c.replica(t, 1, "keeper", wantsState, nil, func(r *replica) { r.keep = true })
	keeper.has()
	b := c.replica(t, 2, "b", wantsState, nil, nil)
	b.has()
	a.send("g", views.Agreed, "a line")
	want := b.at(1)
	refuses.Store(true)
	// Until all know that b has it, nobody can give it.
	x := c.replica(t, 1, "x", wantsState, nil, nil)
	for n := 1; ; n++ {
		events := x.await("the state, or the parting", func(e []member.Event) bool {
			return len(only(e, "g", member.KindState))+len(only(e, "g", member.KindParted)) == n
		})
		if len(only(events, "g", member.KindState)) > 0 {
			break
		}
		x.join("g", wantsState)
	}
	if x.at(1) != want {
		t.Error("the state is another")
	}
	if keeper.wasAsked() != 0 || b.wasAsked() != 1 {
		t.Errorf("asked %d and %d times", keeper.wasAsked(), b.wasAsked())
	}
	s := keeper.got[0]
	must(t, "close", s.Close())
	must(t, "close again", s.Close())
	if n, err := s.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read %d bytes of what was closed, %v", n, err)
	}
}
