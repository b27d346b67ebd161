package scenario

import (
	"fmt"
	"strings"
	"time"

	"github.com/gmsd/gmsd/internal/sim"
	"github.com/gmsd/gmsd/views/trace"
)

// Film plays one file.
type Film struct {
	w     *sim.World
	gates gates
	// lines are what happened since the last command, in order of first occurrence.
	lines []line
	shown map[string]bool
	// delivered, installs and what ports were given count by host number since the
	// last expect.
	delivered, installs, given, states map[int]int
	// last is when something happened.
	last time.Duration
	// faults are the expectations that did not hold in the present command.
	faults []string
	// extras are what the words of tally.go keep.
	extras extras
	over   bool
}

// line is one thing that a set of hosts did.
type line struct {
	text string
	who  sim.HostSet
}

// quiet is how long nothing must happen for a film to be stable.
const quiet = 3 * time.Second

// New makes a film that has not begun.
func New() *Film {
	return &Film{
		shown:     map[string]bool{"deliver": true, "gets": true, "bits": true, "join": true},
		delivered: make(map[int]int), installs: make(map[int]int), given: make(map[int]int), states: make(map[int]int),
	}
}

// begin makes the world.
func (f *Film) begin(o sim.Options) {
	f.w = sim.NewWorld(o, sim.Shipped, sim.NewOracle(o))
	f.gates.film = f
	f.w.SetGate(f.gates.pass)
	f.w.Watch(f.see)
	f.w.WatchPorts(f.seePorts, f.seeGiven)
}

// see notes what a host did.
func (f *Film) see(h *sim.Host, r trace.Record) {
	n := h.Number()
	var kind, text string
	switch e := r.Event.(type) {
	case trace.Install:
		f.installs[n]++
		kind, text = "install", f.w.DrawInstall(e)
	case trace.Deliver:
		f.delivered[n]++
		kind, text = "deliver", fmt.Sprintf("deliver %s#%d %v", f.w.DrawHost(e.Msg.From.Host), e.Msg.N, e.Order)
		if e.Transitional {
			text += " transitional"
		}
	case trace.Stop:
		kind, text = "install", "stop "+e.How
	case trace.BitsChanged:
		kind, text = "bits", fmt.Sprintf("bits of %s are %v", f.w.DrawHost(e.Who), e.Bits)
	case trace.Join:
		kind, text = "join", f.w.DescribeEvent(e, true)
		if e.Verdict == trace.JoinAccept {
			kind = "accept"
		}
	case trace.Suspect:
		kind, text = "suspect", fmt.Sprintf("suspects %s (%s)", f.w.DrawHost(e.Who), plainEvidence(e.Evidence))
	default:
		kind, text = e.Name(), f.w.DescribeEvent(e, true)
	}
	switch r.Event.(type) {
	case trace.Drop, trace.Join, trace.Start:
	default:
		f.last = f.w.Elapsed()
	}
	if text != "" && (kind == "install" || f.shown[kind]) {
		f.say(n, text)
	}
}

// plainEvidence leaves out who and how long, which timing decides.
func plainEvidence(text string) string {
	if strings.Contains(text, "observers") {
		return "with others"
	}
	word, _, _ := strings.Cut(text, " ")
	return word
}

// say adds a host to the latest line with that text in which it is not yet.
func (f *Film) say(n int, text string) {
	for i := range f.lines {
		if f.lines[i].text == text && !f.lines[i].who.Has(n) {
			f.lines[i].who |= 1 << n
			return
		}
	}
	f.lines = append(f.lines, line{text: text, who: 1 << n})
}

// develop prints the lines since the last command.
func (f *Film) develop() string {
	var b strings.Builder
	for _, l := range f.lines {
		fmt.Fprintf(&b, "%s: %s\n", strings.ReplaceAll(l.who.String(), ",", " "), l.text)
	}
	f.lines = f.lines[:0]
	return b.String()
}

// stabilize lets time pass until nothing has happened for a while.
func (f *Film) stabilize(limit time.Duration) {
	end := f.w.Elapsed() + limit
	f.last = f.w.Elapsed()
	for f.w.Elapsed()-f.last < quiet && f.w.Failure() == nil && f.w.Over() == "" {
		if f.w.Elapsed() >= end {
			f.fault("not stable after %s", limit)
			return
		}
		f.w.RunFor(50 * time.Millisecond)
	}
}

func (f *Film) fault(format string, args ...any) {
	f.faults = append(f.faults, fmt.Sprintf(format, args...))
}
