package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/settings"
	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

var whyCommand = &command{
	name: "why", args: "[VIEW] [--json] [--admin ADDR]",
	short: "why a view was made",
	long: `Why prints what led this host to a view: suspicions with their evidence, those
who asked to come in, the phases of the change and the hosts it waited for. VIEW
is a view's seq, as gmsd history lists them; without one it is the current view.`,
	examples: `  gmsd why
  gmsd why 12`,
	flags: (*call).queryFlags,
	run:   runWhy, argsMax: 1,
}

// cause is what led to one view, from the events of this host.
type cause struct {
	install trace.Record
	events  []trace.Record
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
	var records []trace.Record
	for line, err := range client.Lines(ctx, "/v1/events") {
		if err != nil {
			return err
		}
		rec, err := trace.ParseLine(line)
		if err != nil && !errors.Is(err, trace.ErrUnknownEvent) {
			return fmt.Errorf("not an event: %w", err)
		}
		if err == nil {
			records = append(records, rec)
		}
	}
	found, err := findCause(records, seq)
	if err != nil {
		return err
	}
	if c.json {
		return c.printCauseJSON(found)
	}
	c.printCause(found, history.Views)
	return nil
}

// findCause gives the install of view seq (0: the last one) and what stands
// between it and the install before.
func findCause(records []trace.Record, seq views.Seq) (*cause, error) {
	var found *cause
	var events []trace.Record
	for _, r := range records {
		switch ev := r.Event.(type) {
		case trace.Install:
			if seq == 0 || ev.View.Seq == seq {
				found = &cause{install: r, events: events}
			}
			events = nil
		case trace.Suspect, trace.Trust, trace.Pause, trace.Join, trace.Phase, trace.Laggard, trace.Block:
			events = append(events, r)
		}
	}
	if found == nil {
		return nil, coded(exitRefused, "view %d is not in this daemon's memory: gmsd history lists those that are", seq)
	}
	return found, nil
}

func (c *call) printCauseJSON(found *cause) error {
	lines := []json.RawMessage{}
	for _, r := range append(slices.Clone(found.events), found.install) {
		lines = append(lines, trace.AppendJSON(nil, r))
	}
	out, err := json.Marshal(map[string]any{"events": lines})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%s\n", out)
	return nil
}

func (c *call) printCause(found *cause, history []*admin.View) {
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
	}
	if len(found.events) == 0 {
		fmt.Fprintln(c.out, "nothing came before it on this host")
	}
	for _, r := range found.events {
		fmt.Fprintf(c.out, "%12v  %s\n", r.T.Sub(found.install.T).Round(10*time.Microsecond), describeCause(r.Event, names))
	}
	fmt.Fprintf(c.out, "%12s  installed\n", "0s")
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

// describeCause tells one event in words.
func describeCause(event trace.Event, name func(views.HostID) string) string {
	switch e := event.(type) {
	case trace.Suspect:
		return fmt.Sprintf("suspected %s (%s): %s", name(e.Who), e.Detector, e.Evidence)
	case trace.Trust:
		return fmt.Sprintf("trusted %s again (%s): %s", name(e.Who), e.Detector, e.Evidence)
	case trace.Pause:
		return fmt.Sprintf("noticed that this host itself had stood still for %s", e.For)
	case trace.Join:
		return strings.TrimSpace(fmt.Sprintf("%s wanted to come in: %s %s", name(e.Who), e.Verdict, e.Code))
	case trace.Phase:
		text := fmt.Sprintf("%s for view %s", e.Phase, e.Ballot)
		if e.Cause != "" {
			text += ": " + e.Cause
		}
		return text
	case trace.Laggard:
		return fmt.Sprintf("waited for %s: %s", name(e.Who), e.Step)
	case trace.Block:
		return "stopped sending, to complete view " + e.View.String()
	}
	return event.Name()
}
