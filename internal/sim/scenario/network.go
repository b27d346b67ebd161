package scenario

import (
	"fmt"
	"time"

	"github.com/gmsd/gmsd/internal/sim"
)

func partition(f *Film, c *Command) (string, error) {
	var sides []sim.HostSet
	for i := range c.Words {
		s, err := f.wordSet(c, i)
		if err != nil {
			return "", err
		}
		sides = append(sides, s)
	}
	for i, a := range sides {
		for j, b := range sides {
			if i != j {
				f.w.Cut(a, b)
			}
		}
	}
	return "", nil
}

func cut(f *Film, c *Command) (string, error) {
	from, to, err := f.link(c)
	if err == nil {
		f.w.Cut(from, to)
	}
	return "", err
}

func mend(f *Film, c *Command) (string, error) {
	from, to, err := f.link(c)
	if err == nil {
		f.w.Mend(from, to)
	}
	return "", err
}

func heal(f *Film, _ *Command) (string, error) {
	all := f.w.All() | 1<<f.w.Machines()
	f.w.Mend(all, all)
	f.w.EndFaults()
	f.gates.clear()
	return "", nil
}

func multicast(f *Film, c *Command) (string, error) {
	way, err := c.word(0, "out or in")
	if err != nil {
		return "", err
	}
	s, err := f.wordSet(c, 1)
	kind := sim.FaultMulticastOut
	if way == "in" {
		kind = sim.FaultMulticastIn
	}
	if err == nil {
		f.w.Inject(sim.Fault{Kind: kind, A: s, For: 24 * time.Hour})
	}
	return "", err
}

// gate makes a command that adds a rule for frames.
func gate(act action) handler {
	return func(f *Film, c *Command) (string, error) {
		from, to, err := f.link(c)
		if err != nil {
			return "", err
		}
		name, err := c.word(1, "the message type")
		if err != nil {
			return "", err
		}
		typ, ok := parseType(name)
		if !ok {
			return "", fmt.Errorf("message type %q is not known", name)
		}
		count, err := c.number("n", -1)
		f.gates.rules = append(f.gates.rules, &rule{from: from, to: to, typ: typ, act: act, count: count})
		return "", err
	}
}

func crashWhen(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	if err != nil {
		return "", err
	}
	way, err := c.word(1, "sends or receives")
	if err != nil {
		return "", err
	}
	name, err := c.word(2, "the message type")
	if err != nil {
		return "", err
	}
	typ, ok := parseType(name)
	if !ok {
		return "", fmt.Errorf("message type %q is not known", name)
	}
	n, err := c.number("n", 1)
	r := &rule{from: s, to: ^sim.HostSet(0), typ: typ, act: actCrashSender, count: 1, skip: n - 1}
	if way == "receives" {
		r.from, r.to, r.act = ^sim.HostSet(0), s, actCrashReceiver
	}
	f.gates.rules = append(f.gates.rules, r)
	return "", err
}

func release(f *Film, _ *Command) (string, error) {
	for _, r := range f.gates.rules {
		if r.act == actHold {
			r.count = 0
		}
	}
	return fmt.Sprintf("released %d\n", f.gates.release()), nil
}

func replay(f *Film, _ *Command) (string, error) {
	return fmt.Sprintf("replayed %d\n", f.gates.replay()), nil
}
