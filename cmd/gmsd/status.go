package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gmsd/gmsd/internal/admin"
)

var statusCommand = &command{
	name: "status", args: "[--all] [--json] [--admin ADDR]",
	short: "how the daemon is doing",
	long: `Status prints who this host is, where it stands, and what its parts say of
themselves. With --all it asks every member of the view, one line each, and
shows where they differ. Members are asked at their admin addresses: what their
attribute admin says, else their address with this daemon's admin port; one that
listens on its loopback address only cannot answer.`,
	examples: `  gmsd status
  gmsd status --all
  gmsd status --json | jq .state`,
	flags: func(c *call) {
		c.queryFlags()
		c.set.BoolVar(&c.all, "all", false, "ask every member of the view")
	},
	run: runStatus,
}

func runStatus(c *call) error {
	if c.all {
		return runStatusAll(c)
	}
	if c.json {
		return c.copyAnswer("/v1/status")
	}
	ctx, cancel := c.limited()
	defer cancel()
	client := c.client()
	body, err := client.Do(ctx, http.MethodGet, "/v1/status", nil)
	if err != nil {
		return err
	}
	var s admin.StatusAnswer
	var tree map[string]any
	if err := errors.Join(json.Unmarshal(body, &s), json.Unmarshal(body, &tree)); err != nil {
		return fmt.Errorf("not a status: %w", err)
	}
	fmt.Fprintf(c.out, "host %s (%s)   group %s   %s   version %s\n", s.Name, s.Self.Short(), s.Group, s.Addr, s.Version)
	fmt.Fprintf(c.out, "%s, in view %s of %s\n", s.State, describeViewOf(&s), describeSize(s.Members))
	if line := describeSlow(&s.Flow); line != "" {
		fmt.Fprintln(c.out, line)
	}
	var view admin.ViewAnswer
	if err := client.Read(ctx, "/v1/view", &view); err != nil {
		return err
	}
	names := hostNames{}
	names.learn(view.View)
	if err := c.showGroups(ctx, client, names); err != nil {
		return err
	}
	for _, told := range []string{"self", "name", "group", "version", "addr", "state", "view", "members", "groups"} {
		delete(tree, told)
	}
	printTree(c.out, tree, "  ")
	return nil
}

// describeSlow says for whom the group waits, if for anybody.
func describeSlow(f *admin.StatusFlow) string {
	switch {
	case f.Slow == nil:
		return ""
	case f.RoomBytes == 0:
		return fmt.Sprintf("the group waits for %s (%s): its programs do not read; nothing is sent until they do", f.Slow.Name, f.Slow.Host.Short())
	}
	return fmt.Sprintf("slowest receiver: %s (%s): %d of %d bytes may be under way", f.Slow.Name, f.Slow.Host.Short(), f.RoomBytes, f.WindowBytes)
}

// printTree prints nested plain values as indented key: value lines.
func printTree(w io.Writer, v any, indent string) {
	m, ok := v.(map[string]any)
	if !ok {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		switch x := m[key].(type) {
		case map[string]any:
			fmt.Fprintf(w, "%s%s:\n", indent, key)
			printTree(w, x, indent+"  ")
		case []any:
			if len(x) > 0 {
				fmt.Fprintf(w, "%s%s:\n", indent, key)
			}
			for _, item := range x {
				fmt.Fprintf(w, "%s  %s\n", indent, describeItem(item))
			}
		default:
			fmt.Fprintf(w, "%s%s: %s\n", indent, key, describeItem(x))
		}
	}
}

// describeItem writes a plain value, or a flat object as key=value.
func describeItem(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case map[string]any:
		var words []string
		for _, key := range slices.Sorted(maps.Keys(x)) {
			words = append(words, key+"="+describeItem(x[key]))
		}
		return strings.Join(words, " ")
	}
	raw, _ := json.Marshal(v) // it came from JSON
	return string(raw)
}
