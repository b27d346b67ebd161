package failuredetect

import (
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// Output is what follows from the calls since the last Drain. Its slices are
// the caller's until the next call of the detector.
type Output struct {
	// Events are for the event log, in order.
	Events []trace.Event
	// Beat asks for a Heartbeat to the ranks of BeatTo; nil: to the whole view,
	// by one multicast where there is one.
	Beat   bool
	BeatTo []uint16
	// Pings are for one member each.
	Pings []PingTo
	// Accuse, if set, goes to the ranks of AccuseTo, each directly; nil: to the
	// whole view, by one multicast where there is one. It is never changed.
	Accuse   *message.Accuse
	AccuseTo []uint16
	// Changed: Failed, Suspected or Unsettled say something new.
	Changed bool
}

// Drain gives what is to be done and forgets it.
func (d *Detector) Drain() Output {
	if d.dirty {
		d.settle(d.now)
		d.advanceSilence(d.now)
		d.schedule(d.now)
	}
	out := d.out
	d.out = Output{Events: d.out.Events[:0], Pings: d.out.Pings[:0]}
	return out
}

func (d *Detector) event(e trace.Event) { d.out.Events = append(d.out.Events, e) }
