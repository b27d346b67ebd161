package demo

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Verb is what an act does.
type Verb string

// Verbs of a script.
const (
	Start  Verb = "start"  // hosts: start these daemons
	Kill   Verb = "kill"   // hosts: SIGKILL
	Freeze Verb = "freeze" // hosts: SIGSTOP
	Thaw   Verb = "thaw"   // hosts: SIGCONT
	Leave  Verb = "leave"  // hosts: SIGTERM, which is a graceful leave
	Cut    Verb = "cut"    // sides: only those of one side hear each other
	Heal   Verb = "heal"   // end of the cut
	Wait   Verb = "wait"   // go on that long after the last act began
	Say    Verb = "say"    // print a line
)

// Act is one line of a script. Hosts are numbered from 1.
type Act struct {
	Verb  Verb
	Hosts []int
	Sides [][]int
	For   time.Duration
	Text  string
	line  int
}

// String gives the act as a script spells it.
func (a Act) String() string {
	words := []string{string(a.Verb)}
	for _, h := range a.Hosts {
		words = append(words, hostName(h))
	}
	for i, side := range a.Sides {
		if i > 0 {
			words = append(words, "|")
		}
		for _, h := range side {
			words = append(words, hostName(h))
		}
	}
	if a.Verb == Wait {
		words = append(words, a.For.String())
	}
	if a.Text != "" {
		words = append(words, a.Text)
	}
	return strings.Join(words, " ")
}

func hostName(h int) string { return "h" + strconv.Itoa(h) }

// waitMax bounds one wait of a script.
const waitMax = 10 * time.Minute

// ParseScript reads a script for n hosts: one act a line, # begins a comment.
// Hosts are written h1 or 1, separated by blanks or commas, or "all".
func ParseScript(text string, n int) ([]Act, error) {
	var acts []Act
	var faults []error
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		act, err := parseAct(line, n)
		if err != nil {
			faults = append(faults, fmt.Errorf("line %d: %q: %w", i+1, line, err))
			continue
		}
		act.line = i + 1
		acts = append(acts, act)
	}
	if len(faults) == 0 {
		faults = rehearse(acts, n)
	}
	if len(acts) == 0 && len(faults) == 0 {
		faults = append(faults, errors.New("the script has no act"))
	}
	return acts, errors.Join(faults...)
}

func parseAct(line string, n int) (Act, error) {
	verb, rest, _ := strings.Cut(line, " ")
	act := Act{Verb: Verb(verb)}
	rest = strings.TrimSpace(rest)
	var err error
	switch act.Verb {
	case Start, Kill, Freeze, Thaw, Leave:
		act.Hosts, err = parseHosts(rest, n)
	case Cut:
		act.Sides, err = parseSides(rest, n)
	case Wait:
		act.For, err = time.ParseDuration(rest)
		if err == nil && (act.For < 0 || act.For > waitMax) {
			err = fmt.Errorf("a wait lasts from 0 to %s", waitMax)
		}
	case Say:
		act.Text = rest
	case Heal:
		if rest != "" {
			err = errors.New("heal takes nothing")
		}
	default:
		err = errors.New("no such act: start, kill, freeze, thaw, leave, cut, heal, wait, say")
	}
	return act, err
}

func parseHosts(text string, n int) ([]int, error) {
	var hosts []int
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' }) {
		if w == "all" {
			for h := 1; h <= n; h++ {
				hosts = append(hosts, h)
			}
			continue
		}
		h, err := strconv.Atoi(strings.TrimPrefix(w, "h"))
		if err != nil || h < 1 || h > n {
			return nil, fmt.Errorf("%q is none of h1 to h%d", w, n)
		}
		hosts = append(hosts, h)
	}
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	if len(hosts) == 0 {
		return nil, errors.New("which hosts?")
	}
	return hosts, nil
}

// parseSides reads "1,2 | 3,4"; hosts that are not named are a further side.
func parseSides(text string, n int) ([][]int, error) {
	var sides [][]int
	named := map[int]bool{}
	for part := range strings.SplitSeq(text, "|") {
		side, err := parseHosts(part, n)
		if err != nil {
			return nil, err
		}
		for _, h := range side {
			if named[h] {
				return nil, fmt.Errorf("%s stands on two sides", hostName(h))
			}
			named[h] = true
		}
		sides = append(sides, side)
	}
	var rest []int
	for h := 1; h <= n; h++ {
		if !named[h] {
			rest = append(rest, h)
		}
	}
	if len(rest) > 0 {
		sides = append(sides, rest)
	}
	if len(sides) < 2 {
		return nil, errors.New("a cut needs two sides: cut 1,2 | 3")
	}
	return sides, nil
}

// rehearse plays a script on an empty stage and finds the acts that cannot be.
func rehearse(acts []Act, n int) []error {
	var faults []error
	s := newStage(n)
	for _, a := range acts {
		if err := s.play(a); err != nil {
			faults = append(faults, fmt.Errorf("line %d: %q: %w", a.line, a, err))
		}
	}
	return faults
}

// DefaultScript is the story for n hosts, 3 or more.
func DefaultScript(n int) string {
	small := n * 2 / 5
	if small == 0 {
		small = 1
	}
	hosts := func(from, to int) string {
		var words []string
		for h := from; h <= to; h++ {
			words = append(words, hostName(h))
		}
		return strings.Join(words, " ")
	}
	return fmt.Sprintf(`say %d hosts that know nothing of each other
start all
wait 1s
say one is killed, and comes back as a new incarnation
kill %[2]s
wait 1s
start %[2]s
wait 1s
say one is frozen for 4 s: removed, and merged again when it wakes
freeze h2
wait 4s
thaw h2
wait 1500ms
say the network parts: both sides go on, each in a view of its own
cut %[3]s | %[4]s
wait 3s
heal
wait 1500ms
say one leaves in good order
leave %[5]s
wait 500ms
`, n, hostName(n/2+1), hosts(1, n-small), hosts(n-small+1, n), hostName(n))
}
