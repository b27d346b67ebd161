package netlab_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gmsd/gmsd/client"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/netlab"
	"github.com/gmsd/gmsd/views"
)

// pot is the group whose members keep a long beginning, and the digest of every
// message since.
const pot = "pot"

// keeper is a member of pot through a host's daemon.
type keeper struct {
	*client.Client
	s       *stage
	name    string
	running sync.WaitGroup
	// gate, if set, holds up what it gives half way.
	gate chan struct{}

	mu sync.Mutex
	// begun is how long the beginning is; sum of the seen messages.
	begun int64
	sum   [sha256.Size]byte
	seen  int
	has   bool
	// told is how much of a state has come, asked how often it was asked for its own,
	// parted why it is out.
	told   int64
	asked  int
	parted error
}

func (s *stage) keep(host int, begun int64) *keeper {
	s.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	k := &keeper{s: s, name: fmt.Sprint("keeper", host), begun: begun}
	var err error
	k.Client, err = client.Dial(ctx, filepath.Join(s.DataDir(host), "clients.sock"), client.Options{
		Name: k.name, Connect: s.connectAt(host),
	})
	s.must(err)
	s.Cleanup(func() {
		s.must(s.Disturb())
		cancel()
		_ = k.Close()
		k.running.Wait()
	})
	k.running.Go(func() { k.follow(ctx) })
	return k
}

// connectAt connects as a program of a host does, which sees that host's files.
func (s *stage) connectAt(host int) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (c net.Conn, err error) {
		err = s.Do(host, func() (err error) {
			c, err = new(net.Dialer).DialContext(ctx, network, address)
			return err
		})
		return c, err
	}
}

func (k *keeper) join() {
	k.s.Helper()
	k.s.must(k.Join(context.Background(), pot, member.Options{State: true}))
}

func (k *keeper) follow(ctx context.Context) {
	for {
		events, err := k.Next(ctx)
		if err != nil {
			return
		}
		for i := range events {
			k.take(&events[i])
		}
	}
}

