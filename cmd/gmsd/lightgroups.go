package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/views"
)

// groupsShown and portsShown bound what people are shown; --json and GET /v1/groups
// have all.
const (
	groupsShown = 20
	portsShown  = 16
)

// hostNames are the names that host ids stand for.
type hostNames map[views.HostID]string

func (n hostNames) learn(v *admin.View) {
	if v == nil {
		return
	}
	for i := range v.Members {
		n[v.Members[i].Host] = v.Members[i].Name
	}
}

// of gives a host's name, or its short id.
func (n hostNames) of(host views.HostID) string {
	if name := n[host]; name != "" {
		return name
	}
	return host.Short()
}

// port gives a member of a light group as name@host:port.
func (n hostNames) port(p *admin.GroupPort) string {
	return fmt.Sprintf("%s@%s:%d", plain(p.Name), n.of(p.Host), p.Port)
}

// ports gives members of a light group in one line.
func (n hostNames) ports(list []admin.GroupPort) string {
	var words []string
	for i := range list[:min(len(list), portsShown)] {
		words = append(words, n.port(&list[i]))
	}
	if more := len(list) - portsShown; more > 0 {
		words = append(words, fmt.Sprintf("and %d more", more))
	}
	return "{" + strings.Join(words, " ") + "}"
}

// plain keeps what a program or another host said from moving a terminal's cursor.
func plain(s string) string {
	quoted := fmt.Sprintf("%q", s)
	if quoted == `"`+s+`"` {
		return s
	}
	return quoted
}

// describeGroupID gives 2@1a2b3c4d.7.
func describeGroupID(id admin.GroupID) string { return fmt.Sprintf("%s.%d", describeID(id.View), id.K) }

// showGroups prints the light groups with a program of the daemon's host in them,
// one line each.
func (c *call) showGroups(ctx context.Context, client *admin.Client, names hostNames) error {
	var answer admin.GroupsAnswer
	if err := client.Read(ctx, "/v1/groups", &answer); err != nil {
		return err
	}
	drawGroups(c.out, answer.Groups, names)
	return nil
}

func drawGroups(w io.Writer, list []admin.GroupView, names hostNames) {
	if len(list) > 0 {
		fmt.Fprintf(w, "light groups with programs of this host: %d\n", len(list))
	}
	for i := range list[:min(len(list), groupsShown)] {
		g := &list[i]
		fmt.Fprintf(w, "  %s   view %s, %s   %s\n", plain(g.Name), describeGroupID(g.ID), describeSize(len(g.Members)), names.ports(g.Members))
	}
	if more := len(list) - groupsShown; more > 0 {
		fmt.Fprintf(w, "  and %d more: GET /v1/groups\n", more)
	}
}
