package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gmsd/gmsd/internal/admin"
)

// memberStatus is what one member says of itself, or why it does not.
type memberStatus struct {
	askedAt
	Said  *admin.StatusAnswer `json:"status"` // null: no answer
	Error string              `json:"error"`
}

// allAnswer is the JSON of `gmsd status --all`. Differ has, for each thing in
// which members differ, its values and who has each.
type allAnswer struct {
	Members []memberStatus                 `json:"members"`
	Differ  map[string]map[string][]string `json:"differ"`
}

// runStatusAll asks the members of the local daemon's view, each at the address
// that /v1/sd gives; the local one the way we came.
func runStatusAll(c *call) error {
	ctx, cancel := c.limited()
	defer cancel()
	client := c.client()
	var local admin.StatusAnswer
	if err := client.Read(ctx, "/v1/status", &local); err != nil {
		return err
	}
	var targets []admin.ServiceTarget
	if err := client.Read(ctx, "/v1/sd", &targets); err != nil {
		return err
	}
	answer := allAnswer{Members: c.askAll(ctx, &local, targets)}
	answer.Differ = differences(answer.Members)
	if !c.json {
		c.printAll(&answer)
	} else if err := c.printJSON(answer); err != nil {
		return err
	}
	silent := 0
	for i := range answer.Members {
		if answer.Members[i].Said == nil {
			silent++
		}
	}
	if silent > 0 {
		return coded(exitRefused, "%s of %d did not answer: members are asked at their admin address, which is the attribute admin where it is set (run --admin ADDR:PORT --attrs admin=ADDR:PORT, or --admin-tls ADDR:PORT --attrs admin=https://ADDR:PORT)",
			describeSize(silent), len(answer.Members))
	}
	return nil
}

func (c *call) askAll(ctx context.Context, local *admin.StatusAnswer, targets []admin.ServiceTarget) []memberStatus {
	out := make([]memberStatus, len(targets))
	askMembers(targets, func(i int, at askedAt) {
		m := &out[i]
		m.askedAt = at
		if m.Host == local.Self {
			m.Said = local
			return
		}
		m.ask(ctx, c.clientOf(m.Admin))
	})
	return out
}

func (m *memberStatus) ask(ctx context.Context, client *admin.Client) {
	defer client.Close()
	var said admin.StatusAnswer
	switch err := client.Read(ctx, "/v1/status", &said); {
	case err != nil:
		m.Error = err.Error()
	case said.Self != m.Host:
		m.Error = fmt.Sprintf("another host answers at %s: %s (%s)", m.Admin, said.Name, said.Self.Short())
	default:
		m.Said = &said
	}
}

// compared is in what members of one view should not differ.
func compared(s *admin.StatusAnswer) map[string]string {
	return map[string]string{"state": s.State, "version": s.Version, "view": describeViewOf(s)}
}

func describeViewOf(s *admin.StatusAnswer) string {
	if s.View == nil {
		return "none"
	}
	return describeID(*s.View)
}

func differences(members []memberStatus) map[string]map[string][]string {
	differ := map[string]map[string][]string{}
	for i := range members {
		if members[i].Said == nil {
			continue
		}
		for what, value := range compared(members[i].Said) {
			if differ[what] == nil {
				differ[what] = map[string][]string{}
			}
			differ[what][value] = append(differ[what][value], members[i].Name)
		}
	}
	maps.DeleteFunc(differ, func(_ string, values map[string][]string) bool { return len(values) == 1 })
	return differ
}

func (c *call) printAll(a *allAnswer) {
	t := newTable(c.out, 2)
	fmt.Fprintln(t, "name\thost\tstate\tview\tmembers\tversion")
	for i := range a.Members {
		m := &a.Members[i]
		if m.Said == nil {
			fmt.Fprintf(t, "%s\t%s\tno answer: %s\n", m.Name, m.Host.Short(), m.Error)
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\n", m.Name, m.Host.Short(), m.Said.State, describeViewOf(m.Said), m.Said.Members, m.Said.Version)
	}
	_ = t.Flush() // as in drawView
	for _, what := range slices.Sorted(maps.Keys(a.Differ)) {
		var parts []string
		for _, value := range slices.Sorted(maps.Keys(a.Differ[what])) {
			parts = append(parts, value+": "+shorten(a.Differ[what][value]))
		}
		fmt.Fprintf(c.out, "they differ in %s: %s\n", what, strings.Join(parts, "; "))
	}
}
