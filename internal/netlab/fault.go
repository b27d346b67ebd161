package netlab

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gmsd/gmsd/internal/tracelog"
	"github.com/gmsd/gmsd/views"
)

// Fault is something done to the network or to a machine. A value is imposed
// on one lab at a time.
type Fault interface {
	// Describe is for people.
	Describe() string
	// Hosts are those that it touches; none: all.
	Hosts() []int
	// Start makes it, Stop undoes it. They are called by Impose and Lift.
	Start(l *Lab) error
	Stop(l *Lab) error
}

// Impose makes a fault, tells the checkers before, and says when it began.
func (l *Lab) Impose(f Fault) (views.Instant, error) {
	if _, on := l.faults[f]; on {
		return 0, fmt.Errorf("netlab: %s is imposed already", f.Describe())
	}
	if err := l.endWindow(); err != nil {
		return 0, err
	}
	if err := l.tellFault(f, true); err != nil {
		return 0, err
	}
	at := tracelog.Now()
	if err := f.Start(l); err != nil {
		return 0, errors.Join(fmt.Errorf("%s: %w", f.Describe(), err), f.Stop(l))
	}
	l.faults[f] = struct{}{}
	return at, nil
}

// Lift undoes a fault, tells the checkers after, and says when it began to.
func (l *Lab) Lift(f Fault) (views.Instant, error) {
	if _, on := l.faults[f]; !on {
		return 0, fmt.Errorf("netlab: %s is not imposed", f.Describe())
	}
	if err := l.endWindow(); err != nil {
		return 0, err
	}
	delete(l.faults, f)
	at := tracelog.Now()
	if err := f.Stop(l); err != nil {
		return 0, fmt.Errorf("%s: %w", f.Describe(), err)
	}
	return at, l.tellFault(f, false)
}

// tellFault tells the checkers. They know hosts alone; what touches routers and nobody
// else excuses nothing.
func (l *Lab) tellFault(f Fault, on bool) error {
	hosts := slices.DeleteFunc(slices.Clone(f.Hosts()), func(h int) bool { return h > HostsMax })
	if len(hosts) == 0 && len(f.Hosts()) > 0 {
		return nil
	}
	return l.facts.fault(f.Describe(), on, hosts...)
}

// table is an nft table of a fault's own: faults add up, and undoing one is
// deleting its table.
type table struct {
	space        *space
	family, name string
}

// addTable makes a table with one chain at a hook and its rules.
func (l *Lab) addTable(s *space, family, hook string, rules []string) (*table, error) {
	return l.addTableWith(s, family, hook, "", rules)
}

// addTableWith is addTable with sets that the rules use.
func (l *Lab) addTableWith(s *space, family, hook, sets string, rules []string) (*table, error) {
	l.tables++
	t := &table{s, family, fmt.Sprintf("lab%d", l.tables)}
	text := fmt.Sprintf("table %s %s {\n %s\n chain c {\n  type filter hook %s priority 0; policy accept;\n  %s\n }\n}\n",
		family, t.name, sets, hook, strings.Join(rules, "\n  "))
	if err := s.command(text, "nft", "-f", "-"); err != nil {
		return nil, err
	}
	return t, nil
}

// remove deletes the table; a nil one was never made.
func (t *table) remove() error {
	if t == nil {
		return nil
	}
	return t.space.command("", "nft", "delete", "table", t.family, t.name)
}

// hostSet is a list of hosts for people.
func hostSet(hosts []int) string {
	if len(hosts) == 0 {
		return "all"
	}
	return strings.Join(names(hosts), " ")
}
