package netlab

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gmsd/gmsd/internal/sim/check"
	"github.com/gmsd/gmsd/internal/tracelog"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

const (
	// pollEvery is how often the logs are looked at. The figures do not depend
	// on it, they come from the lines.
	pollEvery = 3 * time.Millisecond
	// drainWithin bounds the way of the last messages of a quiet time.
	drainWithin = 20 * time.Second
	// lineWithin is how long after the time that stands in it a line is in the log, as
	// a rule: a busy daemon reads the clock before it writes.
	lineWithin = 30 * time.Millisecond
	// lineSurely is how long a line is waited for that tells that all before it are there.
	lineSurely = time.Second
)

// Agreement is a component's view and when its last host installed it.
type Agreement struct {
	View views.ViewID
	At   views.Instant
	// Kind and Reason are those of the view.
	Kind   views.Kind
	Reason views.Reason
	// Members is its size.
	Members int
}

// WaitFor polls the logs until a condition holds. The error says what was
// waited for, where every host stood, or which daemon ended by itself.
func (l *Lab) WaitFor(within time.Duration, what string, condition func() bool) error {
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		if err := l.follow(); err != nil {
			return fmt.Errorf("while waiting for %s: %w", what, err)
		}
		if condition() {
			return nil
		}
		select {
		case <-ticker.C:
		case <-deadline.C:
			return fmt.Errorf("netlab: waited %s for %s in vain\n%s", within, what, l.Describe())
		}
	}
}

// follow reads what is new in all logs and finds daemons that ended unasked.
func (l *Lab) follow() error {
	for _, h := range l.hosts {
		ended := h.daemon != nil && !h.ending && !h.running()
		if err := h.log.Poll(); err != nil {
			return err
		}
		if ended {
			return fmt.Errorf("netlab: %s ended by itself (%s); its last words: %s",
				Name(h.number), h.daemon.cmd.ProcessState, h.lastWords())
		}
	}
	return nil
}

