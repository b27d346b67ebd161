package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/gmsd/gmsd/bench/internal/stage"
	"github.com/gmsd/gmsd/bench/internal/table"
	"github.com/gmsd/gmsd/internal/figures"
	"github.com/gmsd/gmsd/internal/netlab"
)

const (
	// loadsLimit bounds a run beside its windows.
	loadsLimit = 3 * time.Minute
	// patience bounds what must happen at all.
	patience = time.Minute
	// quiet is how long a group is left alone before an act.
	quiet = 2 * time.Second
	// small is the size of the groups that are laid beside Corosync and JGroups.
	small = 4
)

// daemonStages are gmsd daemons in the surroundings of package corosync.
func daemonStages() []stage.Stage {
	out := []stage.Stage{
		{Name: "gmsd-daemon", Needs: []string{"ip", "nft"}, Root: true, EachRun: loadsLimit, Run: daemonLoads},
		{Name: "gmsd-daemon-views", Needs: []string{"ip", "nft"}, Root: true, EachRun: 4 * patience, Run: daemonViews},
	}
	for _, n := range crowds {
		out = append(out, stage.Stage{
			Name: fmt.Sprintf("gmsd-daemon-crowd-%d", n), Needs: []string{"ip", "nft"}, Root: true, EachRun: 3 * patience,
			Run: func(ctx context.Context, e *stage.Env) error { return eachRun(ctx, e, n, (*trial).kill) },
		})
	}
	return out
}

// trial is one lab of daemons that have formed a group.
type trial struct {
	*netlab.Lab
	*stage.Env
	n, run int
	// formed is how long that took, from the last process's start.
	formed time.Duration
}

func (t *trial) put(metric string, value float64) {
	t.Put(figures.Record{Peer: "gmsd", Cfg: "daemon", N: t.n, Metric: metric, Value: value, Run: t.run})
}

func eachRun(ctx context.Context, e *stage.Env, n int, work func(*trial, context.Context) error) error {
	for i := 1; i <= e.Runs; i++ {
		e.Told(fmt.Sprintf("run %d of %d", i, e.Runs))
		if err := once(ctx, &trial{Env: e, n: n, run: i}, work); err != nil {
			return err
		}
	}
	return nil
}

func once(ctx context.Context, t *trial, work func(*trial, context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	lab, err := netlab.New(netlab.Options{Binary: t.Gmsd, Hosts: t.n, Flags: []string{"--event-messages=false"}})
	if err != nil {
		return err
	}
	t.Lab = lab
	if err = t.form(); err == nil {
		err = work(t, ctx)
	}
	return errors.Join(err, lab.Close(), lab.Remove())
}

func (t *trial) form() error {
	began := t.Now() // before the first, as for the peers
	if _, err := t.StartAll(netlab.All(t.n)); err != nil {
		return err
	}
	agreed, err := t.Settle(patience, netlab.All(t.n))
	if err != nil {
		return err
	}
	t.formed = agreed[0].At.Sub(began)
	return t.Hold(quiet)
}

// daemonViews measures forming and leaving, then, in a new group, a kill.
func daemonViews(ctx context.Context, e *stage.Env) error {
	return errors.Join(eachRun(ctx, e, small, (*trial).leave), eachRun(ctx, e, small, (*trial).kill))
}

func (t *trial) leave(context.Context) error {
	t.put("form_all_ms", t.formed.Seconds()*1e3)
	began, err := t.Leave(t.bystander())
	if err != nil {
		return err
	}
	agreed, err := t.Settle(patience, t.others())
	if err == nil {
		t.put("leave_all_ms", agreed[0].At.Sub(began).Seconds()*1e3)
	}
	return err
}

func (t *trial) kill(context.Context) error {
	began, err := t.Kill(t.bystander())
	if err != nil {
		return err
	}
	agreed, err := t.Settle(patience, t.others())
	if err == nil {
		t.put("kill1_all_s", agreed[0].At.Sub(began).Seconds())
	}
	return err
}

// bystander is the highest host that does not coordinate.
func (t *trial) bystander() int {
	if t.Self(t.n).Host == t.View(1).View.Coordinator {
		return t.n - 1
	}
	return t.n
}

func (t *trial) others() []int {
	gone := t.bystander() - 1
	all := netlab.All(t.n)
	return append(all[:gone], all[gone+1:]...)
}

// daemonLoads measures daemons with a client beside each.
func daemonLoads(ctx context.Context, e *stage.Env) error {
	return eachRun(ctx, e, small, (*trial).load)
}

// load floods through a client beside every daemon. The sockets are files, so one
// bench process reaches them all, whatever namespace its daemon is in.
func (t *trial) load(ctx context.Context) error {
	var sockets []string
	for i := 1; i <= t.n; i++ {
		sockets = append(sockets, filepath.Join(t.DataDir(i), "clients.sock"))
	}
	o, err := t.Execute(1, t.limit(ctx), "bench", "--live", strings.Join(sockets, ","), "--json",
		"--runs", "1", "--phases", "flood,rate,groups", "--orders", "fifo,agreed,safe", "--duration", t.Window.String())
	if err != nil {
		return err
	}
	if o.Code != 0 {
		err = fmt.Errorf("gmsd bench --live ended with code %d: %s", o.Code, o.Stderr)
	}
	set, unread := table.Read(strings.NewReader(o.Stdout))
	for _, r := range set {
		r.Cfg, r.Run = strings.Replace(r.Cfg, "live", "daemon", 1), t.run
		t.Put(r)
	}
	return errors.Join(unread, err)
}

// limit is what is left of a stage.
func (t *trial) limit(ctx context.Context) time.Duration {
	if end, ok := ctx.Deadline(); ok {
		return time.Until(end)
	}
	return loadsLimit
}
