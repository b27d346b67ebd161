package scenario

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gmsd/gmsd/internal/sim"
)

// currentViews says where each machine stands; those that agree share a line.
func currentViews(f *Film, _ *Command) (string, error) {
	var lines []line
	for n := 1; n <= f.w.Machines(); n++ {
		text := f.standing(n)
		if text == "" {
			continue
		}
		found := false
		for i := range lines {
			if lines[i].text == text {
				lines[i].who |= 1 << n
				found = true
			}
		}
		if !found {
			lines = append(lines, line{text: text, who: 1 << n})
		}
	}
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%s: %s\n", strings.ReplaceAll(l.who.String(), ",", " "), l.text)
	}
	return b.String(), nil
}

func (f *Film) standing(n int) string {
	h := f.w.Host(n)
	v := h.View()
	switch {
	case h.Paused():
		return "stopped"
	case h.Machine() == nil && n == f.w.Machines() && h.Ended() == "":
		return ""
	case h.Machine() == nil:
		return strings.TrimSpace("down " + h.Ended())
	case v == nil:
		return "in no view"
	}
	return "in " + f.w.DrawMembers(v)
}

func status(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	var b strings.Builder
	for _, n := range s.Numbers() {
		if m := f.w.Host(n).Machine(); m != nil {
			fmt.Fprintf(&b, "%d: %s\n", n, strings.TrimSpace(m.Describe()))
		}
	}
	return b.String(), err
}

func show(on bool) handler {
	return func(f *Film, c *Command) (string, error) {
		for _, kind := range c.Words {
			f.shown[kind] = on
		}
		return "", nil
	}
}

func expectView(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	if err != nil {
		return "", err
	}
	if !f.w.Converged(s) {
		now, _ := currentViews(f, c)
		f.fault("%s are not in one view of exactly themselves:\n%s", s, now)
		return "", nil
	}
	return "ok\n", nil
}

func expectAlone(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	for _, n := range s.Numbers() {
		if !f.w.Converged(sim.HostSet(1) << n) {
			f.fault("%d is not alone: %s", n, f.standing(n))
		}
	}
	return "ok\n", err
}

func expectDown(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	for _, n := range s.Numbers() {
		if f.w.Host(n).Machine() != nil {
			f.fault("%d is not down: %s", n, f.standing(n))
		}
	}
	return "ok\n", err
}

func expectDelivered(f *Film, c *Command) (string, error) {
	return f.expectCount(c, f.delivered, func(got, want int) bool { return got == want }, "delivered", "messages")
}

func expectInstalls(f *Film, c *Command) (string, error) {
	return f.expectCount(c, f.installs, func(got, want int) bool { return got <= want }, "installed", "views")
}

// expectCount holds counters against a number and starts them anew.
func (f *Film) expectCount(c *Command, counts map[int]int, fits func(got, want int) bool, did, what string) (string, error) {
	s, err := f.wordSet(c, 0)
	if err != nil {
		return "", err
	}
	text, err := c.word(1, "the number")
	if err != nil {
		return "", err
	}
	want, err := strconv.Atoi(text)
	for _, n := range s.Numbers() {
		if !fits(counts[n], want) {
			f.fault("%d %s %d %s, want %d", n, did, counts[n], what, want)
		}
	}
	clear(counts)
	return "ok\n", err
}

func check(f *Film, _ *Command) (string, error) {
	f.over = true
	if failure := f.w.Judge(); failure != nil {
		f.fault("%s: %s", failure.Property, failure.Witness)
		return "", nil
	}
	return "ok\n", nil
}
