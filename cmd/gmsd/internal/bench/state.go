package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gmsd/gmsd/gms/member"
)

// stateBytes is how long the state is that the second port takes from the first.
const stateBytes = 256 << 20

// state measures how fast an application's state comes to one that joins: from the
// call of Join until it has read the last byte.
func (b *bench) state(ctx context.Context, g *group) error {
	if !b.does(PhaseState) || len(g.ports) < 2 {
		return nil
	}
	b.tell("state")
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	name := fmt.Sprintf("bench-%d-%s", os.Getpid(), PhaseState)
	gives, takes := g.ports[0], g.ports[1]
	if err := gives.Join(ctx, name, member.Options{}); err != nil {
		return err
	}
	giving, stop := context.WithCancel(ctx)
	gave := make(chan error, 1)
	go func() { gave <- give(giving, gives) }()
	began := time.Now()
	err := take(ctx, takes, name)
	took := time.Since(began)
	stop()
	if e := <-gave; err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	b.report.Records.Add(g.cfg(), b.Hosts, "state_256MiB_mib_s", (stateBytes>>20)/took.Seconds(), b.run)
	for _, p := range []member.Port{gives, takes} {
		if err := p.Leave(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// give answers whoever wants the state until the end.
func give(ctx context.Context, p member.Port) error {
	for {
		events, err := p.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range events {
			if events[i].Kind == member.KindDonate {
				events[i].Donate(io.LimitReader(zeros{}, stateBytes), stateBytes)
			}
		}
	}
}

// take joins and reads the state.
func take(ctx context.Context, p member.Port, group string) error {
	if err := p.Join(ctx, group, member.Options{State: true}); err != nil {
		return err
	}
	for {
		events, err := p.Next(ctx)
		if err != nil {
			return err
		}
		for i := range events {
			if s := events[i].State; s != nil {
				return read(s)
			}
		}
	}
}

func read(s *member.State) error {
	n, err := io.Copy(io.Discard, s)
	if e := s.Close(); err == nil {
		err = e
	}
	if err == nil && n != stateBytes {
		err = fmt.Errorf("%d of %d bytes came", n, stateBytes)
	}
	return err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
