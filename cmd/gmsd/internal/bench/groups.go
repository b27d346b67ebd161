package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/gmsd/gmsd/gms/member"
)

// groupChanges is how often a port joins and goes in one run, and manyGroups how
// many groups all ports join at once.
const (
	groupChanges = 20
	manyGroups   = 1000
)

// groups measures what changes of light groups take: from the call until the last
// of the others has the view.
func (b *bench) groups(ctx context.Context, g *group) error {
	if !b.does(PhaseGroups) {
		return nil
	}
	b.tell("groups")
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	name := fmt.Sprintf("bench-%d", os.Getpid())
	stay, goes := g.ports[1:], g.ports[0]
	err := together(len(stay), func(i int) error {
		if err := stay[i].Join(ctx, name, member.Options{}); err != nil {
			return err
		}
		return untilView(ctx, stay[i], name, len(stay))
	})
	for n := 0; err == nil && n < groupChanges; n++ {
		err = b.change(ctx, g, "group_join_ms", name, len(g.ports), func() error { return goes.Join(ctx, name, member.Options{}) })
		if err == nil {
			err = b.change(ctx, g, "group_leave_ms", name, len(stay), func() error { return goes.Leave(ctx, name) })
		}
	}
	if err != nil {
		return fmt.Errorf("groups: %w", err)
	}
	if err := b.many(ctx, g); err != nil {
		return fmt.Errorf("%d groups: %w", manyGroups, err)
	}
	return b.killClient(ctx, g, name)
}

// change lets the first port do something, and notes when the last of the others
// has a view of so many members.
func (b *bench) change(ctx context.Context, g *group, metric, name string, members int, do func() error) error {
	began := time.Now()
	done := make(chan error, 1)
	go func() { done <- do() }()
	ends := make([]time.Time, len(g.ports))
	err := together(len(g.ports)-1, func(i int) error {
		err := untilView(ctx, g.ports[i+1], name, members)
		ends[i] = time.Now()
		return err
	})
	if first := <-done; err == nil {
		err = first
	}
	if err == nil {
		b.add(g.cfg(), metric, last(ends).Sub(began), time.Millisecond)
	}
	return err
}

func last(times []time.Time) (latest time.Time) {
	for _, t := range times {
		if t.After(latest) {
			latest = t
		}
	}
	return latest
}

// many lets all ports join a thousand groups, and go out of them again. What the
// heap is smaller by then is what the groups took.
func (b *bench) many(ctx context.Context, g *group) error {
	began := time.Now()
	err := b.inMany(ctx, g, len(g.ports), func(p member.Port, name string) error { return p.Join(ctx, name, member.Options{}) })
	if err != nil {
		return err
	}
	b.add(g.cfg(), fmt.Sprintf("groups_%d_join_all_ms", manyGroups), time.Since(began), time.Millisecond)
	full := heapBytes()
	err = b.inMany(ctx, g, 0, func(p member.Port, name string) error { return p.Leave(ctx, name) })
	if err == nil && g.hosts != nil {
		bytes := float64(full-heapBytes()) / float64(manyGroups*len(g.hosts))
		b.report.Records.Add(g.cfg(), b.Hosts, fmt.Sprintf("groups_%d_host_bytes", manyGroups), bytes, b.run)
	}
	return err
}

// inMany does something at every port in a thousand groups, and reads until the
// port has had a view of so many members in each, or is out of all of them.
func (b *bench) inMany(ctx context.Context, g *group, members int, do func(member.Port, string) error) error {
	return together(len(g.ports), func(i int) error {
		done := make(chan error, 1)
		go func() {
			done <- together(manyGroups, func(n int) error { return do(g.ports[i], fmt.Sprintf("bench-%d-many-%d", os.Getpid(), n)) })
		}()
		return errors.Join(untilAll(ctx, g.ports[i], members), <-done)
	})
}

// untilAll reads until a port has had a view of so many members in manyGroups, or
// has parted from as many.
func untilAll(ctx context.Context, p member.Port, members int) error {
	for whole := 0; whole < manyGroups; {
		events, err := p.Next(ctx)
		if err != nil {
			return err
		}
		for i := range events {
			switch e := &events[i]; {
			case members == 0 && e.Kind == member.KindParted, e.Kind == member.KindView && len(e.View.Members) == members:
				whole++
			}
		}
	}
	return nil
}

// heapBytes is what is in use after a collection.
func heapBytes() int64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools held through the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // of this world
}

// killClient ends the first port as a program that dies.
func (b *bench) killClient(ctx context.Context, g *group, name string) error {
	aborter, ok := g.ports[0].(interface{ Abort() error })
	if !ok {
		return nil
	}
	err := b.change(ctx, g, "group_rejoin_ms", name, len(g.ports), func() error { return g.ports[0].Join(ctx, name, member.Options{}) })
	if err != nil {
		return err
	}
	if err := b.change(ctx, g, "client_kill_ms", name, len(g.ports)-1, aborter.Abort); err != nil || g.hosts == nil {
		g.ports = g.ports[1:] // daemons' clients: one fewer
		return err
	}
	g.ports[0], err = g.hosts[0].OpenPort(g.hosts[0].Self().Name)
	return err
}
