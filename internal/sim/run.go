package sim

import (
	"fmt"
	"runtime/debug"
	"time"
)

// Gate of a run: one that did less proves nothing.
const (
	viewsMin    = 5
	messagesMin = 200
	timeMin     = 10 * time.Minute
	roundsMax   = 5
	eventsMax   = 20_000_000
)

// Task is what one run needs.
type Task struct {
	Options Options
	// Schedule, if not nil, replaces the drawn faults; then the safety phase is
	// one round of Options.Safety.
	Schedule []Fault
	// Stays, if not nil, replaces the drawn ones.
	Stays *Stays
	Maker Maker
	// Oracle makes the judge of the run.
	Oracle func(Options) Oracle
	// Prepare, if set, sees the world before it runs (transcripts).
	Prepare func(*World)
}

// Result is what came of it.
type Result struct {
	Options Options
	// Schedule is every fault of the safety phase, drawn or given.
	Schedule []Fault
	// Stays are nil where the run ended before.
	Stays   *Stays
	Failure *Failure
	// Idle says why the run proves too little, or is empty.
	Idle string
	// Over says why the run ended early without a failure, or is empty.
	Over  string
	Hash  uint64
	Time  time.Duration
	Stats Stats
	Cover Coverage
	// Core and All are the times to one view after the two heals.
	Core, All time.Duration
}

// Run runs one seed from its start to its verdict. It is pure: equal tasks give
// equal results.
func Run(t Task) (res Result) {
	res.Options = t.Options
	w := NewWorld(t.Options, t.Maker, t.Oracle(t.Options))
	if t.Prepare != nil {
		t.Prepare(w)
	}
	defer func() {
		if r := recover(); r != nil {
			w.fail("panic", fmt.Sprintf("%v\n%s", r, debug.Stack()))
		}
		res.Failure, res.Over, res.Hash = w.failure, w.over, w.hash
		res.Time, res.Stats, res.Cover = w.Elapsed(), w.stats, w.cover
	}()
	r := &runner{w: w, task: &t, res: &res}
	r.safety()
	r.liveness()
	r.judge()
	return res
}

// runner leads a world through its phases.
type runner struct {
	w    *World
	task *Task
	res  *Result
}

// safety lets faults rage while the oracle watches, until enough has happened.
func (r *runner) safety() {
	w := r.w
	for _, h := range w.hosts[1:] {
		if !h.spare {
			h.plan(exponential(h.r, time.Second))
		}
	}
	w.work.begin()
	w.operator.begin()
	w.recorder.begin()
	if r.task.Schedule != nil {
		r.res.Schedule = r.task.Schedule
		w.schedule(r.task.Schedule)
		r.pass(w.opts.Safety)
		return
	}
	for round := range roundsMax {
		o := w.opts
		if round > 0 {
			o.livelier()
		}
		list := drawSchedule(&o, round, w.Elapsed())
		r.res.Schedule = append(r.res.Schedule, list...)
		w.schedule(list)
		r.pass(w.opts.Safety)
		if w.stopped() || r.idle() == "" {
			break
		}
	}
	r.res.Options.Safety = w.Elapsed()
}

// pass lets time pass in slices, so that a storm of events is noticed.
func (r *runner) pass(d time.Duration) {
	w := r.w
	end := w.now.Add(d)
	for w.now < end && !w.stopped() {
		w.runUntil(min(end, w.now.Add(10*time.Second)))
		n := uint64(max(1, w.opts.Hosts*w.opts.Hosts/25))
		if w.stats.Events > eventsMax*n {
			w.fail("progress", fmt.Sprintf("%d events in %s: a storm", w.stats.Events, w.Elapsed()))
		}
	}
}

// idle says which part of the gate the run has not passed.
func (r *runner) idle() string {
	s := &r.w.stats
	switch {
	case s.Views < viewsMin:
		return fmt.Sprintf("%d view changes, want %d", s.Views, viewsMin)
	case s.Messages < messagesMin:
		return fmt.Sprintf("%d messages, want %d", s.Messages, messagesMin)
	case r.w.Elapsed()+2*(holdTime+flapWindow) < timeMin:
		return fmt.Sprintf("%s, want %s", r.w.Elapsed(), timeMin)
	}
	return ""
}

// liveness heals a core for good, then everything, and demands one view of each.
func (r *runner) liveness() {
	w := r.w
	if w.stopped() {
		return
	}
	stays := r.task.Stays
	if stays == nil {
		stays = w.drawStays()
	}
	r.res.Stays = stays
	core := w.coreOf(stays)
	w.healCore(stays)
	r.res.Core = w.awaitConvergence(core, "the healed core")
	w.awaitCalm(core, "the healed core")
	if w.stopped() {
		return
	}
	all := w.All()
	w.healAll(stays)
	r.res.All = w.awaitConvergence(all, "the healed group")
	w.awaitCalm(all, "the healed group")
	w.awaitStates()
}

// judge asks the oracle and the gate.
func (r *runner) judge() {
	w := r.w
	w.work.rest()
	if w.failure != nil {
		return
	}
	w.RunFor(2 * time.Second)
	if f := w.oracle.Finish(); f != nil && w.failure == nil {
		f.At = w.Elapsed()
		w.failure = f
	}
	if !w.work.intact() {
		w.fail("driver", "an engine wrote to a payload that it was only given to read")
	}
	if r.task.Schedule == nil && w.over == "" {
		r.res.Idle = r.idle()
	}
}