func (k *keeper) take(e *member.Event) {
	if e.State != nil {
		if err := k.learn(e.State); err != nil {
			k.s.Errorf("%s: the state: %v", k.name, err)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch e.Kind {
	case member.KindMessage:
		k.sum = sha256.Sum256(append(k.sum[:], e.Msg.Payload...))
		k.seen++
	case member.KindState:
		k.has = true
	case member.KindDonate:
		k.asked++
		e.Donate(k.snapshot(), 0)
	case member.KindProgress:
		k.told = e.Progress.Bytes
	case member.KindParted:
		k.parted = e.Err
	default:
	}
}

// snapshot is the state: a line that says what is in it, and the beginning.
func (k *keeper) snapshot() io.Reader {
	head := strings.NewReader(fmt.Sprintf("%d %d %x\n", k.begun, k.seen, k.sum))
	body := beginning(k.begun)
	if k.gate == nil {
		return io.MultiReader(head, body)
	}
	return io.MultiReader(head, io.LimitReader(body, k.begun/2), closed(k.gate))
}

// closed reads nothing until the channel is closed.
type closed <-chan struct{}

func (c closed) Read([]byte) (int, error) { <-c; return 0, errors.New("held up for good") }

func (k *keeper) learn(st *member.State) error {
	defer st.Close()
	r := bufio.NewReader(st)
	var begun int64
	var seen int
	var sum []byte
	if _, err := fmt.Fscanf(r, "%d %d %x\n", &begun, &seen, &sum); err != nil {
		return err
	}
	want, got := beginning(begun), int64(0)
	for a, b := make([]byte, 64<<10), make([]byte, 64<<10); ; {
		n, err := r.Read(a)
		_, _ = io.ReadFull(want, b[:n]) // a short one differs
		if got += int64(n); !bytes.Equal(a[:n], b[:n]) {
			return fmt.Errorf("another byte before %d", got)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if got != begun {
		return fmt.Errorf("%d bytes of a beginning of %d", got, begun)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.begun, k.seen = begun, seen
	copy(k.sum[:], sum)
	return nil
}

// beginning are so many bytes, the same for all.
func beginning(n int64) io.Reader { return io.LimitReader(new(ramp), n) }

type ramp uint32

func (x *ramp) Read(p []byte) (int, error) {
	for i := range p {
		*x += 2654435761
		p[i] = byte(*x >> 24)
	}
	return len(p), nil
}

// when waits until a keeper is so.
func (k *keeper) when(what string, so func() bool) {
	k.s.Helper()
	k.s.must(k.s.WaitFor(generous, k.name+" "+what, func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return so()
	}))
}

// getsState waits for the state, or for the reason why it does not come.
func (k *keeper) getsState() {
	k.s.Helper()
	k.when("has the state, or is out", func() bool { return k.has || k.parted != nil })
	if k.parted != nil {
		k.s.Fatalf("%s is out: %v", k.name, k.parted)
	}
}

func (k *keeper) change(do func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	do()
}

// adding posts every few milliseconds until stopped, and says how often.
func (k *keeper) adding() (stop func() int) {
	ending, ended := make(chan struct{}), make(chan int, 1)
	ctx, cancel := context.WithCancel(context.Background())
	k.s.Cleanup(cancel)
	k.running.Go(func() {
		tick := time.NewTicker(3 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-tick.C:
				if err := k.Post(ctx, pot, views.Agreed, fmt.Appendf(nil, "%s %d", k.name, n)); err != nil && ctx.Err() == nil {
					k.s.Error(err)
				}
			case <-ctx.Done():
				return
			case <-ending:
				ended <- n
				return
			}
		}
	})
	return func() int { close(ending); return <-ended }
}

// agreed waits until all have seen so many messages, the same.
func agreed(n int, all ...*keeper) {
	for _, k := range all {
		k.s.Helper()
		k.when(fmt.Sprintf("with %d messages", n), func() bool { return k.seen >= n })
		if k.seen != n || k.sum != all[0].sum {
			k.s.Errorf("%s has %d of %d messages, sum %x, and %s %x", k.name, k.seen, n, k.sum, all[0].name, all[0].sum)
		}
	}
}

// The daemon of the donor dies half way, while others post: another donor goes on,
// and the state fits the messages behind it.
func TestStateOutlivesItsDonor(t *testing.T) { onEachAndRelayed(t, stateOutlivesItsDonorOn) }

func stateOutlivesItsDonorOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 4)
	s.changes(4)
	a, b, c := s.keep(1, 40<<20), s.keep(2, 0), s.keep(3, 0)
	for _, k := range []*keeper{a, b, c} {
		k.join()
		k.getsState()
	}
	stop, gate := b.adding(), make(chan struct{})
	a.change(func() { a.gate, a.asked = gate, 0 })
	d := s.keep(4, 0)
	d.join()
	d.when("has some of it", func() bool { return d.told > 0 })
	s.kill(1)
	close(gate)
	d.getsState()
	agreed(stop(), b, c, d)
	if a.asked != 1 || b.asked != 1 {
		s.Errorf("the first was asked %d times, the second %d", a.asked, b.asked)
	}
	s.serves(without(4, 1)) // the first one's client waits for its daemon: no group changes any more
}

// A state that does not fit on the joiner's disk: the program is told why and is
// out, nothing of it stays, and nobody else is harmed. A smaller one comes.
func TestStateOnAFullDisk(t *testing.T) { onEach(t, stateOnAFullDiskOn) }

func stateOnAFullDiskOn(t *testing.T, transport string) {
	s := stageOn(t, transport, 3)
	s.must(s.SmallDisk(3, "8m"))
	s.form(3)
	s.flow(usual)
	a, b := s.keep(1, 30<<20), s.keep(2, 0)
	a.join()
	b.join()
	b.getsState()
	stop := b.adding()
	c := s.keep(3, 0)
	c.join()
	c.when("is out", func() bool { return c.parted != nil })
	if !errors.Is(c.parted, member.ErrState) || !strings.Contains(c.parted.Error(), "no space") {
		s.Errorf("parted: %v", c.parted)
	}
	s.must(s.WaitFor(generous, "the end of what had come", func() bool {
		left, err := s.Spooled(3)
		s.must(err)
		return len(left) == 0
	}))
	s.flow(usual)

	for _, k := range []*keeper{a, b} {
		k.change(func() { k.begun = 2 << 20 })
	}
	c.join()
	c.when("has the smaller state", func() bool { return c.has })
	agreed(stop(), a, b, c)
	s.serves(netlab.All(3))
}
