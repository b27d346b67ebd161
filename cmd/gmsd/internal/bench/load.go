package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
)

const (
	// stampBytes is the time of sending, at the start of a payload; a shorter
	// payload is an end mark.
	stampBytes = 8
	// warmUpMax is how long a load runs before its window opens, at most.
	warmUpMax = time.Second
)

// What the records of hosts of the library in one process, without and with a key,
// and of clients of daemons, are called; those of a load add the order.
const (
	cfgLibrary = "lib"
	cfgSealed  = "lib,sealed"
	cfgLive    = "live"
)

// cell is one load.
type cell struct {
	size, senders int
	order         views.Order
	// rate is in messages a second and sender; 0 is a flood.
	rate int
}

// metric is the name that all figures of a cell begin with.
func (c *cell) metric() string {
	if c.rate > 0 {
		return fmt.Sprintf("rate_%dB_%dsend_%d/s", c.size, c.senders, c.rate)
	}
	return fmt.Sprintf("flood_%dB_%dsend", c.size, c.senders)
}

func (l *load) cfg() string { return l.group.cfg() + "," + l.order.String() }

// load is a cell while it runs.
type load struct {
	cell
	*group
	name string // of the light group
	// The window, by group.since.
	start, open, shut time.Duration
	sent              atomic.Uint64
	// resent are the messages that holders sent again.
	resent uint64
	// allocated are the objects taken from the heap meanwhile, by all hosts and the load.
	allocated uint64
	// newView: the view changed while it ran.
	newView bool
}

// run carries a load out and gives what each host received.
func (l *load) run(ctx context.Context, duration time.Duration) ([]*receiver, error) {
	warmUp := min(duration/3, warmUpMax)
	ctx, cancel := context.WithTimeout(ctx, warmUp+duration+patience)
	defer cancel()
	before, err := l.standing(ctx)
	if err != nil {
		return nil, err
	}
	receivers := make([]*receiver, len(l.ports))
	for i, p := range l.ports {
		receivers[i] = l.receiver(p)
	}
	if err := l.join(ctx, receivers); err != nil {
		return nil, err
	}
	l.start = l.since()
	l.open = l.start + warmUp
	l.shut = l.open + duration
	received := make(chan error, 1)
	go func() {
		received <- together(len(receivers), func(i int) error { return receivers[i].run(ctx) })
		close(received)
	}()
	if err = l.send(ctx); err == nil {
		if err = l.mark(ctx); err == nil {
			err = <-received
		}
	}
	if err != nil {
		cancel()
		for range received { // they were stopped: no news
		}
		return nil, err
	}
	after, err := l.standing(ctx)
	if err != nil {
		return nil, err
	}
	l.resent = after.resent - before.resent
	l.allocated = after.allocated - before.allocated
	l.newView = !slices.Equal(before.views, after.views)
	return receivers, errors.Join(l.judge(receivers), l.part(ctx))
}

// join brings all ports into the load's group.
func (l *load) join(ctx context.Context, receivers []*receiver) error {
	return together(len(receivers), func(i int) error {
		if err := receivers[i].port.Join(ctx, l.name, member.Options{}); err != nil {
			return fmt.Errorf("join: %w", err)
		}
		return receivers[i].settle(ctx)
	})
}

func (l *load) part(ctx context.Context) error {
	return together(len(l.ports), func(i int) error { return l.ports[i].Leave(ctx, l.name) })
}

// send lets all senders send until the window shuts.
func (l *load) send(ctx context.Context) error {
	return together(l.senders, func(i int) error { return l.sendFrom(ctx, l.ports[i]) })
}

// sendFrom posts at one port: as fast as it takes it, or at the rate.
func (l *load) sendFrom(ctx context.Context, p member.Port) error {
	payload := make([]byte, l.size)
	due, step := time.Duration(0), time.Duration(0) // a flood is always due
	if l.rate > 0 {
		due, step = l.start, time.Second/time.Duration(l.rate)
	}
	for {
		if err := l.await(ctx, min(due, l.shut)); err != nil {
			return err
		}
		due += step
		now := l.since()
		if now >= l.shut {
			return nil
		}
		binary.BigEndian.PutUint64(payload, uint64(now))
		if err := p.Post(ctx, l.name, l.order, payload); err != nil {
			return fmt.Errorf("%s sends: %w", p.Self().Name, err)
		}
		l.sent.Add(1)
	}
}

// await waits until a time of l.since.
func (l *load) await(ctx context.Context, at time.Duration) error {
	left := at - l.since()
	if left <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// mark ends a load: every sender says that it has sent all.
func (l *load) mark(ctx context.Context) error {
	err := together(l.senders, func(i int) error {
		_, err := l.ports[i].Send(ctx, l.name, l.order, []byte{0})
		return err
	})
	if err != nil {
		return fmt.Errorf("%s, %s: end mark: %w", l.metric(), l.order, err)
	}
	return nil
}

// missing is how many messages a port was not given.
func (l *load) missing(r *receiver) int64 { return int64(l.sent.Load()) - int64(r.got) }

// delivered counts all that was received.
func (l *load) delivered(receivers []*receiver) (n uint64) {
	for _, r := range receivers {
		n += r.got
	}
	return n
}

// judge holds what was received against what was sent.
func (l *load) judge(receivers []*receiver) error {
	for _, r := range receivers {
		if l.missing(r) != 0 && !r.changed && !l.newView {
			return fmt.Errorf("%s, %s: %s misses %d of %d messages and was told of no reason",
				l.metric(), l.order, r.port.Self().Name, l.missing(r), l.sent.Load())
		}
	}
	return nil
}
