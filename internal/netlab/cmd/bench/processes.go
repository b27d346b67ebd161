package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gmsd/gmsd/internal/netlab"
	"github.com/gmsd/gmsd/views"
)

const (
	// cfgProcesses names the records of real processes in namespaces.
	cfgProcesses = "netns"
	// patience bounds what must happen at all.
	patience = time.Minute
	// quiet is how long a group is left alone before an act, so that heartbeats
	// and observers are what they are at rest.
	quiet = 1500 * time.Millisecond
)

// trial is one lab for one figure.
type trial struct {
	*netlab.Lab
	b   *bench
	n   int
	run int
}

func processMeasurements() []measurement {
	return []measurement{
		{name: "form-5", run: formation(small)},
		{name: "form-16", run: formation(16)},
		{name: "join", run: after(small+1, (*trial).join)},
		{name: "leave", run: after(small, (*trial).leave)},
		{name: "kill-member", run: after(small, func(t *trial) error { return t.kill(false) })},
		{name: "kill-coordinator", run: after(small, func(t *trial) error { return t.kill(true) })},
		{name: "blackhole", run: after(small, (*trial).blackHole)},
		{name: "sigstop", run: after(small, (*trial).freeze)},
		{name: "heal", run: after(small, (*trial).heal)},
	}
}

// with makes a lab, does the work and takes the lab away.
func (b *bench) with(run, n, hosts int, work func(*trial) error) error {
	l, err := netlab.New(netlab.Options{Binary: b.binary, Hosts: hosts, Transport: b.transport})
	if err != nil {
		return err
	}
	err = work(&trial{l, b, n, run})
	return errors.Join(err, l.Close(), l.Remove())
}

func (t *trial) add(metric string, value float64) { t.b.add(cfgProcesses, t.n, metric, value, t.run) }

// took notes the time from an act to the end of an agreement.
func (t *trial) took(metric string, from views.Instant, a netlab.Agreement, unit time.Duration) {
	t.add(metric, float64(a.At.Sub(from))/float64(unit))
}

func formation(n int) func(context.Context, *bench, int) error {
	return func(_ context.Context, b *bench, run int) error {
		return b.with(run, n, n, func(t *trial) error {
			began, err := t.StartAll(netlab.All(n))
			if err != nil {
				return err
			}
			a, err := t.Settle(patience, netlab.All(n))
			if err != nil {
				return err
			}
			t.took("form_all_ms", began, a[0], time.Millisecond)
			most := 0
			for i := 1; i <= n; i++ {
				most = max(most, len(t.InstallsSince(i, 0)))
			}
			t.add("form_views_host", float64(most))
			return nil
		})
	}
}

// small is the size of the groups that something happens to.
const small = 5

// after forms a small group on a lab of hosts, waits until it is at rest, and acts.
func after(hosts int, act func(*trial) error) func(context.Context, *bench, int) error {
	return func(_ context.Context, b *bench, run int) error {
		return b.with(run, small, hosts, func(t *trial) error {
			if _, err := t.StartAll(netlab.All(small)); err != nil {
				return err
			}
			if _, err := t.Settle(patience, netlab.All(small)); err != nil {
				return err
			}
			if err := t.Hold(quiet); err != nil {
				return err
			}
			return act(t)
		})
	}
}

func (t *trial) join() error {
	began, err := t.Start(6)
	if err != nil {
		return err
	}
	a, err := t.Settle(patience, netlab.All(6))
	if err != nil {
		return err
	}
	t.took("join_all_ms", began, a[0], time.Millisecond)
	first := t.InstallsSince(6, 0)[0].At // its view of itself alone
	t.took("join_spoken_ms", first, a[0], time.Millisecond)
	return nil
}

func (t *trial) leave() error {
	began, err := t.Leave(t.bystander())
	if err != nil {
		return err
	}
	return t.survivors("leave_all_ms", began, t.bystander(), time.Millisecond)
}

func (t *trial) kill(coordinator bool) error {
	who, metric := t.bystander(), "kill9_member_all_ms"
	if coordinator {
		who, metric = t.coordinator(), "kill9_coordinator_all_ms"
	}
	began, err := t.Kill(who)
	if err != nil {
		return err
	}
	return t.survivors(metric, began, who, time.Millisecond)
}

func (t *trial) blackHole() error {
	who := t.bystander()
	began, err := t.Impose(&netlab.BlackHole{Host: who})
	if err != nil {
		return err
	}
	return t.survivors("blackhole_all_s", began, who, time.Second)
}

func (t *trial) freeze() error {
	who := t.bystander()
	began, err := t.Freeze(who)
	if err != nil {
		return err
	}
	return t.survivors("sigstop_all_s", began, who, time.Second)
}

func (t *trial) heal() error {
	sides := [][]int{{1, 2, 3}, {4, 5}}
	cut := &netlab.Partition{Sides: sides}
	if _, err := t.Impose(cut); err != nil {
		return err
	}
	if _, err := t.Settle(patience, sides...); err != nil {
		return err
	}
	if err := t.Hold(quiet); err != nil {
		return err
	}
	began, err := t.Lift(cut)
	if err != nil {
		return err
	}
	a, err := t.Settle(patience, netlab.All(5))
	if err != nil {
		return err
	}
	if a[0].Kind != views.Merge {
		return fmt.Errorf("healed by a view of kind %s", a[0].Kind)
	}
	t.took("heal_all_ms", began, a[0], time.Millisecond)
	return nil
}

// survivors waits for the view of all but one of n.
func (t *trial) survivors(metric string, began views.Instant, gone int, unit time.Duration) error {
	var rest []int
	for _, i := range netlab.All(t.n) {
		if i != gone {
			rest = append(rest, i)
		}
	}
	a, err := t.Settle(patience, rest)
	if err != nil {
		return err
	}
	t.took(metric, began, a[0], unit)
	return nil
}

// coordinator is the host that coordinates the present view.
func (t *trial) coordinator() int {
	id := t.View(1).View.Coordinator
	for i := 1; i <= t.n; i++ {
		if t.Self(i).Host == id {
			return i
		}
	}
	return 0
}

// bystander is the highest host that does not.
func (t *trial) bystander() int {
	if t.coordinator() == t.n {
		return t.n - 1
	}
	return t.n
}
