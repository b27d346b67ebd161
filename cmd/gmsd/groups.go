package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/settings"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/views"
)

var sendCommand = &command{
	name: "send", args: "GROUP MESSAGE [--order fifo|agreed|safe] [--json]",
	short: "multicast a message to a process group",
	long: `Send multicasts a message to a process group and returns when it was delivered
at this host under the promise of its order: fifo keeps each sender's order,
agreed is one order for all, safe is agreed and waits until every member holds the
message. MESSAGE - reads standard input to its end. At most 16 MiB. The group need
not have members, and the sender is none. With --json it prints the message's id
(msg), view and position (k; 0 for fifo).

It exits with 0 when the message was delivered, 1 for a usage that is wrong, 2 where
the message was refused or no daemon answers, and 6 where it was not delivered
within --timeout: then it may still be.`,
	examples: `  gmsd send news "hello"
  gmsd send news --order fifo "hello"
  gmsd send orders --order safe "42 apples"
  date | gmsd send clock -`,
	flags: func(c *call) {
		c.queryFlags()
		c.set.StringVar(&c.order, "order", "agreed", "`WORD`: fifo, agreed or safe")
	},
	run: runSend, needs: []string{"GROUP", "MESSAGE (- reads standard input)"}, argsMax: 2,
}

var listenCommand = &command{
	name: "listen", args: "GROUP [--as NAME] [--json]",
	short: "print a process group's messages and views",
	long: `Listen prints what is delivered to a process group from now on, with the views
and blocks between the messages, until it is interrupted. The views are those of
the hosts. With --as it is a member of the light group meanwhile, under that name,
and the views are those of the group: who of which host is in it.

The group does not wait for listen: where it cannot keep up it is cut off, says so
and exits with 2. With --json each event is an object a line, with ev = view,
state, block, unblock, message or parted; payload is base64, text has it where it
is UTF-8.`,
	examples: `  gmsd listen news
  gmsd listen news --as watcher
  gmsd listen news --json | jq -r 'select(.ev=="message").text'`,
	flags: func(c *call) {
		c.queryFlags()
		c.set.StringVar(&c.as, "as", "", "be a member of the light group under this `NAME` (at most 32 bytes)")
	},
	run: runListen, needs: []string{"GROUP"}, argsMax: 1,
}

// groupPath is where the API has the group that the first word names.
func (c *call) groupPath() (string, error) {
	name := c.words[0]
	if err := member.CheckGroup(name); err != nil {
		return "", fmt.Errorf("%w: %w; a group's name is text without control characters", settings.ErrUsage, err)
	}
	escaped := url.PathEscape(name)
	if name == "." || name == ".." { // a path has no place for them as they are
		escaped = strings.ReplaceAll(name, ".", "%2E")
	}
	return "/v1/groups/" + escaped, nil
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
	if len(payload) > views.PayloadMax {
		return coded(exitRefused, "the message is too long: at most %d bytes (16 MiB); send it in several", views.PayloadMax)
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
	l := &listening{names: hostNames{}}
	path += "/events"
	if c.as != "" {
		path += "?join=" + url.QueryEscape(c.as)
		if err := l.learn(c); err != nil {
			return err
		}
	}
	return c.printLines(path, func(line []byte) (string, error) {
		var e admin.GroupEvent
		if err := json.Unmarshal(line, &e); err != nil {
			return "", fmt.Errorf("not a group's event: %w", err)
		}
		return l.describe(&e), nil
	})
}

// listening knows the names that host ids stand for.
type listening struct{ names hostNames }

// learn asks for the names, which the views of a light group do not have.
func (l *listening) learn(c *call) error {
	ctx, cancel := c.limited()
	defer cancel()
	var answer admin.ViewAnswer
	if err := c.client().Read(ctx, "/v1/view", &answer); err != nil {
		return err
	}
	l.names.learn(answer.View)
	return nil
}

func (l *listening) describe(e *admin.GroupEvent) string {
	switch {
	case e.Group != nil:
		return "-- view " + describeGroupID(e.Group.ID) + " " + l.names.ports(e.Group.Members) + l.gone(e.Group.Left)
	case e.View != nil:
		l.names.learn(e.View)
		return fmt.Sprintf("-- %s %s {%s}", e.Ev, describeID(e.View.ID), strings.Join(names(e.View.Members, func(admin.Member) bool { return true }), " "))
	case e.GroupMessage != nil:
		return l.names.of(e.From) + ": " + textOf(e.GroupMessage)
	case e.Why != "":
		return "-- " + e.Ev + ": " + e.Why
	}
	return "-- " + e.Ev
}

// gone tells who is out of a light group, and why.
func (l *listening) gone(left []admin.GroupPort) string {
	var words []string
	for i := range left[:min(len(left), portsShown)] {
		words = append(words, l.names.port(&left[i])+" "+left[i].Why)
	}
	if len(words) == 0 {
		return ""
	}
	return ", out: " + strings.Join(words, ", ")
}

// quotedMost bounds a text that has to be quoted, in characters.
const quotedMost = 1024

// textOf gives a message as people can read it: what a stranger wrote must not
// move the cursor of a terminal.
func textOf(m *admin.GroupMessage) string {
	if m.Text == nil {
		return fmt.Sprintf("(%d bytes that are no text)", len(m.Payload))
	}
	text := strings.TrimRight(*m.Text, "\n")
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
		return fmt.Sprintf("%.*q", quotedMost, text)
	}
	return text
}
