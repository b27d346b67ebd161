package check

import (
	"fmt"
	"strings"

	"github.com/gmsd/gmsd/views"
)

// Violation is one broken promise.
type Violation struct {
	// Property is the code, such as "P14".
	Property string `json:"property"`
	// Hosts are the names of those concerned, the one that acted first.
	Hosts []string `json:"hosts"`
	// View is the view it happened in, "none" where there is none.
	View string `json:"view"`
	// Detail is the witness.
	Detail string `json:"detail"`
	// At counts the records fed so far: cut the run there to shrink it.
	At uint64 `json:"at"`
}

// String gives one line.
func (v Violation) String() string {
	return fmt.Sprintf("%s [%s] view %s: %s", v.Property, strings.Join(v.Hosts, " "), v.View, v.Detail)
}

// Report is the outcome of a run.
type Report struct {
	// Violations are the first few of each property, as they were found.
	Violations []Violation `json:"violations"`
	// Broken counts all violations by property.
	Broken map[string]int `json:"broken,omitempty"`
	// Counts says how often each property had something to say, by code; a code
	// with ".excused" behind it counts what a fault excused.
	Counts map[string]int `json:"counts"`
	// Records, Lives, Views, ViewChanges (installs but for first ones),
	// Messages sent and Deliveries measure the run.
	Records     int `json:"records"`
	Lives       int `json:"lives"`
	Views       int `json:"views"`
	ViewChanges int `json:"viewChanges"`
	Messages    int `json:"messages"`
	Deliveries  int `json:"deliveries"`
	// GroupViews counts those told to ports.
	GroupViews int `json:"groupViews"`
}

// Clean reports whether nothing was violated.
func (r *Report) Clean() bool { return len(r.Violations) == 0 }

// InactiveError is what [Report.Activity] gives: the run proves too little.
type InactiveError struct{ Missing []string }

// Error names all that is missing.
func (e *InactiveError) Error() string {
	return "run is invalid, too little happened: " + strings.Join(e.Missing, ", ")
}

// Activity is the gate against green runs in which nothing happened: it wants
// at least that many view changes and sent messages and one instance of each
// of the given properties ([Core] is a good list). The error is an *InactiveError.
func (r *Report) Activity(minViews, minMessages int, want ...Property) error {
	var missing []string
	if r.ViewChanges < minViews {
		missing = append(missing, fmt.Sprintf("%d view changes of %d", r.ViewChanges, minViews))
	}
	if r.Messages < minMessages {
		missing = append(missing, fmt.Sprintf("%d messages of %d", r.Messages, minMessages))
	}
	for _, p := range want {
		if r.Counts[p.String()] == 0 {
			missing = append(missing, p.String()+" never applied")
		}
	}
	if missing == nil {
		return nil
	}
	return &InactiveError{Missing: missing}
}

// String draws the report for people: the figures, what applied how often,
// then the witnesses.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d records, %d lives, %d views, %d view changes, %d messages, %d deliveries\n",
		r.Records, r.Lives, r.Views, r.ViewChanges, r.Messages, r.Deliveries)
	for _, p := range Properties() {
		code := p.String()
		verdict := "ok"
		switch {
		case r.Broken[code] > 0:
			verdict = fmt.Sprintf("VIOLATED %d times", r.Broken[code])
		case r.Counts[code] == 0:
			verdict = "never applied"
		}
		excused := ""
		if n := r.Counts[code+".excused"]; n > 0 {
			excused = fmt.Sprintf(", %d excused", n)
		}
		fmt.Fprintf(&b, "%-5s %9d  %-18s %s%s\n", code, r.Counts[code], verdict, p.Says(), excused)
	}
	for _, v := range r.Violations {
		fmt.Fprintf(&b, "\n%s\n", v)
	}
	return b.String()
}

// keepDefault bounds the witnesses of one property: the first is the one to read.
const keepDefault = 20

func (c *Checker) count(p Property) { c.counts[p]++ }

func (c *Checker) excuse(p Property) { c.excused[p]++ }

// fail notes a violation. Lives may be nil.
func (c *Checker) fail(p Property, v views.ViewID, who []*proc, format string, args ...any) {
	if c.skip[p] {
		return
	}
	c.broken[p]++
	if c.broken[p] > c.keep {
		return
	}
	hosts := make([]string, len(who))
	for i, w := range who {
		hosts[i] = w.String()
	}
	c.violations = append(c.violations, Violation{
		Property: p.String(), Hosts: hosts, View: c.viewName(v),
		Detail: fmt.Sprintf(format, args...), At: uint64(c.records),
	})
}

func (c *Checker) viewName(v views.ViewID) string {
	if v.IsZero() {
		return "none"
	}
	return fmt.Sprintf("%d@%s", v.Seq, c.hostName(v.Coordinator))
}

func (c *Checker) hostName(id views.HostID) string {
	if h := c.hosts[id]; h != nil {
		return h.name
	}
	return id.Short()
}

// Violated counts the violations so far.
func (c *Checker) Violated() int { return len(c.violations) }

// Violations are the witnesses so far; the slice is the Checker's.
func (c *Checker) Violations() []Violation { return c.violations }

func (c *Checker) report() *Report {
	r := &Report{
		Violations: c.violations, Broken: map[string]int{}, Counts: map[string]int{},
		Records: c.records, Lives: c.livesSeen, Views: len(c.order), ViewChanges: c.changes,
		Messages: c.messages, Deliveries: c.deliveries, GroupViews: c.groupViews,
	}
	for _, p := range Properties() {
		r.Counts[p.String()] = c.counts[p]
		if n := c.excused[p]; n > 0 {
			r.Counts[p.String()+".excused"] = n
		}
		if n := c.broken[p]; n > 0 {
			r.Broken[p.String()] = n
		}
	}
	return r
}
