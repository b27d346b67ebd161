package check

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/gmsd/gmsd/views"
)

// FactLine is one line of [FactsName]: what a harness of real processes did,
// on the clock of the processes' records (CLOCK_MONOTONIC of one machine, ns).
// Either Fault or Mark is set.
//
//	{"t":1,"fault":"cut","hosts":["h1"],"open":true}   a fault window opens before the fault is made ...
//	{"t":2,"fault":"cut","hosts":["h1"],"open":false}  ... and closes after it was undone; no hosts: the network
//	{"t":3,"mark":"crash","hosts":["h2"]}              written when the process is known to be gone
//	{"t":4,"mark":"restore","hosts":["h2"]}            its data directory was put back or emptied
//	{"t":5,"mark":"group","hosts":["h1"],"group":"x"}  its configured group
//	{"t":6,"mark":"healthy","hosts":["h1","h3"]}       as Checker.Healthy; "unhealthy" takes it back
//	{"t":7,"mark":"stable","components":[["h1","h3"]]} as Checker.Stable; then "settled", "drain", "end"
//
// A host is named by its name in its start record or by its id.
type FactLine struct {
	T          views.Instant `json:"t"`
	Fault      string        `json:"fault,omitempty"`
	Open       bool          `json:"open,omitempty"`
	Mark       string        `json:"mark,omitempty"`
	Hosts      []string      `json:"hosts,omitempty"`
	Group      string        `json:"group,omitempty"`
	Components [][]string    `json:"components,omitempty"`
}

// readFacts reads and sorts the facts of all files.
func readFacts(paths []string) ([]Fact, error) {
	var facts []Fact
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(f)
		for n := 1; lines.Scan(); n++ {
			fact, err := parseFact(lines.Bytes())
			if err != nil {
				_ = f.Close() // the other error is the one to tell
				return nil, fmt.Errorf("%s: line %d: %w", path, n, err)
			}
			facts = append(facts, fact)
		}
		if err := lines.Err(); err != nil {
			_ = f.Close() // as above
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(facts, func(a, b Fact) int { return cmp.Compare(a.At, b.At) })
	return facts, nil
}

func parseFact(line []byte) (Fact, error) {
	var l FactLine
	if err := json.Unmarshal(line, &l); err != nil {
		return Fact{}, err
	}
	if (l.Fault == "") == (l.Mark == "") {
		return Fact{}, fmt.Errorf("want either fault or mark")
	}
	switch l.Mark {
	case "", "crash", "restore", "group", "healthy", "unhealthy", "stable", "settled", "drain", "end":
	default:
		return Fact{}, fmt.Errorf("unknown mark %q", l.Mark)
	}
	return Fact{At: l.T, Apply: l.apply}, nil
}

func (l *FactLine) apply(c *Checker) error {
	ids, err := c.resolve(l.Hosts)
	if err != nil {
		return err
	}
	switch l.Mark {
	case "":
		if len(ids) == 0 {
			ids = []views.HostID{{}}
		}
		for _, id := range ids {
			c.Fault(id, l.Open)
		}
	case "crash", "restore":
		for _, id := range ids {
			c.lost(id, l.Mark == "restore")
		}
	case "group":
		for _, id := range ids {
			c.Group(id, l.Group)
		}
	case "healthy", "unhealthy":
		c.Healthy(ids, l.Mark == "healthy")
	default:
		return l.applyWindow(c)
	}
	return nil
}

func (l *FactLine) applyWindow(c *Checker) error {
	switch l.Mark {
	case "settled":
		c.Settled()
	case "drain":
		c.Drain()
	case "end":
		c.EndStable()
	case "stable":
		var components [][]views.HostID
		for _, names := range l.Components {
			ids, err := c.resolve(names)
			if err != nil {
				return err
			}
			components = append(components, ids)
		}
		c.Stable(components...)
	}
	return nil
}

// lost ends the newest life of a host, or forgets the disk below it.
func (c *Checker) lost(id views.HostID, disk bool) {
	h := c.hostOf(id)
	if l := h.living(); l != nil && !disk {
		c.CrashIn(l.stream, l.proc.Process)
	}
	if disk && len(h.lives) > 0 {
		c.Restore(h.lives[len(h.lives)-1].stream, id)
	}
}

// resolve turns names and ids into ids.
func (c *Checker) resolve(names []string) ([]views.HostID, error) {
	var ids []views.HostID
	for _, name := range names {
		id, ok := c.names[name]
		if !ok {
			var err error
			if id, err = views.ParseHostID(name); err != nil {
				return nil, fmt.Errorf("fact: no start record names a host %q", name)
			}
		}
		ids = append(ids, id)
	}
	return ids, nil
}
