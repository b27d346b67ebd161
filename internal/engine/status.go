package engine

import (
	"slices"
	"time"

	"github.com/gmsd/gmsd/failuredetect"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
	"github.com/gmsd/gmsd/views/vsync"
)

// Status is a snapshot for operators and metrics. Everything in it is a copy.
type Status struct {
	// Phase is where the host stands in the protocol.
	Phase string
	// View is the current view, nil before the first.
	View *views.View
	// Joiner: this life was never in a view of two.
	Joiner bool
	// DetectionBound is the worst case until a silent member is suspected.
	DetectionBound time.Duration
	// Subjects are the members this host observes.
	Subjects []failuredetect.SubjectStatus
	// Strangers are the foreign views heard of late.
	Strangers []vsync.StrangerStatus
	// Slow, if set, is the member whose applications do not keep up, so that the
	// group sends less; Room is how many bytes it lets be under way, 0 for nothing.
	Slow *views.HostID
	Room uint64
	// Unsettled are the members whose light groups are not known here yet: until
	// they say, no messages of the application go out.
	Unsettled []views.HostID
	Counters  vsync.Counters
	Traffic   Traffic
	// Drops are the totals by reason since the start.
	Drops []trace.Drop
}

// Status gives a snapshot.
func (e *Engine) Status() Status {
	s := Status{
		Phase: e.core.Phase().String(), View: e.core.View(), Joiner: e.core.Joiner(),
		DetectionBound: e.detect.Bound(), Subjects: e.detect.Status(), Strangers: e.core.Strangers(),
		Counters: e.core.Counters(), Traffic: e.traffic, Drops: slices.Clone(e.drops.totals),
	}
	v := e.core.View()
	if v == nil {
		return s
	}
	if r, room, ok := e.core.Slowest(); ok {
		s.Slow, s.Room = &v.Members[r].Host, room
	}
	for _, r := range e.light.table.Waiting() {
		s.Unsettled = append(s.Unsettled, v.Members[r].Host)
	}
	return s
}
