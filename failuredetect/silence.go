package failuredetect

import (
	"fmt"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// phase is how far the silence of a watched member has gone.
type phase uint8

const (
	// steady: heard lately, or not watched.
	steady phase = iota
	// late: being pinged.
	late
	// grave: will be doubted within 1.5 beats unless heard. A view change
	// waits for it, so that hosts that fail together leave in one view.
	grave
	// silent: doubted.
	silent
)

var phaseNames = [...]string{"steady", "late", "grave", "silent"}

func (p phase) String() string { return phaseNames[p] }

// graveHalfBeats: hosts that fail at one moment were last heard up to a beat
// apart, two if one was lost.
const graveHalfBeats = 3

// PingTo asks for a Ping to the member of that rank.
type PingTo struct {
	Rank  uint16
	Token uint64
}

// heard notes a frame from r.
func (d *Detector) heard(now views.Instant, r uint16) {
	m := &d.members[r]
	silence := now.Sub(m.clock)
	if m.stale(now, &d.cfg) {
		// What it says is older than the loss, but not older than what was heard before:
		// whatever silence had gone before is over.
		m.heardAt, m.clock = now, m.lostAt
		return
	}
	m.heardAt, m.clock, m.spoke = now, now, false
	if m.mute {
		return // an answer alone takes that back
	}
	m.pingAt = 0
	if m.phase == steady && m.strong == message.EvidenceNone {
		return
	}
	before, was := d.doubt(r), m.phase
	d.dirty = d.dirty || was == grave
	m.phase = steady
	if was == silent {
		m.link.mistaken(now, silence, &d.cfg)
		d.askAfresh(now, r)
	}
	if !lasting(m.strong) && now.Sub(m.strongAt) > strongGuard {
		m.strong = message.EvidenceNone
	}
	if before == message.EvidenceNone {
		return
	}
	d.noteDoubt(r)
	if d.doubt(r) == message.EvidenceNone {
		d.event(trace.Trust{Who: m.Host, Detector: detectorOf(before), Evidence: "heard after " + round(silence)})
	}
}

// advanceSilence moves every watched member to the phase it is due for.
func (d *Detector) advanceSilence(now views.Instant) {
	stretch := d.stretch(now)
	for _, r := range d.watched {
		for d.silenceDue(now, r, stretch) <= now {
			d.advanceMember(now, r, stretch)
		}
	}
}

// silenceDue gives when something must be done about the silence of r.
func (d *Detector) silenceDue(now views.Instant, r uint16, stretch time.Duration) views.Instant {
	m := &d.members[r]
	switch m.phase {
	case steady:
		due := m.clock.Add(d.lateOf(r, stretch))
		if m.owes() {
			due = min(due, d.askAgainAt(r), d.muteAt(now, r, stretch))
		}
		return due
	case late:
		return min(m.pingAt, m.clock.Add(d.silenceOf(now, r, stretch)-d.graveSpan()))
	case grave:
		return min(m.pingAt, m.clock.Add(d.silenceOf(now, r, stretch)))
	default:
		return m.pingAt
	}
}

// advanceMember makes one step: a ping, or the next phase.
func (d *Detector) advanceMember(now views.Instant, r uint16, stretch time.Duration) {
	m := &d.members[r]
	silence := d.silenceOf(now, r, stretch)
	switch since := now.Sub(m.clock); {
	case m.phase == steady && m.owes() && now >= d.muteAt(now, r, stretch):
		d.enterMute(now, r)
	case m.phase == steady && since < d.lateOf(r, stretch):
		d.askAgain(now, r)
	case m.phase == steady:
		m.phase, m.pingAt = late, now
	case m.phase == late && since >= silence-d.graveSpan():
		m.phase, d.dirty = grave, true
	case m.phase == grave && since >= silence && m.isLost() && now.Sub(m.pingAt) > d.cfg.PingEvery:
		d.askAnew(now, r)
	case m.phase == grave && since >= silence:
		evidence := "silent " + round(since)
		if m.isLost() {
			evidence += ", lost by its relay"
		}
		d.enterSilent(now, r, evidence)
	default:
		d.ping(now, r)
	}
}

// enterSilent doubts r.
func (d *Detector) enterSilent(now views.Instant, r uint16, evidence string) {
	m := &d.members[r]
	m.phase, m.silentAt = silent, now
	d.noteDoubt(r)
	m.pingAt = now.Add(d.cfg.PingEvery)
	if m.strong == message.EvidenceNone {
		d.event(trace.Suspect{Who: m.Host, Detector: detectorSilence, Evidence: evidence})
	}
}

// ping asks r once more. A doubted member is asked ever more slowly, so that
// a mistake ends soon and a host that is gone costs nothing.
func (d *Detector) ping(now views.Instant, r uint16) {
	m := &d.members[r]
	d.askFor(now, r)
	every := d.cfg.PingEvery
	switch {
	case m.phase == silent && now.Sub(m.silentAt) > 2*d.cfg.BandDeadline:
		every = 4 * d.cfg.Beat
	case m.phase == silent, m.role == roleCheck:
		every *= 4
	}
	m.pingAt = now.Add(every)
}

// askFor sends one ping. Its token tells when it was sent, to us only.
func (d *Detector) askFor(now views.Instant, r uint16) {
	m := &d.members[r]
	m.pingedAt, m.askedAt = now, now
	if !m.owes() {
		m.owesSince = now
	}
	d.out.Pings = append(d.out.Pings, PingTo{Rank: r, Token: uint64(now) ^ d.mask})
}

// measure pings one observed member after the other for the round trip; more
// often where the last ones were slow, so that long deadlines do not outlive
// their reason, and where beats are rare while some never were measured: of those it is
// not known how long they need to register anew (relay.go).
func (d *Detector) measure(now views.Instant) {
	if now < d.measureAt {
		return
	}
	d.measureAt = now.Add(d.jittered(d.cfg.RTTEvery, 20))
	if len(d.watched) == 0 {
		return
	}
	d.measured++
	r, never := d.toMeasure()
	if never {
		d.measureAt = now.Add(d.jittered(d.cfg.Pace, 20))
	}
	if d.members[r].link.probeExtra(&d.cfg) > 0 {
		d.measureAt = now.Add(d.jittered(max(d.cfg.Beat, d.cfg.RTTEvery/5), 20))
	}
	if m := &d.members[r]; m.phase == steady && !m.owes() {
		d.askFor(now, r)
	}
}

// toMeasure gives whose turn it is: of those that never were measured, else of all.
func (d *Detector) toMeasure() (r uint16, never bool) {
	n := len(d.watched)
	for i := 0; i < n && d.rare(); i++ {
		r = d.watched[(d.measured+i)%n]
		if m := &d.members[r]; m.link.rtt == 0 && m.phase == steady {
			return r, true
		}
	}
	return d.watched[d.measured%n], false
}

// silenceOf gives the silence after which r is doubted.
func (d *Detector) silenceOf(now views.Instant, r uint16, stretch time.Duration) time.Duration {
	m := &d.members[r]
	s := stretched(m.link.silence(now, &d.cfg)-d.sooner(r), stretch, &d.cfg)
	if m.isLost() {
		s = min(s, m.lostAt.Sub(m.clock)+stretched(d.answersIn(r), stretch, &d.cfg))
	}
	return s
}

// lateOf gives the silence after which r is pinged.
func (d *Detector) lateOf(r uint16, stretch time.Duration) time.Duration {
	m := &d.members[r]
	s := stretched(m.link.late(&d.cfg)-d.sooner(r), stretch, &d.cfg)
	if m.isLost() {
		s = min(s, m.lostAt.Sub(m.clock))
	}
	return s
}

// graveSpan is the part of the silence that is grave.
func (d *Detector) graveSpan() time.Duration {
	return min(d.cfg.Beat*graveHalfBeats/2, d.cfg.SilenceMin-d.cfg.LateMax)
}

// observeNow begins to observe r in the middle of a view. It has no reason to
// send us heartbeats, so it is pinged at once, and doubted when it leaves the
// pings unanswered for as long as any late member may.
func (d *Detector) observeNow(now views.Instant, r uint16) {
	m := &d.members[r]
	m.lostAt = 0 // it was asked then, by who observed it
	stretch := d.stretch(now)
	overdue := now.Add(-d.lateOf(r, stretch))
	m.clock = max(m.heardAt, overdue)
	m.phase = steady
}

// round prints a duration for people.
func round(v time.Duration) string {
	return fmt.Sprint(v.Round(time.Millisecond))
}
