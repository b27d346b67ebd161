package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/views"
)

var viewCommand = &command{
	name: "view", args: "[--watch] [--wait SEQ] [--json] [--admin ADDR]",
	short: "who is in the group",
	long: `View prints the current view of the local daemon: its members by rank, with
their bits (S started, D has-db, Y synced), and who came and went with it.
With --watch it goes on with every view that is installed; with --wait SEQ it
answers when a view above SEQ is installed, within --timeout.`,
	examples: `  gmsd view
  gmsd view --watch
  gmsd view --wait 12 --timeout 10s
  gmsd view --json | jq -r '.view.members[].name'
  gmsd view --admin 127.0.0.1:7750`,
	flags: func(c *call) {
		c.queryFlags()
		c.set.BoolVar(&c.follow, "watch", false, "go on with every new view")
		c.set.Uint64Var(&c.since, "wait", 0, "wait for a view above this `SEQ`")
	},
	run: runView,
}

var historyCommand = &command{
	name: "history", args: "[--json] [--admin ADDR]",
	short:    "the last views of this daemon",
	long:     `History prints the views this daemon has installed since it started, oldest first, at most 256.`,
	examples: `  gmsd history`,
	flags:    (*call).queryFlags,
	run:      runHistory,
}

func runView(c *call) error {
	if c.follow {
		return c.watchViews()
	}
	path := fmt.Sprintf("/v1/view?wait=%d&timeout=%s", c.since, c.timeout)
	if c.json {
		return c.copyAnswer(path)
	}
	return c.printView(path)
}

// printView asks for a view and for the ones before it, whose members tell who
// came and went.
func (c *call) printView(path string) error {
	ctx, cancel := c.limited()
	defer cancel()
	client := c.client()
	var answer admin.ViewAnswer
	if err := client.Read(ctx, path, &answer); err != nil {
		return err
	}
	var history admin.HistoryAnswer
	if err := client.Read(ctx, "/v1/history", &history); err != nil {
		return err
	}
	drawView(c.out, &answer, history.Views)
	names := hostNames{}
	names.learn(answer.View)
	return c.showGroups(ctx, client, names)
}

