package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/gmsd/gmsd/internal/admin"
)

var statusCommand = &command{
	name: "status", args: "[--all] [--json] [--admin ADDR]",
	short: "how the daemon is doing",
	long: `Status prints who this host is, where it stands, what is wrong, and how its parts
are; what is zero or empty is left out, --json has it. With --all it asks every member of the view, one line each, and
shows where they differ. Members are asked at their admin addresses: what their
attribute admin says (host:port, or https://host:port), else their address with this daemon's admin port; one that
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
	if err := json.Unmarshal(body, &s); err != nil {
		return fmt.Errorf("not a status: %w", err)
	}
	c.printStatus(&s)
	var view admin.ViewAnswer
	if err := client.Read(ctx, "/v1/view", &view); err != nil {
		return err
	}
	names := hostNames{}
	names.learn(view.View)
	if err := c.showGroups(ctx, client, names); err != nil {
		return err
	}
	c.printParts(&s)
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

// describeAlone says that this host finds none of those it was with.
func describeAlone(d *admin.StatusDiscovery) string {
	if d.AloneSeconds == 0 {
		return ""
	}
	return fmt.Sprintf("ALONE for %.0f s, though it was with others before: %d known addresses are sought, nobody answers", d.AloneSeconds, d.Absent)
}

// describeDeaf says with whom multicast does not work.
func describeDeaf(d *admin.StatusDiscovery) string {
	if len(d.MulticastDeaf) == 0 {
		return ""
	}
	var names []string
	for _, m := range d.MulticastDeaf {
		names = append(names, m.Name)
	}
	return fmt.Sprintf("MULTICAST does not pass between this host and %s; unicast does, and is used", strings.Join(names, ", "))
}

// describeRouters says which gossip routers are lost, and whether frames go through one.
func describeRouters(d *admin.StatusDiscovery) string {
	var lost, relays []string
	for _, r := range d.Routers {
		if !r.Connected {
			lost = append(lost, fmt.Sprintf("%s for %.0f s (%s)", r.Router, r.Seconds, r.Trouble))
		} else if r.Relays {
			relays = append(relays, r.Router)
		}
	}
	var lines []string
	if len(lost) > 0 {
		lines = append(lines, "LOST routers: "+strings.Join(lost, ", "))
	}
	if len(relays) > 0 {
		lines = append(lines, "frames for some members go through "+strings.Join(relays, ", ")+" just now: there is no direct way that works")
	}
	return strings.Join(lines, "\n")
}
