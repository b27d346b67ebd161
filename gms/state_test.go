package gms_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/gms/member/membertest"
	"github.com/gmsd/gmsd/views"
)

// counter is an application: a sum that messages add to, and a tail of bytes that
// never change and make the state long.
type counter struct {
	*gms.Port
	t     *testing.T
	donor func(c *counter, e *member.Event) // nil: it gives its state
	// slow, if set, is waited for before a state is read.
	slow <-chan struct{}

	mu    sync.Mutex
	has   bool
	sum   uint64
	count int
	tail  []byte
	kinds []string
	why   error
	told  int64
	asked int
	ended chan struct{}
}

// start runs an application in a group.
func (l *lan) start(host int, group string, o member.Options, tail []byte, change func(*counter)) *counter {
	l.t.Helper()
	p, err := l.hosts[host].OpenPort(fmt.Sprint("c", host))
	if err != nil {
		l.t.Fatal(err)
	}
	c := &counter{Port: p, t: l.t, tail: tail, has: !o.State, ended: make(chan struct{})}
	if change != nil {
		change(c)
	}
	go c.run()
	if err := p.Join(l.t.Context(), group, o); err != nil {
		l.t.Fatal(err)
	}
	return c
}

func (c *counter) run() {
	defer close(c.ended)
	for {
		events, err := c.Next(context.Background())
		if err != nil {
			return
		}
		for i := range events {
			c.handle(&events[i])
		}
	}
}

