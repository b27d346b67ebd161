package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/settings"
	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

var whyCommand = &command{
	name: "why", args: "[VIEW] [--all] [--json] [--admin ADDR]",
	short: "why a view was made",
	long: `Why prints what led this host to a view: suspicions with their evidence, those
who corroborated them, those who came in, the phases of the change and the hosts it
waited for, each with its time before the view was installed. What is of none of
those who came or went (a refusal, a doubt, a pause of this host) is told where it was
during the change or within three seconds before; a refusal once, with how often.
Of an eviction it says who asked for it, where that was at this host. VIEW is a
view's seq, as gmsd history lists them; without one it is the current view. What led
to those is remembered however much was sent since.

A host sees its own doubts and those that others told it; phases and laggards are known
to the coordinator of the change. With --all the members of the view are asked for
theirs, too, each at its admin address as in gmsd status --all; times are those before
each host's own install.`,
	examples: `  gmsd why
  gmsd why 12
  gmsd why --all`,
	flags: func(c *call) {
		c.queryFlags()
		c.set.BoolVar(&c.all, "all", false, "ask every member of the view")
	},
	run: runWhy, argsMax: 1,
}

// cause is what led to one view, from the events of this host.
type cause struct {
	install trace.Record
	events  []trace.Record
	// forgotten: that host no longer remembers what stood before.
	forgotten bool
}

func runWhy(c *call) error {
	var seq views.Seq
	if len(c.words) == 1 {
		digits, _, _ := strings.Cut(c.words[0], "@")
		n, err := strconv.ParseUint(digits, 10, 64)
		if err != nil || n == 0 {
			return fmt.Errorf("%w: %q is not a view's seq", settings.ErrUsage, c.words[0])
		}
		seq = views.Seq(n)
	}
	ctx, cancel := c.limited()
	defer cancel()
	client := c.client()
	var history admin.HistoryAnswer
	if err := client.Read(ctx, "/v1/history", &history); err != nil {
		return err
	}
	found, err := readCause(ctx, client, seq)
	if err != nil {
		return err
	}
	if c.all {
		return c.whyAll(ctx, client, found, history.Views)
	}
	if c.json {
		return c.printJSON(map[string]any{"events": found.lines(), "forgotten": found.forgotten})
	}
	c.printCause(found, history.Views)
	return nil
}

// readCause asks a daemon for what led it to a view.
func readCause(ctx context.Context, client *admin.Client, seq views.Seq) (*cause, error) {
	var records []trace.Record
	for line, err := range client.Lines(ctx, "/v1/changes") {
		if err != nil {
			return nil, err
		}
		rec, err := trace.ParseLine(line)
		if err != nil && !errors.Is(err, trace.ErrUnknownEvent) {
			return nil, fmt.Errorf("not an event: %w", err)
		}
		if err == nil {
			records = append(records, rec)
		}
	}
	return findCause(records, seq)
}

// findCause gives the install of view seq (0: the last one) and what stands
// between it and the install before, as far as it concerns that view. Records are those
// of [gms.Host.Changes].
func findCause(records []trace.Record, seq views.Seq) (*cause, error) {
	var found *cause
	var events []trace.Record
	var before []trace.HostBits
	forgotten := false
	for _, r := range records {
		switch ev := r.Event.(type) {
		case trace.Install:
			if seq == 0 || ev.View.Seq == seq {
				found = &cause{install: r, events: concerning(events, r, before), forgotten: forgotten}
			}
			events, before, forgotten = nil, ev.Members, false
		case trace.Drop:
			forgotten = forgotten || ev.Reason == gms.DropForgotten
		case trace.Suspect, trace.Trust, trace.Pause, trace.Join, trace.Phase, trace.Laggard, trace.Block:
			events = append(events, r)
		}
	}
	if found == nil {
		return nil, coded(exitRefused, "view %d is not in this daemon's memory: gmsd history lists those that are", seq)
	}
	return found, nil
}

// lines are the events as the event log has them.
func (found *cause) lines() []json.RawMessage {
	lines := []json.RawMessage{}
	for _, r := range append(slices.Clone(found.events), found.install) {
		lines = append(lines, trace.AppendJSON(nil, r))
	}
	return lines
}

func (c *call) printCause(found *cause, history []*admin.View) {
	names := c.printChange(found, history)
	switch {
	case found.forgotten:
		fmt.Fprintln(c.out, "what came before is no longer remembered")
	case len(found.events) == 0:
		fmt.Fprintln(c.out, "nothing came before it on this host")
	}
	for _, l := range found.tell("") {
		fmt.Fprintf(c.out, "%12v  %s\n", l.before.Round(10*time.Microsecond), l.words(names))
	}
	if led := found.install.Event.(trace.Install).View.Coordinator; led != found.install.Host {
		fmt.Fprintf(c.out, "%s led it: gmsd why there, or gmsd why --all, tells its phases and whom it waited for\n", names(led))
	}
}

// printChange prints which view it is and what changed, and gives the names of hosts.
func (c *call) printChange(found *cause, history []*admin.View) func(views.HostID) string {
	install := found.install.Event.(trace.Install)
	names := namesOf(history)
	fmt.Fprintf(c.out, "view %s of %s was made by: %s\n", install.View, describeSize(len(install.Members)), install.Reason)
	i := slices.IndexFunc(history, func(v *admin.View) bool {
		return v.ID.Seq == install.View.Seq && v.ID.Coordinator == install.View.Coordinator
	})
	if i >= 0 {
		if line := describeChange(history[i], history); line != "" {
			fmt.Fprintln(c.out, line)
		}
		if install.Reason == views.ReasonEvict {
			fmt.Fprintln(c.out, describeEviction(found, history[i].AskedBy, names))
		}
	}
	return names
}

// describeEviction says by whose word a member was put out, as far as it is known here.
func describeEviction(found *cause, askedBy string, names func(views.HostID) string) string {
	slow := slices.ContainsFunc(found.events, func(r trace.Record) bool {
		s, ok := r.Event.(trace.Suspect)
		return ok && s.Detector == detectorFlow
	})
	led := found.install.Event.(trace.Install).View.Coordinator
	switch {
	case askedBy != "":
		return "an operator asked for it at this host: " + askedBy
	case slow:
		return "no operator asked for it: it held up the whole group"
	case led == found.install.Host:
		return "an operator asked for it by way of this host"
	}
	return fmt.Sprintf("an operator asked for it at %s, whose log says who (msg=admin), or it held up the whole group: gmsd why --all tells", names(led))
}

func namesOf(history []*admin.View) func(views.HostID) string {
	names := map[views.HostID]string{}
	for _, v := range history {
		for _, m := range v.Members {
			names[m.Host] = m.Name
		}
	}
	return func(id views.HostID) string {
		if n, ok := names[id]; ok {
			return n
		}
		return id.Short()
	}
}
