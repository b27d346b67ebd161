package engine

import (
	"slices"
	"time"

	"github.com/gmsd/gmsd/failuredetect"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/internal/rekey"
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
	Keys      KeysStatus
	// Links are those to the members, by rank, and to others that were examined.
	Links []LinkStatus
	// OutOfEarshot are the members with whom multicast does not work, though unicast
	// does; empty without multicast.
	OutOfEarshot []OutOfEarshot
	Counters     vsync.Counters
	Traffic      Traffic
	// Drops are the totals by reason since the start.
	Drops []trace.Drop
}

// KeysStatus says how the group is sealed.
type KeysStatus struct {
	// Sealed: frames are. Nothing else is set where they are not.
	Sealed bool
	// Ring is what this host knows, secrets included.
	Ring keys.Ring
	// Sending names the key that seals what this host says.
	Sending keys.ID
	// Rotating: not all members are as far as this host.
	Rotating bool
	// Fault is why the ring could not be written last.
	Fault error
	// Members are how far each is, as far as they have told; this host first.
	Members []rekey.State
}

func (g *guard) status() KeysStatus {
	if !g.sealing() {
		return KeysStatus{}
	}
	return KeysStatus{
		Sealed: true, Ring: g.rekey.Ring(), Sending: g.sealer.Sending(), Rotating: g.rekey.Rotating(),
		Fault: g.rekey.Fault(), Members: g.rekey.States(),
	}
}

// Traffic gives what it has read and sent so far.
func (e *Engine) Traffic() Traffic { return e.traffic }

// Keys says how the group is sealed.
func (e *Engine) Keys() KeysStatus { return e.guard.status() }

// Status gives a snapshot.
func (e *Engine) Status() Status {
	s := Status{
		Phase: e.core.Phase().String(), View: e.core.View(), Joiner: e.core.Joiner(),
		DetectionBound: e.detect.Bound(), Subjects: e.detect.Status(), Strangers: e.core.Strangers(),
		Counters: e.core.Counters(), Traffic: e.traffic, Drops: slices.Clone(e.drops.totals),
	}
	s.Keys = e.Keys()
	s.Links = e.Links()
	v := e.core.View()
	if v == nil {
		return s
	}
	s.OutOfEarshot = e.earshot.list()
	if r, room, ok := e.core.Slowest(); ok {
		s.Slow, s.Room = &v.Members[r].Host, room
	}
	for _, r := range e.light.table.Waiting() {
		s.Unsettled = append(s.Unsettled, v.Members[r].Host)
	}
	return s
}
