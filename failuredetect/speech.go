package failuredetect

import (
	"time"

	"github.com/gmsd/gmsd/views"
)

// Where beats are rarer than the pace, a host that sends data beats at the pace: who
// hears data from it counts the silence that follows from there, and need not wait
// for a beat that is long in coming. A group at work finds losses as fast as one by
// multicast.
//
//  1. A sends data. Its next beat follows within a pace, whatever it does then.
//  2. B has the data and hears no more: it waits a pace and 4.8 more, as where beats
//     come at the pace. A pause of 1 s of A is forgiven: either it began within a
//     pace of the data, or the beat was sent and is what B counts from.
//  3. Any other frame of A says nothing of its next beat: a beat and 4.8 paces.

// Spoke tells that this host has sent data to members. Call it after Advance with
// the same now.
func (d *Detector) Spoke(now views.Instant) {
	if d.rare() && d.active() && d.beatAt > now.Add(d.cfg.Pace) {
		d.beatAt = now.Add(d.cfg.Pace)
		d.next = min(d.next, d.beatAt)
	}
}

// rare: beats are rarer than the pace.
func (d *Detector) rare() bool { return d.cfg.Beat > d.cfg.Pace }

// heardSpeech notes that r has sent data in the frame just heard. The beat after it
// is out of schedule.
func (d *Detector) heardSpeech(r uint16) {
	if d.rare() {
		d.members[r].spoke, d.members[r].link.beatAt = true, 0
	}
}

// sooner is by how much silence counts sooner than after a beat.
func (d *Detector) sooner(r uint16) time.Duration {
	if !d.members[r].spoke {
		return 0
	}
	return d.cfg.Beat - d.cfg.Pace
}
