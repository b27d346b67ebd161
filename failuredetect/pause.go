package failuredetect

import (
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// The local health of a host: how often it was stopped itself of late. Each
// point makes its deadlines an eighth longer, up to double.
const (
	healthMax   = 8
	healthDecay = 10 * time.Second // a point is forgotten
	longPause   = 2 * time.Second  // counts twice
)

// enter begins every call. Time does not fall, and a call that comes much too
// late means that this host stood still: what it did not hear then says
// nothing of the others.
func (d *Detector) enter(now views.Instant) views.Instant {
	if now < d.now {
		now = d.now
	}
	if d.active() && d.now != 0 {
		if gap := now.Sub(d.now); gap > 2*d.cfg.Beat {
			d.resume(now, gap)
		} else if over := now.Sub(max(d.next, d.resumedAt)); over > d.cfg.PauseAfter {
			d.resume(now, over)
		}
	}
	d.now = now
	return now
}

// resume gives everyone a fresh deadline after a pause of this host and keeps
// its own voice down for a while. What sockets said stays.
func (d *Detector) resume(now views.Instant, gap time.Duration) {
	d.health = d.healthPoints(now) + 1
	if gap >= longPause {
		d.health++
	}
	d.health, d.healthAt = min(d.health, healthMax), now
	d.quietUntil = now.Add(d.cfg.QuietAfterPause)
	for i := range d.members {
		m := &d.members[i]
		if m.phase == silent && m.strong == message.EvidenceNone {
			d.event(trace.Trust{Who: m.Host, Detector: detectorSilence, Evidence: "we were paused"})
		}
		m.phase, m.clock, m.pingAt, m.spoke = steady, now, 0, false
		m.forgive()
		d.doubting = withRank(d.doubting, uint16(i), m.strong != message.EvidenceNone)
		m.link.beatAt = 0
		// The lists of others did not age while nobody read them.
		m.accuseSeen = now
		if m.bandAt != 0 {
			m.bandAt = now
		}
	}
	if d.condemnedUntil != 0 {
		// The others had no chance to tell us what they did meanwhile.
		d.condemnedUntil = now.Add(2 * d.cfg.BandDeadline)
	}
	// We are overdue ourselves: say at once that we live.
	d.beatAt, d.next = now, now
	d.resumedAt, d.rewatchDue, d.dirty = now, true, true
	d.event(trace.Suspect{Who: d.cfg.Self.Host, Detector: detectorPause, Evidence: "paused " + round(gap)})
}

// healthPoints gives the score now: 0 is good.
func (d *Detector) healthPoints(now views.Instant) int {
	return max(0, d.health-int(now.Sub(d.healthAt)/healthDecay))
}

// stretch is the factor of this host's deadlines in eighths: 8 to 16.
func (d *Detector) stretch(now views.Instant) time.Duration {
	return time.Duration(8 + d.healthPoints(now))
}

// stretched applies the factor, within SilenceMax.
func stretched(v, stretch time.Duration, cfg *Config) time.Duration {
	return min(v*stretch/8, cfg.SilenceMax)
}
