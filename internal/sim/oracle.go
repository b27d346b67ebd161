package sim

import (
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/sim/check"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// Shipped makes the engine that the daemon runs.
func Shipped(cfg engine.Config) (Machine, error) {
	e, err := engine.New(cfg)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Checkers is the oracle made of the property checkers.
type Checkers struct {
	c *check.Checker
	// Report is set by Finish.
	Report *check.Report
}

// NewOracle makes the oracle for a world with these options. Where the network
// itself is such that a view change may fail without any injected fault, the
// whole run is one fault window: only what such a window excuses is lost.
func NewOracle(o Options, skip ...check.Property) *Checkers {
	c := check.New(check.Options{Harness: true, Skip: skip})
	if !o.gentle() {
		c.Fault(views.HostID{}, true)
	}
	return &Checkers{c: c}
}

// Observe feeds one record.
func (k *Checkers) Observe(stream uint32, r trace.Record) { k.c.ObserveIn(check.Stream(stream), r) }

// Crash feeds an end without a word.
func (k *Checkers) Crash(stream uint32, p views.Process) { k.c.CrashIn(check.Stream(stream), p) }

// Disturb feeds a fault window.
func (k *Checkers) Disturb(begins bool, touched []views.HostID) {
	for _, id := range touched {
		k.c.Fault(id, begins)
	}
}

// Stable opens a liveness window.
func (k *Checkers) Stable(members []views.HostID) { k.c.Stable(members) }

// Settled ends the time allowed for convergence.
func (k *Checkers) Settled() { k.c.Settled() }

// Drain ends the time in which sent messages must arrive.
func (k *Checkers) Drain() { k.c.Drain() }

// Unstable closes the window.
func (k *Checkers) Unstable() { k.c.EndStable() }

// App feeds what an application did.
func (k *Checkers) App(stream uint32, p views.Process, e check.AppEvent) {
	k.c.App(check.Stream(stream), p, e)
}

// Rest feeds that nothing is under way any more.
func (k *Checkers) Rest() { k.c.Rest() }

// Broken gives the first violation so far.
func (k *Checkers) Broken() *Failure {
	if k.c.Violated() == 0 {
		return nil
	}
	return failureOf(k.c.Violations()[0])
}

// Finish judges the whole run.
func (k *Checkers) Finish() *Failure {
	k.Report = k.c.Finish()
	if k.Report.Clean() {
		return nil
	}
	return failureOf(k.Report.Violations[0])
}

func failureOf(v check.Violation) *Failure {
	return &Failure{Property: v.Property, Witness: v.String()}
}

// Judged makes the oracle of a run; see [NewOracle].
func Judged(o Options) Oracle { return NewOracle(o) }
