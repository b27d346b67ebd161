package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/bench"
	"github.com/gmsd/gmsd/cmd/gmsd/internal/settings"
)

var benchCommand = &command{
	name: "bench", args: "[--hosts N] [--phases LIST] [--runs N] [--json]",
	short: "measure this machine, or running daemons: throughput, latency, changes",
	long: `Bench measures what gmsd can do on this machine. It runs hosts of the library in
its own process, on the loopback interface, with a group, a multicast address
and temporary directories of their own: no daemon is needed and none is
disturbed. But it takes all processors; stop it by a signal at any time. The hosts
have no key, as --insecure-lab, but for the phase that says so.

  form   from the first start until every host has the view of all
  flood  messages delivered per second and host, own ones included, while 1 and
         all hosts send as fast as flow control lets them, by size and order
  rate   one-way latency at every host (lat) and from send to own delivery (own)
         at a steady rate of 100 byte messages from one sender
  seal   the flood of 1024 byte agreed messages from all hosts without a key and
         with one, in turn, and what sealing costs of it
  groups joining and leaving a light group, a client dying, a thousand groups
  state  a state of 256 MiB from a donor to a joiner
  slow   how much the process grows while one port does not read under a flood
  leave  from the act until the last host has the view without the one who left
  kill   the longest silence at a survivor when the coordinator goes under a flood

With --live it is a client of running daemons instead, whose group it floods: form,
seal, slow, leave and kill are left out.

The table gives median, least and greatest over hosts and runs. With --json one
record a line is printed, in the form and with the names that the harnesses of
other systems use, so that they can be laid side by side.`,
	examples: `  gmsd bench
  gmsd bench --phases flood --sizes 1024 --orders agreed --senders all --runs 5
  gmsd bench --live /var/lib/gmsd/clients.sock --phases flood,rate,groups
  gmsd bench --json >> results.jsonl`,
	flags: func(c *call) {
		o := &c.bench
		*o = bench.Defaults()
		c.set.StringVar(&o.Live, "live", "", "measure running daemons through `SOCKET,...` of theirs instead: their groups carry the load")
		c.set.StringVar(&o.Transport, "transport", o.Transport, "`WORD`: mcast, udp, tcp, router, or relay for hosts that reach only the router")
		c.set.IntVar(&o.Hosts, "hosts", o.Hosts, "`N` hosts in the group")
		c.set.IntVar(&o.Runs, "runs", o.Runs, "`N` runs, each with a new group")
		c.set.StringVar(&o.Phases, "phases", o.Phases, "`LIST` of what to measure")
		c.set.DurationVar(&o.Duration, "duration", o.Duration, "how long each load is measured, after a warm-up")
		c.set.StringVar(&o.Sizes, "sizes", o.Sizes, "`LIST` of the flood's payloads in bytes")
		c.set.StringVar(&o.Orders, "orders", o.Orders, "`LIST` of orders")
		c.set.StringVar(&o.Senders, "senders", o.Senders, "`LIST` of the numbers of hosts that flood")
		c.set.IntVar(&o.Rate, "rate", o.Rate, "`N` messages a second of the rate phase")
		c.set.StringVar(&o.Profile, "profile", "", "write a processor profile of the first run's flood to `FILE`")
		c.set.BoolVar(&c.json, "json", false, "print one JSON record a line")
	},
	run: runBench,
}

func runBench(c *call) error {
	c.bench.Told = func(line string) { fmt.Fprintln(c.err, line) }
	report, err := bench.Run(c.ctx, c.bench)
	for _, note := range report.Notes {
		fmt.Fprintln(c.err, "note:", note)
	}
	print := report.Table
	if c.json {
		print = report.Records.Write
	}
	if len(report.Records) > 0 {
		err = errors.Join(err, print(c.out))
	}
	var options *bench.OptionsError
	var file *fs.PathError
	switch {
	case errors.Is(err, context.Canceled):
		return coded(exitRefused, "interrupted; what is printed was measured before")
	case errors.As(err, &options):
		return fmt.Errorf("%w: %w", settings.ErrUsage, err)
	case errors.As(err, &file), errors.Is(err, bench.ErrNoDaemon):
		return coded(exitRefused, "%w", err)
	}
	return err
}