func (c *counter) handle(e *member.Event) {
	if e.Kind == member.KindState && e.State != nil && c.slow != nil {
		<-c.slow
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.Kind != member.KindMessage {
		c.kinds = append(c.kinds, e.Kind.String())
	}
	switch e.Kind { //nolint:exhaustive // the others are noted
	case member.KindMessage:
		if !c.has {
			c.t.Errorf("%v: a message before the state", c.Self())
		}
		c.sum += uint64(e.Msg.Payload[0])
		c.count++
	case member.KindDonate:
		c.asked++
		if c.donor != nil {
			c.donor(c, e)
			return
		}
		r := c.snapshot()
		e.Donate(r, int64(r.Len()))
	case member.KindState:
		c.take(e.State)
	case member.KindProgress:
		c.told = e.Progress.Bytes
	case member.KindParted:
		c.why = e.Err
	}
}

// snapshot is the state as of now.
func (c *counter) snapshot() *bytes.Reader {
	b := binary.BigEndian.AppendUint64(nil, c.sum)
	b = binary.BigEndian.AppendUint64(b, uint64(c.count))
	return bytes.NewReader(append(b, c.tail...))
}

func (c *counter) take(s *member.State) {
	c.has = true
	if s == nil {
		return
	}
	b, err := io.ReadAll(s)
	if err != nil || int64(len(b)) != s.Size {
		c.t.Errorf("read %d of %d: %v", len(b), s.Size, err)
		return
	}
	c.sum, c.count, c.tail = binary.BigEndian.Uint64(b), int(binary.BigEndian.Uint64(b[8:])), b[16:]
	if err := s.Close(); err != nil {
		c.t.Error(err)
	}
}

// when waits until a condition holds.
func (c *counter) when(what string, cond func() bool) {
	c.t.Helper()
	for range 20_000 {
		c.mu.Lock()
		ok := cond()
		c.mu.Unlock()
		if ok {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	c.t.Fatalf("%v: not %s: %v, %v", c.Self(), what, c.kinds, c.why)
}

func (c *counter) state() (uint64, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sum, c.count
}

// adding posts until stopped, and gives how much.
func (c *counter) adding(group string, size int, every time.Duration) (stop func() int) {
	quit, done := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for ; ; n++ {
			select {
			case <-quit:
				done <- n
				return
			case <-time.After(every):
			}
			payload := make([]byte, size)
			payload[0] = byte(n%7 + 1)
			if err := c.Post(context.Background(), group, views.Agreed, payload); err != nil {
				c.t.Error(err)
			}
		}
	}()
	return func() int { close(quit); return <-done }
}

// agree waits until all have so many messages, and compares their sums.
func agree(t *testing.T, n int, all ...*counter) {
	t.Helper()
	for _, c := range all {
		c.when(fmt.Sprint("at ", n), func() bool { return c.count >= n })
	}
	want, _ := all[0].state()
	for _, c := range all {
		if sum, count := c.state(); sum != want || count != n {
			t.Errorf("%v has %d of %d messages, sum %d, want %d", c.Self(), count, n, sum, want)
		}
		if !bytes.Equal(c.tail, all[0].tail) {
			t.Errorf("%v has another tail", c.Self())
		}
	}
}

func (l *lan) leftovers() []string {
	l.t.Helper()
	names, err := filepath.Glob(filepath.Join(l.dir, "*", "*.tmp"))
	if err != nil {
		l.t.Fatal(err)
	}
	return names
}

func (l *lan) noLeftovers() {
	l.t.Helper()
	synctest.Wait()
	if names := l.leftovers(); len(names) > 0 {
		l.t.Errorf("left over: %v", names)
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b) // never fails
	return b
}

var wantsState = member.Options{State: true}

// The donor, and others, go on adding while the state goes over.
func TestStateFitsItsCut(t *testing.T) {
	onLAN(t, 3, func(t *testing.T, l *lan) {
		a := l.start(0, "g", wantsState, random(3<<20), nil)
		b := l.start(1, "g", wantsState, nil, nil)
		b.when("with the state", func() bool { return b.has })
		stopA, stopB := a.adding("g", 40, time.Millisecond), b.adding("g", 40, time.Millisecond)
		time.Sleep(50 * time.Millisecond)
		c := l.start(2, "g", wantsState, nil, nil)
		c.when("with the state", func() bool { return c.has })
		_, before := c.state()
		time.Sleep(10 * time.Millisecond) // of the bubble's time: some come after it
		n := stopA() + stopB()
		agree(t, n, a, b, c)
		if before == 0 || before == n {
			t.Errorf("%d messages in the state and what waited, of %d: the test shows nothing", before, n)
		}
		if a.asked != 2 || b.asked != 0 {
			t.Errorf("the oldest was asked %d times, the other %d", a.asked, b.asked)
		}
		if want := "view state donate view"; strings.Join(a.kinds[:2], " ") != "view state" {
			t.Errorf("the first saw %v, want %s", a.kinds, want)
		}
		if c.kinds[0] != "view" || c.told == 0 {
			t.Errorf("the joiner saw %v, progress %d", c.kinds, c.told)
		}
		l.noLeftovers()
	})
}

func TestStateOfRefusers(t *testing.T) {
	onLAN(t, 3, func(t *testing.T, l *lan) {
		refuse := func(c *counter) { c.donor = func(*counter, *member.Event) {} }
		a := l.start(0, "g", member.Options{}, nil, refuse)
		b := l.start(1, "g", member.Options{}, nil, nil)
		c := l.start(2, "g", wantsState, nil, nil)
		c.when("with the state", func() bool { return c.has })
		if a.asked != 1 || b.asked != 1 {
			t.Errorf("asked %d and %d times", a.asked, b.asked)
		}
		l.noLeftovers()
	})
}

// A reader that fails, and then nobody: the joiner is told, and is out.
func TestStateOfNobody(t *testing.T) {
	onLAN(t, 2, func(t *testing.T, l *lan) {
		l.start(0, "g", member.Options{}, nil, func(c *counter) {
			c.donor = func(_ *counter, e *member.Event) {
				e.Donate(io.MultiReader(bytes.NewReader(random(3<<20)), failing{}), 0)
			}
		})
		c := l.start(1, "g", wantsState, nil, nil)
		c.when("out", func() bool { return c.why != nil })
		if !errors.Is(c.why, member.ErrNoDonor) {
			t.Errorf("parted because of %v", c.why)
		}
		l.noLeftovers()
	})
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the application broke") }

// The donor dies half way; another goes on with what is in the file.
func TestStateOfASecondDonor(t *testing.T) {
	onLAN(t, 4, func(t *testing.T, l *lan) {
		tail := random(8 << 20)
		hold := make(chan struct{})
		l.start(0, "g", member.Options{}, tail, func(c *counter) {
			c.donor = func(c *counter, e *member.Event) {
				e.Donate(io.MultiReader(io.LimitReader(c.snapshot(), 5<<20), held(hold)), 0)
			}
		})
		b := l.start(1, "g", member.Options{}, tail, nil)
		c := l.start(2, "g", member.Options{}, tail, nil)
		stop := b.adding("g", 100, 2*time.Millisecond)
		d := l.start(3, "g", wantsState, nil, nil)
		d.when("on its way", func() bool { return d.told > 0 })
		time.Sleep(time.Second) // half of it is here, and no more comes
		l.hosts[0].Close()
		close(hold)
		d.when("with the state", func() bool { return d.has })
		agree(t, stop(), b, c, d)
		if b.asked != 1 || c.asked != 0 {
			t.Errorf("asked %d and %d times", b.asked, c.asked)
		}
		l.noLeftovers()
	})
}

// held reads nothing until it is let go.
type held <-chan struct{}

func (h held) Read([]byte) (int, error) { <-h; return 0, io.EOF }

// A joiner that dies, one that closes its port and one that leaves take nothing
// with them, and the donor's reader is closed.
func TestJoinersThatGo(t *testing.T) {
	onLAN(t, 2, func(t *testing.T, l *lan) {
		closed := make(chan struct{}, 9)
		l.start(0, "g", member.Options{}, random(4<<20), func(c *counter) {
			c.donor = func(c *counter, e *member.Event) {
				e.Donate(&slowReader{Reader: c.snapshot(), closed: closed}, 0)
			}
		})
		for _, end := range []func(*counter){
			func(c *counter) { c.Close() },
			func(c *counter) {
				if err := c.Leave(t.Context(), "g"); err != nil {
					t.Error(err)
				}
			},
			func(*counter) { l.hosts[1].Close() },
		} {
			c := l.start(1, "g", wantsState, nil, nil)
			c.when("on its way", func() bool { return c.told > 0 })
			end(c)
			<-closed
			l.noLeftovers()
		}
	})
}

type slowReader struct {
	io.Reader
	closed chan<- struct{}
}

func (r *slowReader) Read(b []byte) (int, error) {
	time.Sleep(20 * time.Millisecond)
	return r.Reader.Read(b[:min(len(b), 64<<10)])
}

func (r *slowReader) Close() error { r.closed <- struct{}{}; return nil }

func TestManyJoinersAtOnce(t *testing.T) {
	onLAN(t, 3, func(t *testing.T, l *lan) {
		a := l.start(0, "g", wantsState, random(1<<20), nil)
		stop := a.adding("g", 100, time.Millisecond)
		all := []*counter{a}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i := range 9 {
			wg.Go(func() {
				c := l.start(i%3, "g", wantsState, nil, nil)
				mu.Lock()
				defer mu.Unlock()
				all = append(all, c)
			})
		}
		wg.Wait()
		for _, c := range all {
			c.when("with the state", func() bool { return c.has })
		}
		agree(t, stop(), all...)
		l.noLeftovers()
	})
}

// Messages behind the cut go to a file when there are many, and come back in
// their order; the group does not stop meanwhile.
func TestWaitingGoesToAFile(t *testing.T) {
	const posts = 6000
	testWaiting(t, 1<<30, posts, func(t *testing.T, l *lan, spooled int64, posted int, hold chan struct{}) {
		if posted < posts || spooled < 5<<20 {
			t.Errorf("posted %d while the state came, %d bytes in the file", posted, spooled)
		}
		l.open(2, "h").view(1) // other groups go on
		close(hold)
	})
}

// The file has a limit; then the group slows down to a stop, and nothing is lost.
// A donor that fails while that lasts is replaced all the same, and a joiner for
// which the group waits too long is cut.
func TestWaitingHasALimit(t *testing.T) {
	const posts = 12_000
	for _, end := range []string{"goes on", "fails", "too long"} {
		t.Run(end, func(t *testing.T) {
			testWaiting(t, 2<<20, posts, func(t *testing.T, _ *lan, spooled int64, posted int, hold chan struct{}) {
				if posted >= posts || spooled < 1<<20 || spooled > 4<<20 {
					t.Errorf("posted %d while the state came, %d bytes in the file", posted, spooled)
				}
				if end == "too long" {
					time.Sleep(2 * time.Minute)
				}
				close(hold)
			})
		})
	}
}

// testWaiting posts while the first donor gives nothing, looks, and lets it go on.
func testWaiting(t *testing.T, most int64, posts int, check func(t *testing.T, l *lan, spooled int64, posted int, hold chan struct{})) {
	change := func(cfg *gms.Config) { cfg.SpoolMax, cfg.EventLog = most, "" }
	onLANWith(t, 3, change, func(t *testing.T, l *lan) {
		hold := make(chan struct{})
		a := l.start(0, "g", member.Options{}, nil, func(c *counter) {
			c.donor = func(c *counter, e *member.Event) {
				if strings.HasSuffix(t.Name(), "fails") {
					e.Donate(io.MultiReader(held(hold), failing{}), 0)
					return
				}
				e.Donate(io.MultiReader(held(hold), c.snapshot()), 0)
			}
		})
		b := l.start(2, "g", member.Options{}, nil, nil)
		c := l.start(1, "g", wantsState, nil, nil)
		posted := 0
		payload := make([]byte, 1500)
		payload[0] = 1
		for ; posted < posts; posted++ {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			err := a.Post(ctx, "g", views.Agreed, payload)
			cancel()
			if err != nil {
				break
			}
		}
		time.Sleep(time.Second)
		spooled := int64(0)
		for _, name := range l.leftovers() {
			if strings.Contains(name, "spool-") {
				spooled += fileSize(t, name)
			}
		}
		check(t, l, spooled, posted, hold)
		if strings.HasSuffix(t.Name(), "long") {
			agree(t, posted, a, b)
			c.when("out", func() bool { return errors.Is(c.why, member.ErrSlow) })
		} else {
			agree(t, posted, a, b, c)
		}
		time.Sleep(time.Second)
		l.noLeftovers()
	})
}

// A large state takes no more memory than a small one.
func TestLargeStateInConstantMemory(t *testing.T) {
	change := func(cfg *gms.Config) { cfg.EventLog = "" }
	onLANWith(t, 2, change, func(t *testing.T, l *lan) {
		const size = 64 << 20
		r := &membertest.Weighing{Left: size}
		l.start(0, "g", member.Options{}, nil, func(c *counter) {
			c.donor = func(_ *counter, e *member.Event) { e.Donate(r, size) }
		})
		p, err := l.hosts[1].OpenPort("big")
		if err != nil {
			t.Fatal(err)
		}
		before := membertest.LiveHeap()
		if err := p.Join(t.Context(), "g", wantsState); err != nil {
			t.Fatal(err)
		}
		s := &seat{Port: p, t: t}
		e := s.until(func(e *member.Event) bool { return e.Kind == member.KindState })
		n, err := io.Copy(io.Discard, e.State)
		if err != nil || n != size {
			t.Errorf("%d bytes: %v", n, err)
		}
		if err := e.State.Close(); err != nil {
			t.Error(err)
		}
		most := slices.Max(r.Heaps)
		t.Logf("%d MiB before, at the most %d", before>>20, most>>20)
		if len(r.Heaps) < 8 || most > before+24<<20 {
			t.Errorf("%d MiB before, then %v", before>>20, r.Heaps)
		}
	})
}

// Closing the port removes what the application has not closed, and so does the
// next start of the host what a crash has left.
func TestTemporaryFilesGo(t *testing.T) {
	onLAN(t, 2, func(t *testing.T, l *lan) {
		old := filepath.Join(l.dir, "9", "state-12.tmp")
		if err := errors.Join(os.Mkdir(filepath.Dir(old), 0o700), os.WriteFile(old, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		h, err := gms.Start(t.Context(), configOf(l.net, l.dir, 9))
		if err != nil {
			t.Fatal(err)
		}
		h.Close()
		l.noLeftovers()
		l.start(0, "g", member.Options{}, random(1<<20), nil)
		p, err := l.hosts[1].OpenPort("p")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Join(t.Context(), "g", wantsState); err != nil {
			t.Fatal(err)
		}
		s := &seat{Port: p, t: t}
		e := s.until(func(e *member.Event) bool { return e.Kind == member.KindState })
		if names := l.leftovers(); len(names) != 1 {
			t.Errorf("files: %v", names)
		} else if info, err := os.Stat(names[0]); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode: %v %v", info.Mode(), err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		l.noLeftovers()
		if err := e.State.Close(); err != nil {
			t.Error(err)
		}
	})
}

func fileSize(t *testing.T, name string) int64 {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// A disk that takes nothing costs the joiner its membership, and nobody else anything.
func TestStateWithoutADisk(t *testing.T) {
	onLAN(t, 2, func(t *testing.T, l *lan) {
		a := l.start(0, "g", member.Options{}, random(1<<20), nil)
		b := l.start(1, "g", member.Options{}, a.tail, nil)
		dir := filepath.Join(l.dir, "2")
		if err := os.Rename(dir, dir+"-away"); err != nil {
			t.Fatal(err)
		}
		c := l.start(1, "g", wantsState, nil, nil)
		c.when("out", func() bool { return c.why != nil })
		if !errors.Is(c.why, member.ErrState) || !errors.Is(c.why, os.ErrNotExist) {
			t.Errorf("parted because of %v", c.why)
		}
		if a.asked != 1 || b.asked != 0 {
			t.Errorf("asked %d and %d times: another donor does not help", a.asked, b.asked)
		}
		stop := a.adding("g", 10, time.Millisecond)
		time.Sleep(100 * time.Millisecond)
		agree(t, stop(), a, b)
		if err := os.Rename(dir+"-away", dir); err != nil {
			t.Fatal(err)
		}
	})
}

// A port may wait in one group and give in another: neither waits for the other.
func TestStatesCrossed(t *testing.T) {
	onLAN(t, 2, func(t *testing.T, l *lan) {
		tail := random(1 << 20)
		a := l.start(0, "x", member.Options{}, tail, nil)
		b := l.start(1, "y", member.Options{}, tail, nil)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := a.Join(t.Context(), "y", wantsState); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := b.Join(t.Context(), "x", wantsState); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		a.when("with the state", func() bool { return slices.Contains(a.kinds, "state") })
		b.when("with the state", func() bool { return slices.Contains(b.kinds, "state") })
		l.noLeftovers()
	})
}
