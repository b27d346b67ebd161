package scenario

import (
	"fmt"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views/groups"
	"github.com/gmsd/gmsd/views/transfer"
)

// States of light groups, from one member to another.

// seeStates notes where a state is cut, and what becomes of it at the joiner.
func (f *Film) seeStates(n int, d engine.Delivery) {
	switch d := d.(type) {
	case groups.Handover:
		joiner := f.drawMembers([]groups.Member{d.Joiner})
		switch {
		case d.First:
			f.say(n, fmt.Sprintf("%s is the first of %s and makes its state", joiner, d.Group))
		case d.Donor.Port == 0:
			f.say(n, fmt.Sprintf("nobody has the state of %s for %s", d.Group, joiner))
		default:
			f.say(n, fmt.Sprintf("%s gives %s the state of %s", f.drawMembers([]groups.Member{d.Donor}), joiner, d.Group))
		}
	case transfer.Complete:
		f.states[n]++
		f.say(n, fmt.Sprintf("port %d has the state of %s", d.ID.Port, d.ID.Group))
	case transfer.Failed:
		f.say(n, fmt.Sprintf("port %d does not get the state of %s: %v", d.ID.Port, d.ID.Group, d.Reason))
	}
}

func stateTrouble(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	if err != nil {
		return "", err
	}
	kind, err := c.word(1, "what goes wrong")
	if err != nil {
		return "", err
	}
	after, err := c.number("after", 0)
	for _, n := range s.Numbers() {
		if !f.w.Trouble(n, kind, after) {
			f.fault("%d cannot have %q", n, kind)
		}
	}
	return "", err
}

func expectStates(f *Film, c *Command) (string, error) {
	return f.expectCount(c, f.states, func(got, want int) bool { return got == want }, "took", "states")
}
