package check

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// Stream tells logs apart that may carry the same host: each data directory,
// clone or restored copy is a stream of its own. Where there are none, all
// hosts may share stream 0.
type Stream uint32

// Options of a Checker. The zero value checks everything that needs no word of
// the harness.
type Options struct {
	// Harness: faults and crashes are told, so that what only a fault excuses
	// (P15, P6's churn bound) is a violation without one.
	Harness bool
	// Skip leaves properties out.
	Skip []Property
	// Keep bounds the witnesses kept of each property; 0 means 20.
	Keep int
}

// Checker holds the state of one run. It is not safe for concurrent use.
type Checker struct {
	harness bool
	keep    int
	skip    [propertyEnd]bool

	hosts map[views.HostID]*host
	procs map[views.Process]*proc
	lives map[lifeKey]*life
	disks map[diskKey]*disk
	// names finds hosts by the name in their start records.
	names map[string]views.HostID
	views map[viewKey]*view
	order []*view
	// last is the life of the latest record: runs of records come from one.
	last    *life
	epochs  map[views.Epoch][]*view
	orphans map[trace.MsgID]*view
	// logged are all lives, as they began.
	logged []*life
	// light are the groups of which there was a view, or that a port left.
	light map[string]struct{}
	apps  apps
	// tick counts everything that was told, records and harness facts.
	tick uint64
	net  []span
	// faultsOpen counts the open windows, lastFault is the tick of the last
	// change of a window or end of a life.
	faultsOpen int
	lastFault  uint64
	healthy    int
	window     *window

	violations                                                    []Violation
	counts, excused, broken                                       [propertyEnd]int
	records, livesSeen, changes, messages, deliveries, groupViews int
}

// New makes a Checker.
func New(o Options) *Checker {
	c := &Checker{
		harness: o.Harness, keep: o.Keep,
		hosts: map[views.HostID]*host{}, procs: map[views.Process]*proc{}, lives: map[lifeKey]*life{},
		disks: map[diskKey]*disk{}, views: map[viewKey]*view{}, epochs: map[views.Epoch][]*view{},
		orphans: map[trace.MsgID]*view{}, names: map[string]views.HostID{},
		light: map[string]struct{}{},
	}
	if c.keep == 0 {
		c.keep = keepDefault
	}
	for _, p := range o.Skip {
		if p < propertyEnd {
			c.skip[p] = true
		}
	}
	return c
}

// Observe takes the next record of stream 0.
func (c *Checker) Observe(r trace.Record) { c.ObserveIn(0, r) }

// ObserveIn takes the next record of a stream. The record's slices are read
// during the call only.
func (c *Checker) ObserveIn(s Stream, r trace.Record) {
	c.tick++
	c.records++
	l := c.lifeOf(s, &r)
	switch e := r.Event.(type) {
	case trace.Send:
		c.send(l, &e)
	case trace.Deliver:
		c.deliver(l, &e)
	case trace.Install:
		c.install(l, &e)
	case trace.Start:
		c.name(l.proc.host, e.HostName)
	case trace.Stop:
		c.end(l)
	case trace.Block:
		c.block(l, e.View)
	case trace.Unblock:
		c.unblock(l, e.View)
	case trace.BitsChanged:
		c.bitsChanged(l, &e)
	case trace.Primary:
		c.primary(l, &e)
	case trace.Join:
		l.heardVerdict(&e)
	case trace.GroupView:
		c.groupView(l, &e)
	case trace.GroupLeft:
		c.groupLeft(l, &e)
	}
}

// Crash says that a process of stream 0 ended without a stop record.
func (c *Checker) Crash(p views.Process) { c.CrashIn(0, p) }

// CrashIn says that a process ended without a stop record.
func (c *Checker) CrashIn(s Stream, p views.Process) {
	c.tick++
	if l := c.lives[lifeKey{p, s}]; l != nil {
		c.end(l)
	}
}

// Restore says that the data directory behind a stream was put back to an
// earlier state, or emptied: what its host had promised there is forgotten.
func (c *Checker) Restore(s Stream, id views.HostID) {
	c.tick++
	delete(c.disks, diskKey{id, s})
}

// Group says which group a host was configured for.
func (c *Checker) Group(id views.HostID, name string) { c.hostOf(id).group = name }

// Finish ends the run: what could only be judged with nothing more to come is
// judged, and the report is made.
func (c *Checker) Finish() *Report {
	c.EndStable()
	c.checkStrangers()
	for _, v := range c.order {
		c.retire(v)
	}
	return c.report()
}
