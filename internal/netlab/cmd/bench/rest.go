package main

import (
	"context"
	"slices"
	"time"

	"github.com/gmsd/gmsd/internal/netlab"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// What is watched for a time: a group at rest, and one in turmoil.

func restMeasurements() []measurement {
	return []measurement{
		{name: "rest", once: true, run: atRest},
		{name: "turmoil", once: true, run: after(small, (*trial).turmoil)},
		{name: "sigstop-1s", run: after(small, (*trial).shortFreeze)},
	}
}

// settling is left out of what is at rest: after it no start shows any more.
const settling = 5 * time.Second

// atRest gives one record a host.
func atRest(_ context.Context, b *bench, run int) error {
	return b.with(run, small, small, func(t *trial) error {
		if _, err := t.StartAll(netlab.All(small)); err != nil {
			return err
		}
		if _, err := t.Settle(patience, netlab.All(small)); err != nil {
			return err
		}
		if err := t.Hold(settling); err != nil {
			return err
		}
		before, err := t.usages()
		if err != nil {
			return err
		}
		if err := t.Hold(b.rest); err != nil {
			return err
		}
		after, err := t.usages()
		if err != nil {
			return err
		}
		for i := range before {
			t.run = i + 1
			seconds := after[i].At.Sub(before[i].At).Seconds()
			t.add("idle_cpu_pct", 100*(after[i].CPU-before[i].CPU).Seconds()/seconds)
			t.add("idle_rss_mib", float64(after[i].RSS)/(1<<20))
			t.add("idle_sent_bytes_s", float64(after[i].SentBytes-before[i].SentBytes)/seconds)
			t.add("idle_sent_packets_s", float64(after[i].SentPackets-before[i].SentPackets)/seconds)
		}
		return nil
	})
}

func (t *trial) usages() ([]netlab.Usage, error) {
	var out []netlab.Usage
	for i := 1; i <= t.n; i++ {
		u, err := t.Usage(i)
		if err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, nil
}

// turmoil counts who is put out wrongly under loss, reorder, duplication and
// load, while one host is black-holed half way.
func (t *trial) turmoil() error {
	t.Talk(50*time.Millisecond, 1)
	loss := &netlab.Loss{Percent: 20}
	late := &netlab.Disturb{Seed: 1, Jitter: 3 * time.Millisecond, Reorder: 20, Duplicate: 10}
	began, err := t.Impose(loss)
	if err != nil {
		return err
	}
	if _, err := t.Impose(late); err != nil {
		return err
	}
	if err := t.Hold(t.b.turmoil / 2); err != nil {
		return err
	}
	wrong := t.removals(began, 0)
	holed, err := t.Impose(&netlab.BlackHole{Host: 3})
	if err != nil {
		return err
	}
	if err := t.survivors("turmoil_blackhole_all_s", holed, 3, time.Second); err != nil {
		return err
	}
	if err := t.Hold(t.b.turmoil / 2); err != nil {
		return err
	}
	t.add("turmoil_false_positives", float64(wrong+t.removals(holed, 3)))
	t.add("turmoil_messages", float64(t.Messages()))
	return nil
}

// removals counts the views of hosts that lack a member of the view before,
// other than one that is meant to be gone.
func (t *trial) removals(since views.Instant, meant int) int {
	n := 0
	for i := 1; i <= t.n; i++ {
		if i == meant {
			continue
		}
		for _, v := range t.InstallsSince(i, since) {
			for j := 1; j <= t.n; j++ {
				in := slices.ContainsFunc(v.View.Members, func(m trace.HostBits) bool { return m.Process == t.Self(j) })
				if !in && j != meant {
					n++
				}
			}
		}
	}
	return n
}

func (t *trial) shortFreeze() error {
	began, err := t.Freeze(t.bystander())
	if err != nil {
		return err
	}
	if err := t.WaitFor(patience, "1 s", func() bool { return t.Now() >= began.Add(time.Second) }); err != nil {
		return err
	}
	if _, err := t.Thaw(t.bystander()); err != nil {
		return err
	}
	if err := t.Hold(3 * time.Second); err != nil { // what was suspected would be gone by now
		return err
	}
	t.add("sigstop1_false_positives", float64(t.removals(began, 0)))
	return nil
}
