package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/gmsd/gmsd/internal/netlab"
	"github.com/gmsd/gmsd/internal/netlab/attack"
)

const (
	// tenMinutes of traffic are sent again, replaySpeed times as fast.
	tenMinutes  = 10 * time.Minute
	replaySpeed = 10
	// What else the attacker does, and for how long.
	attackFor       = 2 * time.Minute
	attackDatagrams = 1_000_000
	attackBroken    = 100_000
	attackIdle      = 2000
	// talkEvery is how often a program of each host multicasts.
	talkEvery = 40 * time.Millisecond
)

// attackMeasurements are one siege of each transport.
func attackMeasurements() []measurement {
	var out []measurement
	for _, network := range attack.Networks {
		out = append(out, measurement{name: "attack-" + network.Name, once: true, run: func(_ context.Context, b *bench, run int) error {
			return b.besiege(network, run)
		}})
	}
	return out
}

// besiege lays one siege and has the checkers judge what the members logged.
func (b *bench) besiege(network attack.Network, run int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	l, err := netlab.New(netlab.Options{Binary: b.binary, Hosts: attack.Hosts, Transport: network.Name})
	if err != nil {
		return err
	}
	l.Talk(talkEvery, 1)
	v, err := attack.Siege{
		Network: network, Attacker: exec.Command(self, "-attacker"), Seed: 1,
		Record: b.record, Speed: replaySpeed, Loops: max(1, int(tenMinutes/b.record)),
		Over: attackFor, Datagrams: attackDatagrams, Broken: attackBroken, Idle: attackIdle,
	}.Lay(l)
	if err := errors.Join(err, l.Close()); err != nil {
		return errors.Join(err, l.Remove())
	}
	report, err := l.Check()
	if err := errors.Join(err, l.Remove()); err != nil {
		return err
	}
	for _, violation := range report.Violations {
		v.Faults = append(v.Faults, violation.String())
	}
	fmt.Fprintf(os.Stderr, "%s%d messages, %d deliveries checked\n", v, report.Messages, report.Deliveries)
	b.addVerdict("attack-"+network.Name, v, run)
	return nil
}

func (b *bench) addVerdict(cfg string, v *attack.Verdict, run int) {
	var grown, slowest, lines, logged, astray float64
	for _, w := range v.Watched {
		slowest = max(slowest, w.Slowest.Seconds())
	}
	for i := range v.Accounts {
		a := &v.Accounts[i]
		grown = max(grown, (float64(a.Most)-float64(a.Before))/(1<<20))
		lines, logged = max(lines, float64(a.Said)), max(logged, float64(a.Logged))
		astray = max(astray, float64(a.Opened))
	}
	name := func(metric string) string { return cfg + "_" + metric }
	b.add(cfgProcesses, attack.Members, name("faults"), float64(len(v.Faults)), run)
	b.add(cfgProcesses, attack.Members, name("rss_mib"), grown, run)
	b.add(cfgProcesses, attack.Members, name("admin_s"), slowest, run)
	b.add(cfgProcesses, attack.Members, name("rejoin_ms"), float64(v.Rejoined)/float64(time.Millisecond), run)
	b.add(cfgProcesses, attack.Members, name("opened"), astray, run)
	b.add(cfgProcesses, attack.Members, name("lines"), lines, run)
	b.add(cfgProcesses, attack.Members, name("event_lines"), logged, run)
}

// attackBars are the rows of the table.
func attackBars() []bar {
	var out []bar
	for _, network := range attack.Networks {
		name := func(metric string) string { return "attack-" + network.Name + "_" + metric }
		out = append(out,
			bar{n: attack.Members, metric: name("faults"), what: "attacked by a non-member, " + network.Name + ": wrong views, deliveries, drops without a reason", zero: true},
			bar{n: attack.Members, metric: name("rss_mib"), what: "  resident MiB more, at most", bar: 64},
			bar{n: attack.Members, metric: name("admin_s"), what: "  slowest answer of the admin socket, s", bar: 1},
			bar{n: attack.Members, metric: name("rejoin_ms"), what: "  a member starts again meanwhile, ms to the view"},
			bar{n: attack.Members, metric: name("opened"), what: "  frames of members, sent again to others, that opened"},
			bar{n: attack.Members, metric: name("lines"), what: "  lines for people, a host"},
			bar{n: attack.Members, metric: name("event_lines"), what: "  lines of the event log about what was thrown away, a host"},
		)
	}
	return out
}
