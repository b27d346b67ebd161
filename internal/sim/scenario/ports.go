package scenario

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/sim"
	"github.com/gmsd/gmsd/views/groups"
)

// Light groups and their clients. Nobody answers for a client: a film does.

func init() { //nolint:gochecknoinits // as in command.go
	for name, do := range map[string]handler{
		"join": joinGroup, "part": partGroup, "backlog": backlog, "trouble": stateTrouble,
		"port-gone": onPort(func(w *sim.World, n int, port uint32, _ string) bool { return w.PortGone(n, port) }),
		"ready":     onPort((*sim.World).Ready),

		"expect-group": expectGroup, "expect-given": expectGiven, "expect-slowest": expectSlowest,
		"expect-states": expectStates,
	} {
		commands[name] = do
	}
}

// client reads SET port=P group=G.
func (f *Film) client(c *Command) (s sim.HostSet, port uint32, group string, err error) {
	if s, err = f.wordSet(c, 0); err != nil {
		return 0, 0, "", err
	}
	n, err := c.number("port", 1)
	if group = c.Options["group"]; group == "" {
		group = "g"
	}
	return s, uint32(n), group, err
}

// onPort makes a command that does one thing to a client of every host of a set.
func onPort(do func(w *sim.World, n int, port uint32, group string) bool) handler {
	return func(f *Film, c *Command) (string, error) {
		s, port, group, err := f.client(c)
		for _, n := range s.Numbers() {
			if !do(f.w, n, port, group) {
				f.fault("%d has no port %d", n, port)
			}
		}
		return "", err
	}
}

func joinGroup(f *Film, c *Command) (string, error) {
	return onPort(func(w *sim.World, n int, port uint32, group string) bool {
		return w.Join(n, port, group, c.has("block"), c.has("state"))
	})(f, c)
}

func partGroup(f *Film, c *Command) (string, error) {
	why := groups.Left
	if c.Options["why"] == "cut" {
		why = groups.Cut
	}
	return onPort(func(w *sim.World, n int, port uint32, group string) bool { return w.Part(n, port, group, why) })(f, c)
}

func backlog(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	if err != nil {
		return "", err
	}
	text, err := c.word(1, "the bytes")
	if err != nil {
		return "", err
	}
	bytes, err := strconv.Atoi(text)
	for _, n := range s.Numbers() {
		f.w.Give(n, engine.Backlog{Bytes: bytes})
	}
	return "", err
}

// seePorts notes what an engine says to its ports.
func (f *Film) seePorts(h *sim.Host, d engine.Delivery) {
	n := h.Number()
	switch d := d.(type) {
	case groups.GroupView:
		text := fmt.Sprintf("port %s: group %s %s trans=%s", portNumbers(d.Ports), d.Group, f.drawMembers(d.Members), f.drawMembers(d.Trans))
		for _, gone := range d.Left {
			text += fmt.Sprintf(" without %s %s", f.drawMembers([]groups.Member{gone.Member}), gone.Why)
		}
		f.say(n, text)
	case groups.Block:
		f.say(n, fmt.Sprintf("port %s is asked to stop in %s", portNumbers(d.Ports), d.Group))
	case engine.GroupUnblocked:
		f.say(n, fmt.Sprintf("port %s may go on in %s", portNumbers(d.Ports), d.Group))
	case groups.Parted:
		f.say(n, fmt.Sprintf("port %d is out of %s: %s", d.Port, d.Group, d.Why))
	case groups.JoinFailed:
		f.say(n, fmt.Sprintf("port %d cannot join %s", d.Port, d.Group))
	default:
		f.seeStates(n, d)
	}
}

// seeGiven notes a message that a port is given.
func (f *Film) seeGiven(h *sim.Host, port uint32, m *engine.Message) {
	f.given[h.Number()]++
	if !f.shown["gets"] {
		return
	}
	text := fmt.Sprintf("port %d of %s gets %s.%d#%d %s", port, m.Group, f.w.DrawHost(m.Msg.From.Host), m.Port, m.Msg.N, m.Order)
	if m.Transitional {
		text += " transitional"
	}
	f.say(h.Number(), text)
}

func portNumbers(ports []uint32) string { return strings.Trim(fmt.Sprint(ports), "[]") }

func (f *Film) drawMembers(members []groups.Member) string {
	words := make([]string, 0, len(members))
	for _, m := range members {
		words = append(words, fmt.Sprintf("%s.%d", f.w.DrawHost(m.Host), m.Port))
	}
	return "{" + strings.Join(words, " ") + "}"
}

func expectGroup(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	if err != nil {
		return "", err
	}
	group, err := c.word(1, "the group")
	if err != nil {
		return "", err
	}
	want, err := c.word(2, "the members")
	if want == "none" {
		want = ""
	}
	for _, n := range s.Numbers() {
		if got := f.drawMembers(f.w.Members(n, group)); got != "{"+strings.ReplaceAll(want, ",", " ")+"}" {
			f.fault("at %d the view of %s is %s, want %s", n, group, got, want)
		}
	}
	return "ok\n", err
}

func expectGiven(f *Film, c *Command) (string, error) {
	return f.expectCount(c, f.given, func(got, want int) bool { return got == want }, "gave its ports", "messages")
}

// expectSlowest: each host of a set knows who lets nothing be under way.
func expectSlowest(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	if err != nil {
		return "", err
	}
	who, err := c.word(1, "the slow host")
	if err != nil {
		return "", err
	}
	want := ""
	if who != "none" {
		of, err := f.set(who)
		if err != nil {
			return "", err
		}
		want = fmt.Sprintf("slowest=%s room=0", f.w.Host(of.First()).Process().Host.Short())
	}
	for _, n := range s.Numbers() {
		text := f.w.Host(n).Machine().Describe()
		if want != "" && !strings.Contains(text, want) || want == "" && strings.Contains(text, "slowest=") {
			f.fault("%d does not say that %s lets nothing be under way: %s", n, who, text)
		}
	}
	return "ok\n", nil
}