// watchViews prints each view once until the daemon or the user ends it.
func (c *call) watchViews() error {
	client := c.client()
	var seen views.Seq
	for c.ctx.Err() == nil {
		path := "/v1/view?timeout=10m&wait=" + strconv.FormatUint(uint64(seen), 10)
		body, err := client.Do(c.ctx, "GET", path, nil)
		var answered *admin.Error
		switch {
		case c.ctx.Err() != nil:
			return nil
		case errors.As(err, &answered) && answered.Code == admin.CodeTimeout:
			continue
		case err != nil:
			return err
		}
		if seen, err = c.showWatched(client, body); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) showWatched(client *admin.Client, body []byte) (views.Seq, error) {
	var answer admin.ViewAnswer
	if err := json.Unmarshal(body, &answer); err != nil || answer.View == nil {
		return 0, fmt.Errorf("not a view: %q", body)
	}
	if c.json {
		_, err := c.out.Write(body)
		return answer.View.ID.Seq, err
	}
	var history admin.HistoryAnswer
	if err := client.Read(c.ctx, "/v1/history", &history); err != nil {
		return 0, err
	}
	drawView(c.out, &answer, history.Views)
	fmt.Fprintln(c.out)
	return answer.View.ID.Seq, nil
}

// drawView prints a view as a headline, who came and went, and a table.
func drawView(w io.Writer, a *admin.ViewAnswer, history []*admin.View) {
	if a.View == nil {
		fmt.Fprintf(w, "no view yet (%s)\n", a.State)
		return
	}
	v := a.View
	fmt.Fprintf(w, "view %s   %s, by %s   installed %s   %s\n", describeID(v.ID), describeSize(len(v.Members)), v.Reason,
		v.Installed.Local().Format(time.DateTime), describeState(a))
	if line := describeChange(v, history); line != "" {
		fmt.Fprintln(w, line)
	}
	t := newTable(w, 2)
	fmt.Fprintln(t, "rank\tname\thost\taddr\tbits\tversion\tattrs")
	for _, m := range v.Members {
		mark := " "
		if m.Host == a.Self {
			mark = "*"
		}
		fmt.Fprintf(t, "%3d%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Rank, mark, m.Name, m.Host.Short(), m.Addr, m.Bits(), m.Version, describeAttrs(m.Attrs))
	}
	_ = t.Flush() // it writes to w, whose errors show at the end of the command
}

func describeState(a *admin.ViewAnswer) string {
	state := a.State
	if a.Cluster == nil && state == "zombie" {
		state = "no cluster initialised (zombie)"
	}
	if a.View.Primary {
		return state + fmt.Sprintf(", primary under epoch %d", a.View.Epoch)
	}
	if a.State == "zombie" {
		return state + ", not primary: views and messages work, databases are off"
	}
	return state + ", not primary"
}

func describeID(id admin.ViewID) string {
	return views.ViewID{Seq: id.Seq, Coordinator: id.Coordinator}.String()
}

// describeChange says who came and went since the view before, and which
// regimes a merge brought together.
func describeChange(v *admin.View, history []*admin.View) string {
	var words []string
	if came := names(v.Members, func(m admin.Member) bool { return !slices.Contains(v.Trans, m.Host) }); len(came) > 0 && v.Prev != nil {
		words = append(words, "came: "+strings.Join(came, " "))
	}
	if prev := before(v, history); prev != nil {
		gone := func(m admin.Member) bool {
			return !slices.ContainsFunc(v.Members, func(n admin.Member) bool { return n.Host == m.Host })
		}
		if went := names(prev.Members, gone); len(went) > 0 {
			words = append(words, "went: "+strings.Join(went, " "))
		}
	}
	if v.Kind == "merge" {
		words = append(words, "merged: "+describeSubgroups(v))
	}
	return strings.Join(words, "   ")
}

func describeSubgroups(v *admin.View) string {
	var parts []string
	for _, g := range v.Subgroups {
		in := names(v.Members, func(m admin.Member) bool { return slices.Contains(g.Members, m.Host) })
		parts = append(parts, "{"+strings.Join(in, " ")+"}")
	}
	return strings.Join(parts, " + ")
}

func before(v *admin.View, history []*admin.View) *admin.View {
	if v.Prev == nil {
		return nil
	}
	i := slices.IndexFunc(history, func(h *admin.View) bool { return h.ID == *v.Prev })
	if i < 0 {
		return nil
	}
	return history[i]
}

func names(members []admin.Member, want func(admin.Member) bool) []string {
	var out []string
	for _, m := range members {
		if want(m) {
			out = append(out, m.Name)
		}
	}
	return out
}

func describeAttrs(attrs map[string]string) string {
	out := make([]string, 0, len(attrs))
	for k, v := range attrs {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

// describeSize is "1 member" or "5 members".
func describeSize(n int) string {
	if n == 1 {
		return "1 member"
	}
	return strconv.Itoa(n) + " members"
}

func runHistory(c *call) error {
	if c.json {
		return c.copyAnswer("/v1/history")
	}
	ctx, cancel := c.limited()
	defer cancel()
	var history admin.HistoryAnswer
	if err := c.client().Read(ctx, "/v1/history", &history); err != nil {
		return err
	}
	t := newTable(c.out, 2)
	fmt.Fprintln(t, "installed\tview\tby\tmembers\tchange")
	for _, v := range history.Views {
		all := names(v.Members, func(admin.Member) bool { return true })
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", v.Installed.Local().Format("15:04:05.000"), describeID(v.ID), v.Reason,
			shorten(all), describeChange(v, history.Views))
	}
	return t.Flush()
}

// shorten keeps a line of a table readable in a large group.
func shorten(names []string) string {
	const most = 12
	if len(names) > most {
		return strings.Join(names[:most], " ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, " ")
}
