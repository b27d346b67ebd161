package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// errOtherView: that host has another view of that seq.
var errOtherView = errors.New("it has not installed this view")

// account is what led one member to the view, or why it does not say.
type account struct {
	askedAt
	Events    []json.RawMessage `json:"events"`
	Forgotten bool              `json:"forgotten"`
	Error     string            `json:"error"`
	found     *cause
}

// whyAll asks the other members of the local daemon's view for what led them there.
func (c *call) whyAll(ctx context.Context, client *admin.Client, own *cause, history []*admin.View) error {
	var targets []admin.ServiceTarget
	if err := client.Read(ctx, "/v1/sd", &targets); err != nil {
		return err
	}
	list := c.askAccounts(ctx, own, targets)
	if !c.json {
		c.printAccounts(own, list, history)
	} else if err := c.printJSON(map[string]any{"hosts": list}); err != nil {
		return err
	}
	silent := 0
	for i := range list {
		if list[i].found == nil {
			silent++
		}
	}
	if silent > 0 {
		return coded(exitRefused, "%s of %d did not say", describeSize(silent), len(list))
	}
	return nil
}

func (c *call) askAccounts(ctx context.Context, own *cause, targets []admin.ServiceTarget) []account {
	out := make([]account, len(targets))
	askMembers(targets, func(i int, at askedAt) {
		a := &out[i]
		a.askedAt, a.Events = at, []json.RawMessage{}
		if a.Host == own.install.Host {
			a.take(own)
			return
		}
		a.ask(ctx, c.clientOf(a.Admin), own.install.Event.(trace.Install).View)
	})
	return out
}

func (a *account) ask(ctx context.Context, client *admin.Client, view views.ViewID) {
	defer client.Close()
	found, err := readCause(ctx, client, view.Seq)
	switch {
	case err != nil:
		a.Error = err.Error()
	case found.install.Host != a.Host:
		a.Error = fmt.Sprintf("another host answers at %s: %s", a.Admin, found.install.Host.Short())
	case found.install.Event.(trace.Install).View != view:
		a.Error = errOtherView.Error()
	default:
		a.take(found)
	}
}

func (a *account) take(found *cause) {
	a.found, a.Events, a.Forgotten = found, found.lines(), found.forgotten
}

// printAccounts prints what all say, in the order of their times.
func (c *call) printAccounts(own *cause, list []account, history []*admin.View) {
	names := c.printChange(own, history)
	var lines []told
	for i := range list {
		a := &list[i]
		if a.found == nil {
			fmt.Fprintf(c.out, "%s does not say: %s\n", a.Name, a.Error)
			continue
		}
		if a.Forgotten {
			fmt.Fprintf(c.out, "%s no longer remembers what came before\n", a.Name)
		}
		lines = append(lines, a.found.tell(a.Name)...)
	}
	slices.SortStableFunc(lines, func(a, b told) int { return cmp.Compare(a.before, b.before) })
	tab := newTable(c.out, 2)
	for i := range lines {
		l := &lines[i]
		fmt.Fprintf(tab, "%12v\t%s\t%s\n", l.before.Round(10*time.Microsecond), l.by, l.words(names))
	}
	_ = tab.Flush() // c.out keeps its error
}
