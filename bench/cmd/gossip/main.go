package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/internal/figures"
)

const (
	// formWithin is so long because a member that gossip misses waits for the
	// next exchange of everything.
	formWithin = 2 * time.Minute
	killWithin = time.Minute
	// rest is how long a group is left alone before one goes.
	rest = 10 * time.Second
	// joinAgain is when a join that failed is tried again.
	joinAgain  = 100 * time.Millisecond
	membersMax = 1000
)

func main() {
	peer := flag.String("peer", "memberlist", "memberlist or serf")
	n := flag.Int("members", 10, "members of the group")
	run := flag.Int("run", 1, "number of the run, for the records")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var set figures.Set
	put := func(metric string, value float64) {
		set = append(set, figures.Record{Peer: *peer + " " + version(modules[*peer]), Cfg: "lan", N: *n, Metric: metric, Value: value, Run: *run})
	}
	err := measure(ctx, *peer, *n, put)
	if err := errors.Join(err, set.Write(os.Stdout)); err != nil {
		fmt.Fprintln(os.Stderr, "gossip:", err)
		os.Exit(1)
	}
}

// version is that of a module in this program.
func version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range info.Deps {
		if m.Path == module {
			return m.Version
		}
	}
	return "unknown"
}

func measure(ctx context.Context, peer string, n int, put func(string, float64)) error {
	start := starters[peer]
	if start == nil || n < 2 || n > membersMax {
		return fmt.Errorf("%d members of %q: want 2 to %d of memberlist or serf", n, peer, membersMax)
	}
	s := newSight(n)
	members := make([]*member, n)
	defer func() {
		for _, m := range members {
			if m != nil {
				m.close()
			}
		}
	}()
	began := time.Now()
	if err := startAll(ctx, s, members, start); err != nil {
		return err
	}
	at, err := s.wait(ctx, formWithin)
	if err != nil {
		return fmt.Errorf("forming: %w", err)
	}
	put("form_all_ms", at.Sub(began).Seconds()*1e3)
	if err := pause(ctx, rest); err != nil {
		return err
	}
	s.without(nameOf(n - 1))
	began = time.Now()
	members[n-1].close()
	if at, err = s.wait(ctx, killWithin); err != nil {
		return fmt.Errorf("one killed: %w", err)
	}
	put("kill1_all_s", at.Sub(began).Seconds())
	return nil
}

// startAll starts the first member, then all others at once.
func startAll(ctx context.Context, s *sight, members []*member, start func(*sight, int) (*member, error)) error {
	var err error
	if members[0], err = start(s, 0); err != nil {
		return err
	}
	faults := make([]error, len(members))
	var all sync.WaitGroup
	for i := 1; i < len(members); i++ {
		all.Go(func() {
			if members[i], faults[i] = start(s, i); faults[i] == nil {
				faults[i] = join(ctx, members[i])
			}
		})
	}
	all.Wait()
	return errors.Join(faults...)
}

// join joins through the first member, which may be too busy at first.
func join(ctx context.Context, m *member) error {
	ctx, cancel := context.WithTimeout(ctx, formWithin)
	defer cancel()
	for {
		err := m.join(fmt.Sprintf("%s:%d", address(0), port))
		if err == nil || pause(ctx, joinAgain) != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
