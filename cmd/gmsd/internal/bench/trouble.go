package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// troubleSize is the payload of the floods beside which something happens to the
// group, settleFor how long they run before and after it.
const (
	troubleSize = 1024
	settleFor   = 300 * time.Millisecond
)

// torrent is a flood from all ports of a group, for as long as a run of the bench
// wants it.
type torrent struct {
	*group
	name  string
	order views.Order
	end   context.CancelFunc
	work  sync.WaitGroup
	mu    sync.Mutex
	err   error
	// silences are each port's longest since they were last taken.
	silences []atomic.Int64
}

// pour begins a flood once all ports have a view of all of them and of extra more.
func (b *bench) pour(ctx context.Context, g *group, what string, order views.Order, extra int) (*torrent, error) {
	t := &torrent{group: g, order: order, name: fmt.Sprintf("bench-%d-%s", os.Getpid(), what), silences: make([]atomic.Int64, len(g.ports))}
	err := together(len(g.ports), func(i int) error {
		if err := g.ports[i].Join(ctx, t.name, member.Options{}); err != nil {
			return err
		}
		return untilView(ctx, g.ports[i], t.name, len(g.ports)+extra)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	ctx, t.end = context.WithCancel(ctx)
	for i := range g.ports {
		t.work.Go(func() { t.note(ctx, t.send(ctx, g.ports[i])) })
		t.work.Go(func() { t.note(ctx, t.receive(ctx, i)) })
	}
	return t, pause(ctx, settleFor)
}

// note keeps the first fault that is not the end.
func (t *torrent) note(ctx context.Context, err error) {
	if ctx.Err() != nil || errors.Is(err, member.ErrClosed) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
	}
}

func (t *torrent) send(ctx context.Context, p member.Port) error {
	payload := make([]byte, troubleSize)
	for {
		if err := p.Post(ctx, t.name, t.order, payload); err != nil {
			return fmt.Errorf("%s sends: %w", p.Self().Name, err)
		}
	}
}

// receive reads messages and notes the longest time without any.
func (t *torrent) receive(ctx context.Context, i int) error {
	var last time.Duration
	for {
		events, err := t.ports[i].Next(ctx)
		if err != nil {
			return fmt.Errorf("%s receives: %w", t.ports[i].Self().Name, err)
		}
		if !slices.ContainsFunc(events, func(e member.Event) bool { return e.Kind == member.KindMessage }) {
			continue
		}
		now := t.since()
		if last != 0 && int64(now-last) > t.silences[i].Load() {
			t.silences[i].Store(int64(now - last))
		}
		last = now
	}
}

// stop ends the flood and gives what broke off.
func (t *torrent) stop() error {
	t.end()
	t.work.Wait()
	return t.err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// silent gives the longest silences of all ports but the last, and begins anew.
func (t *torrent) silent() []time.Duration {
	out := make([]time.Duration, len(t.silences)-1)
	for i := range out {
		out[i] = time.Duration(t.silences[i].Swap(0))
	}
	return out
}

// kill ends the coordinator under a flood of all, without a word of farewell, and
// gives the longest silence of deliveries at each of the others, from before the death
// and across it, and when the first of them suspected it.
func (b *bench) kill(ctx context.Context, g *group) error {
	if !b.does(PhaseKill) || len(g.hosts) < 2 {
		return nil
	}
	b.tell("kill")
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	t, err := b.pour(ctx, g, PhaseKill, views.Agreed, 0)
	if err != nil {
		return err
	}
	t.silent()
	err = pause(ctx, settleFor)
	calm := t.silent()
	rest := len(g.hosts) - 1
	detected, faults := doubts(g.hosts[:rest])
	died := time.Now()
	err = errors.Join(err, faults, g.hosts[rest].Close(), together(rest, func(i int) error { return waitSize(ctx, g.hosts[i], rest) }),
		pause(ctx, settleFor), t.stop())
	if err != nil {
		return fmt.Errorf("kill: %w", err)
	}
	for i, silence := range t.silent() {
		b.add(cfgLibrary, "flood_1024B_calm_gap_ms", calm[i], time.Millisecond)
		b.add(cfgLibrary, "flood_1024B_kill_gap_ms", silence, time.Millisecond)
	}
	select {
	case at := <-detected:
		b.add(cfgLibrary, "flood_1024B_kill_detect_ms", at.Sub(died), time.Millisecond)
		return nil
	case <-ctx.Done():
		return fmt.Errorf("kill: nobody was suspected: %w", ctx.Err())
	}
}

// doubts gives, once, when one of the hosts first suspected another.
func doubts(hosts []*gms.Host) (<-chan time.Time, error) {
	at := make(chan time.Time, 1)
	var faults error
	for _, h := range hosts {
		since := h.LastEvents(0)
		faults = errors.Join(faults, h.Observe(func(r trace.Record) {
			if _, ok := r.Event.(trace.Suspect); !ok || len(since) > 0 && r.N <= since[len(since)-1].N {
				return
			}
			select {
			case at <- time.Now():
			default:
			}
		}))
	}
	return at, faults
}

// slow lets one more port of the first host stop reading under a flood of all. It
// gives by how much the memory of the process grew at most.
func (b *bench) slow(ctx context.Context, g *group) error {
	if !b.does(PhaseSlow) || g.hosts == nil {
		return nil
	}
	b.tell("slow")
	ctx, cancel := context.WithTimeout(ctx, b.Duration+patience)
	defer cancel()
	idle, err := g.hosts[0].OpenPort("idle")
	if err != nil {
		return err
	}
	defer func() { _ = idle.Close() }() // it was cut, or ends with the host
	name := fmt.Sprintf("bench-%d-%s", os.Getpid(), PhaseSlow)
	if err := idle.Join(ctx, name, member.Options{}); err != nil {
		return err
	}
	before := residentBytes()
	t, err := b.pour(ctx, g, PhaseSlow, views.FIFO, 1)
	if err != nil {
		return err
	}
	most, ends := before, time.Now().Add(b.Duration)
	for err == nil && time.Now().Before(ends) {
		most = max(most, residentBytes())
		err = pause(ctx, 10*time.Millisecond)
	}
	if err = errors.Join(err, t.stop()); err != nil {
		return fmt.Errorf("slow: %w", err)
	}
	b.report.Records.Add(cfgLibrary, b.Hosts, "slow_receiver_grows_mib", float64(most-before)/(1<<20), b.run)
	return nil
}

// residentBytes is what the kernel says this process holds; 0 where it says
// nothing.
func residentBytes() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return pages * os.Getpagesize()
}
