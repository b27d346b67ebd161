package scenario

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gmsd/gmsd/internal/sim"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// Words with which a film proves that it showed what it tells: a film about a
// lost Recover in which no Recover was ever sent would pass for nothing.
//
//	count LINK TYPE             count such frames from here on, lost ones too
//	count SET KIND [WORD]       count such events, whose text holds the word
//	expect-count N|some|none    of what the last count said, since it or the last such command
//	expect-reason SET REASON    each is in a view installed for that reason
//	expect-ended SET HOW        each is down, and ended so: killed, graceful, or a refusal's code
//	expect-bits SET of=SET SD.  in the view of each, those hosts have exactly these bits
//	expect-attr SET of=SET KEY=VALUE
//	split-when LINK TYPE [n=K]  the N-th such frame is lost, and from then on everything between the two sets
func init() { //nolint:gochecknoinits // as in command.go, whose init runs first
	for name, do := range map[string]handler{
		"count": count, "expect-count": expectTally, "expect-reason": expectReason, "expect-ended": expectEnded,
		"expect-bits": expectBits, "expect-attr": expectAttr, "split-when": splitWhen,
	} {
		commands[name] = do
	}
}

// extras stand before the gates of a film: they see every frame.
type extras struct {
	from, to sim.HostSet
	typ      message.Type
	frames   bool
	tally    int
	// split, if set, cuts the two ends apart at the frame that fits it.
	split *rule
}

// count begins to count frames on a link, or events at hosts.
func count(f *Film, c *Command) (string, error) {
	what, err := c.word(0, "the link or the set of hosts")
	if err != nil {
		return "", err
	}
	f.extras.tally, f.extras.frames = 0, false
	f.w.SetGate(f.passExtras)
	f.w.Watch(f.see)
	if strings.Contains(what, "->") {
		return "", f.countFrames(c)
	}
	return "", f.countEvents(c)
}

func (f *Film) countFrames(c *Command) (err error) {
	x := &f.extras
	x.from, x.to, x.typ, err = f.frames(c)
	x.frames = err == nil
	return err
}

// frames reads LINK TYPE.
func (f *Film) frames(c *Command) (from, to sim.HostSet, typ message.Type, err error) {
	if from, to, err = f.link(c); err != nil {
		return 0, 0, 0, err
	}
	name, err := c.word(1, "the message type")
	typ, ok := parseType(name)
	if err == nil && !ok {
		err = fmt.Errorf("message type %q is not known", name)
	}
	return from, to, typ, err
}

// passExtras is the world's gate once a film counts or splits.
func (f *Film) passExtras(from, to int, frame []byte) sim.Fate {
	x := &f.extras
	if x.frames && x.from.Has(from) && x.to.Has(to) && f.gates.holds(frame, x.typ) {
		x.tally++
	}
	if r := x.split; r != nil && r.from.Has(from) && r.to.Has(to) && f.gates.holds(frame, r.typ) {
		if r.skip--; r.skip < 0 {
			x.split = nil
			f.w.Cut(r.from, r.to)
			f.w.Cut(r.to, r.from)
		}
	}
	return f.gates.pass(from, to, frame)
}

func splitWhen(f *Film, c *Command) (string, error) {
	r := &rule{}
	var err error
	if r.from, r.to, r.typ, err = f.frames(c); err != nil {
		return "", err
	}
	n, err := c.number("n", 1)
	r.skip = n - 1
	f.extras.split = r
	f.w.SetGate(f.passExtras)
	return "", err
}

func (f *Film) countEvents(c *Command) error {
	s, err := f.wordSet(c, 0)
	if err != nil {
		return err
	}
	kind, err := c.word(1, "the kind of event")
	word := ""
	if len(c.Words) > 2 {
		word = c.Words[2]
	}
	f.w.Watch(func(h *sim.Host, r trace.Record) {
		if s.Has(h.Number()) && r.Event.Name() == kind && strings.Contains(f.w.DescribeEvent(r.Event, true), word) {
			f.extras.tally++
		}
		f.see(h, r)
	})
	return err
}

// expectTally holds the count against a number and starts it anew.
func expectTally(f *Film, c *Command) (string, error) {
	want, err := c.word(0, "N, some or none")
	if err != nil {
		return "", err
	}
	got := f.extras.tally
	f.extras.tally = 0
	fits := want == "some" && got > 0 || want == "none" && got == 0 || want == strconv.Itoa(got)
	if !fits {
		f.fault("counted %d, want %s", got, want)
		return "", nil
	}
	return "ok\n", nil
}

func expectReason(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	if err != nil {
		return "", err
	}
	want, err := c.word(1, "the reason")
	return f.expectOfViews(s, func(n int, v *views.View) {
		if v.Reason.String() != want {
			f.fault("%d is in a view for %s, want %s", n, v.Reason, want)
		}
	}), err
}

func expectEnded(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	if err != nil {
		return "", err
	}
	how, err := c.word(1, "how it ended")
	for _, n := range s.Numbers() {
		if h := f.w.Host(n); h.Machine() != nil || strings.TrimPrefix(h.Ended(), "refused: ") != how {
			f.fault("%d: %s, want down %s", n, f.standing(n), how)
		}
	}
	return "ok\n", err
}

func expectBits(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	if err != nil {
		return "", err
	}
	want, err := c.word(1, "the bits")
	return f.expectOfMembers(c, s, func(n, of int, m *views.Member) {
		if m.Bits.String() != want {
			f.fault("at %d the bits of %d are %v, want %s", n, of, m.Bits, want)
		}
	}), err
}

func expectAttr(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	for key, value := range c.Options {
		if key == "of" {
			continue
		}
		f.expectOfMembers(c, s, func(n, of int, m *views.Member) {
			got := ""
			for _, a := range m.Attrs {
				if a.Key == key {
					got = a.Value
				}
			}
			if got != value {
				f.fault("at %d attribute %s of %d is %q, want %q", n, key, of, got, value)
			}
		})
	}
	return "ok\n", err
}

// expectOfViews holds something against the view of each host of s.
func (f *Film) expectOfViews(s sim.HostSet, look func(n int, v *views.View)) string {
	for _, n := range s.Numbers() {
		v := f.w.Host(n).View()
		if v == nil {
			f.fault("%d is in no view: %s", n, f.standing(n))
			continue
		}
		look(n, v)
	}
	return "ok\n"
}

// expectOfMembers holds something against the hosts named by of= in the view
// of each host of s.
func (f *Film) expectOfMembers(c *Command, s sim.HostSet, look func(n, of int, m *views.Member)) string {
	of, err := f.set(c.Options["of"])
	if err != nil {
		f.fault("of=%s: %v", c.Options["of"], err)
		return ""
	}
	return f.expectOfViews(s, func(n int, v *views.View) {
		for _, o := range of.Numbers() {
			if r := v.Rank(f.w.Host(o).Process().Host); r >= 0 {
				look(n, o, &v.Members[r])
			} else {
				f.fault("%d is not in the view of %d", o, n)
			}
		}
	})
}
