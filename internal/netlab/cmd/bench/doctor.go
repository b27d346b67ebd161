package main

import (
	"context"
	"errors"
	"time"

	"github.com/gmsd/gmsd/internal/netlab"
)

// What the doctor costs: two groups at rest, side by side, of which one is built without
// its looks and tests of paths. With a standing cause a path swallows long packets, which
// the doctor names, and looks at ever more seldom: what is measured is between two rounds.

const (
	// firstLooks are over then: neither a start nor a first look shows.
	firstLooks = 4 * settling
	// firstRounds are over then: the next is due after minutes.
	firstRounds = 4 * time.Minute
)

func doctorMeasurements() []measurement {
	return []measurement{
		{name: "doctor", once: true, run: func(ctx context.Context, b *bench, run int) error {
			return doctorsBudget(ctx, b, run, "", firstLooks, nil)
		}},
		{name: "doctor-standing", once: true, run: func(ctx context.Context, b *bench, run int) error {
			return doctorsBudget(ctx, b, run, "standing_", firstRounds, func() netlab.Fault { return &netlab.MTU{Host: 2, Bytes: 1000} })
		}},
	}
}

// doctorsBudget measures with a fault, or none, from a while after that on; the names of
// the figures begin with prefix.
func doctorsBudget(ctx context.Context, b *bench, run int, prefix string, from time.Duration, fault func() netlab.Fault) error {
	without, err := netlab.BuildWith(ctx, b.dir, "undoctored", "-X github.com/gmsd/gmsd/gms.undoctored=yes")
	if err != nil {
		return err
	}
	return b.with(run, small, small, func(t *trial) error {
		l, err := netlab.New(netlab.Options{Binary: without, Hosts: small, Transport: b.transport})
		if err != nil {
			return err
		}
		other := &trial{l, b, small, run}
		return errors.Join(compareRest(t, other, prefix, from, fault), l.Close(), l.Remove())
	})
}

// compareRest gives by how much one group at rest spends more than the other.
func compareRest(with, without *trial, prefix string, from time.Duration, fault func() netlab.Fault) error {
	for _, t := range []*trial{with, without} {
		if _, err := t.StartAll(netlab.All(small)); err != nil {
			return err
		}
		if _, err := t.Settle(patience, netlab.All(small)); err != nil {
			return err
		}
		if fault == nil {
			continue
		}
		if _, err := t.Impose(fault()); err != nil {
			return err
		}
	}
	if err := with.Hold(from); err != nil {
		return err
	}
	var before, after [2][]netlab.Usage
	for i, t := range []*trial{with, without} {
		var err error
		if before[i], err = t.usages(); err != nil {
			return err
		}
	}
	if err := with.Hold(with.b.rest); err != nil {
		return err
	}
	for i, t := range []*trial{with, without} {
		var err error
		if after[i], err = t.usages(); err != nil {
			return err
		}
	}
	for i := range small {
		with.run = i + 1
		bytes, cpu := spent(before[0][i], after[0][i])
		bytesLess, cpuLess := spent(before[1][i], after[1][i])
		with.add(prefix+"doctor_sent_bytes_s", bytes-bytesLess)
		with.add(prefix+"undoctored_sent_bytes_s", bytesLess)
		with.add(prefix+"doctor_cpu_pct", cpu-cpuLess)
	}
	return nil
}

// spent are bytes a second, and the share of a core in a hundred.
func spent(before, after netlab.Usage) (bytes, cpu float64) {
	seconds := after.At.Sub(before.At).Seconds()
	return float64(after.SentBytes-before.SentBytes) / seconds, 100 * (after.CPU - before.CPU).Seconds() / seconds
}
