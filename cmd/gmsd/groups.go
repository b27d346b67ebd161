package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/settings"
	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/views"
)

var sendCommand = &command{
	name: "send", args: "GROUP MESSAGE [--order fifo|agreed|safe] [--json]",
	short: "multicast a message to a process group",
	long: `Send multicasts a message to a process group and returns when it was delivered
at this host under the promise of its order: fifo keeps each sender's order,
agreed is one order for all, safe is agreed and waits until every member holds the
message. MESSAGE - reads standard input. At most 16 MiB.`,
	examples: `  gmsd send news "hello"
  gmsd send news --order fifo "hello"
  gmsd send orders --order safe "42 apples"
  date | gmsd send clock -`,
	flags: func(c *call) {
		c.queryFlags()
		c.set.StringVar(&c.order, "order", "agreed", "`WORD`: fifo, agreed or safe")
	},
	run: runSend, argsMin: 2, argsMax: 2,
}

var listenCommand = &command{
	name: "listen", args: "GROUP [--json]",
	short: "print a process group's messages and views",
	long: `Listen prints what is delivered to a process group from now on, with the views
and blocks between the messages, until it is interrupted. The group does not wait
for it: where it cannot keep up it is cut off, and says so.`,
	examples: `  gmsd listen news
  gmsd listen news --json | jq -r 'select(.ev=="message").text'`,
	flags: (*call).queryFlags,
	run:   runListen, argsMin: 1, argsMax: 1,
}

// groupPath is where the API has the group that the first word names.
func (c *call) groupPath() (string, error) {
	switch name := c.words[0]; name {
	case "", ".", "..": // a path has no place for them
		return "", fmt.Errorf("%w: %q is no name of a group", settings.ErrUsage, name)
	default:
		return "/v1/groups/" + url.PathEscape(name), nil
	}
}

func runSend(c *call) error {
	path, err := c.groupPath()
	if err != nil {
		return err
	}
	if _, ok := views.ParseOrder(c.order); !ok {
		return fmt.Errorf("%w: --order %s does not exist: fifo, agreed or safe", settings.ErrUsage, c.order)
	}
	payload := []byte(c.words[1])
	if c.words[1] == "-" {
		if payload, err = io.ReadAll(io.LimitReader(c.in, views.PayloadMax+1)); err != nil {
			return coded(exitRefused, "standard input: %w", err)
		}
	}
	ctx, cancel := c.limited()
	defer cancel()
	body, err := c.client().Do(ctx, http.MethodPost, path+"/messages?order="+c.order+"&timeout="+c.timeout.String(), payload)
	if err != nil {
		return err
	}
	if c.json {
		_, err = c.out.Write(body)
		return err
	}
	var answer admin.SendAnswer
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("not an answer to a message: %w", err)
	}
	fmt.Fprintf(c.out, "delivered in view %s", describeID(answer.View))
	if answer.K > 0 {
		fmt.Fprintf(c.out, " at position %d", answer.K)
	}
	fmt.Fprintln(c.out)
	return nil
}

func runListen(c *call) error {
	path, err := c.groupPath()
	if err != nil {
		return err
	}
	l := &listening{names: map[views.HostID]string{}}
	return c.printLines(path+"/events", func(line []byte) (string, error) {
		var e admin.GroupEvent
		if err := json.Unmarshal(line, &e); err != nil {
			return "", fmt.Errorf("not a group's event: %w", err)
		}
		return l.describe(&e), nil
	})
}

// listening knows the names that host ids stand for.
type listening struct{ names map[views.HostID]string }

func (l *listening) describe(e *admin.GroupEvent) string {
	switch e.Ev {
	case "view", "state":
		if e.View == nil {
			return ""
		}
		for _, m := range e.View.Members {
			l.names[m.Host] = m.Name
		}
		return fmt.Sprintf("-- %s %s {%s}", e.Ev, describeID(e.View.ID), strings.Join(names(e.View.Members, func(admin.Member) bool { return true }), " "))
	case "message":
		if e.GroupMessage == nil {
			return ""
		}
		name := l.names[e.From]
		if name == "" {
			name = e.From.Short()
		}
		text := fmt.Sprintf("(%d bytes that are no text)", len(e.Payload))
		if e.Text != nil {
			text = strings.TrimRight(*e.Text, "\n")
		}
		return name + ": " + text
	}
	return "-- " + e.Ev
}