// Settle waits until each component, a set of running hosts, is in one view of
// exactly itself, and tells the checkers: until the next act each must stay
// there and deliver what is sent in it.
func (l *Lab) Settle(within time.Duration, components ...[]int) ([]Agreement, error) {
	if err := l.endWindow(); err != nil {
		return nil, err
	}
	found := make([]Agreement, len(components))
	err := l.WaitFor(within, fmt.Sprintf("one view each of %v", components), func() bool {
		for i, c := range components {
			a, ok := l.agree(c)
			if !ok {
				return false
			}
			found[i] = a
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return found, l.openWindow(components)
}

// agree reports whether hosts are in one view of exactly themselves, all in
// their present incarnations.
func (l *Lab) agree(hosts []int) (Agreement, bool) {
	logs := make([]*tracelog.Log, 0, len(hosts))
	for _, i := range hosts {
		logs = append(logs, l.host(i).log.Log)
	}
	at, ok := tracelog.Agree(logs)
	if !ok {
		return Agreement{}, false
	}
	v := logs[0].View
	return Agreement{View: v.View, At: at, Kind: v.Kind, Reason: v.Reason, Members: len(hosts)}, true
}

func (l *Lab) openWindow(components [][]int) error {
	l.window = components
	line := check.FactLine{Mark: "stable"}
	for _, c := range components {
		line.Components = append(line.Components, names(c))
	}
	if err := l.facts.write(line); err != nil {
		return err
	}
	err := l.facts.mark("settled")
	l.settledAt = tracelog.Now()
	return err
}

// endWindow ends the quiet time, if there is one, once all that was sent in it
// so far has arrived. What is still missing after long is left to the checkers.
func (l *Lab) endWindow() error {
	if l.window == nil {
		return nil
	}
	components := l.window
	l.window = nil
	if err := l.follow(); err != nil {
		return err
	}
	drain := check.FactLine{Mark: "drain"}
	drain.T = max(l.settledAt, tracelog.Now()-views.Instant(lineWithin))
	if err := l.facts.write(drain); err != nil {
		return err
	}
	if err := l.readUpTo(drain.T, components); err != nil {
		return err
	}
	goals := make([][]goal, len(components))
	for i, c := range components {
		goals[i] = l.goals(c)
	}
	// A daemon that ended, or messages that never come, show in the logs.
	_ = l.WaitFor(drainWithin, "the last messages", func() bool {
		for i, c := range components {
			if !l.reached(c, goals[i]) {
				return false
			}
		}
		return true
	})
	return l.facts.mark("end")
}

// readUpTo reads the logs until each has a line of t or later, so that none before t is
// still to come. A host that has nothing to say, or is frozen, is not waited for for ever.
func (l *Lab) readUpTo(t views.Instant, components [][]int) error {
	if err := l.follow(); err != nil {
		return err
	}
	// What ends by itself, or says nothing, is told by whoever waits next.
	_ = l.WaitFor(lineSurely, "lines of the present", func() bool {
		for _, i := range slices.Concat(components...) {
			if h := l.host(i); h.running() && !h.frozen && h.log.latest < t {
				return false
			}
		}
		return true
	})
	return nil
}

// goal is what one sender had sent.
type goal struct {
	from views.Process
	view views.ViewID
	sent [classes]uint64
}

func (l *Lab) goals(hosts []int) []goal {
	var out []goal
	for _, i := range hosts {
		if g := l.host(i).log; g.View != nil {
			out = append(out, goal{g.Self, g.View.View, g.sent})
		}
	}
	return out
}

// reached reports whether everyone has delivered what the goals say, or has
// gone to another view where that can be no goal any more.
func (l *Lab) reached(hosts []int, goals []goal) bool {
	for _, i := range hosts {
		g := l.host(i).log
		for _, want := range goals {
			if g.View == nil || g.View.View != want.view {
				continue
			}
			for class, n := range want.sent {
				if g.delivered[want.from][class] < n {
					return false
				}
			}
		}
	}
	return true
}

// Healthy tells the checkers that some hosts are healthy and connected, or are
// not any more: while they are, none may exclude another.
func (l *Lab) Healthy(healthy bool, hosts ...int) error {
	if healthy {
		return l.facts.mark("healthy", hosts...)
	}
	return l.facts.mark("unhealthy", hosts...)
}

// Group tells the checkers for which group hosts are configured.
func (l *Lab) Group(group string, hosts ...int) error {
	return l.facts.write(check.FactLine{Mark: "group", Hosts: names(hosts), Group: group})
}

// View is the view a host is in; nil: none.
func (l *Lab) View(host int) *trace.Install { return l.host(host).log.View }

// Self is the present incarnation of a host; zero before its first start record.
func (l *Lab) Self(host int) views.Process { return l.host(host).log.Self }

// InstallsSince gives what a host has installed after an instant, as far as its
// log was read: after Settle, all that led there.
func (l *Lab) InstallsSince(host int, t views.Instant) []tracelog.Installed {
	return l.host(host).log.InstallsSince(t)
}

// DoubtsSince gives a host's suspicions after an instant.
func (l *Lab) DoubtsSince(host int, t views.Instant) []tracelog.Doubt {
	return l.host(host).log.DoubtsSince(t)
}

// Messages counts what all hosts have sent.
func (l *Lab) Messages() int {
	n := 0
	for _, h := range l.hosts {
		n += h.log.Sent
	}
	return n
}

// Now is the time on the clock of the logs.
func (l *Lab) Now() views.Instant { return tracelog.Now() }

// Describe says where every host stands.
func (l *Lab) Describe() string {
	var b strings.Builder
	for _, h := range l.hosts {
		g := h.log
		fmt.Fprintf(&b, "%s: %s", Name(h.number), h.state())
		if g.View != nil {
			fmt.Fprintf(&b, ", view %d@%s (%s, %s) of %s after %d installs",
				g.View.View.Seq, l.nameOf(g.View.View.Coordinator), g.View.Kind, g.View.Reason, l.members(g.View), len(g.Installs))
		}
		b.WriteByte('\n')
		for _, d := range g.Doubts[max(0, len(g.Doubts)-3):] {
			fmt.Fprintf(&b, "  %.3f s ago: doubts %s: %s %s\n", tracelog.Now().Sub(d.At).Seconds(), l.nameOf(d.Who), d.Detector, d.Evidence)
		}
	}
	return b.String()
}

func (h *host) state() string {
	switch {
	case h.daemon == nil:
		return "never started"
	case !h.running():
		return "not running"
	case h.frozen:
		return "frozen"
	}
	return "running"
}

func (l *Lab) members(v *trace.Install) string {
	var out []string
	for _, m := range v.Members {
		out = append(out, l.nameOf(m.Host))
	}
	return strings.Join(out, " ")
}

// nameOf gives the name of the host that has, or had last, an id.
func (l *Lab) nameOf(id views.HostID) string {
	for _, h := range l.hosts {
		if h.log.Self.Host == id {
			return Name(h.number)
		}
	}
	return id.String()
}

// Disturb says that programs join, leave or end from now on: what Settle found need
// not last.
func (l *Lab) Disturb() error { return l.endWindow() }
