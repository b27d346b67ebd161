package failuredetect

import (
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// A member may be heard and answer nothing: what it says to all arrives, and what is for
// one host alone does not get there, or not back: a route into nothing, a firewall that
// lets multicast pass. It can take part in no change of the view, and nobody who does not
// get through to it can come in. So a ping wants an answer, whatever else is heard:
//
//  1. A asks B, to measure or since B is late. No Pong comes.
//  2. A asks again every PingEvery, for twice as long as a silence may last; once where
//     somebody has accused B of it.
//  3. None was answered: A doubts B. A Pong takes that back, and no other frame.
//
// A host that gets no answers accuses all. So whoever accuses one that this host hears is
// asked, and its word counts when it has answered: of four hosts two could put out the
// others, by two votes of three, before these know that the two answer nobody.

// owes reports whether r has answered none of the pings since one was sent.
func (m *member) owes() bool { return m.owesSince != 0 }

// forgive forgets what is owed.
func (m *member) forgive() { m.owesSince, m.mute = 0, false }

// untested reports whether a vote is of one that was asked then, or before, and owes the
// answer.
func (d *Detector) untested(v vote) bool {
	m := &d.members[v.from]
	return v.evidence == message.EvidenceSilent && m.owes() && m.owesSince <= v.at
}

// excuse forgives r, and has its word counted.
func (d *Detector) excuse(r uint16) {
	m := &d.members[r]
	d.dirty = d.dirty || m.owes() && len(m.accuses) > 0
	m.forgive()
}

// answered notes a Pong of r, before it counts as heard.
func (d *Detector) answered(now views.Instant, r uint16) {
	m := &d.members[r]
	was, owed := m.mute, now.Sub(m.owesSince)
	d.excuse(r)
	if !was {
		return
	}
	m.phase, m.pingAt = steady, 0
	d.noteDoubt(r)
	if d.doubt(r) == message.EvidenceNone {
		d.event(trace.Trust{Who: m.Host, Detector: detectorSilence, Evidence: "answers after " + round(owed)})
	}
}

// askAgainAt gives when r, which owes an answer, is to be asked again: not before the first
// could have come, then as often as who is late, since on a long way frames are lost, too.
func (d *Detector) askAgainAt(r uint16) views.Instant {
	m := &d.members[r]
	return max(m.askedAt, m.owesSince.Add(m.link.probeExtra(&d.cfg))).Add(d.cfg.PingEvery)
}

// muteAt gives when r, which owes an answer, is doubted for it: it may be as long in coming
// as any sign of r, counted from when the first could have come; and as long on its way
// there, where nobody has accused r so far, nor r anybody that this host hears: all accuse
// one that has crashed. (A beat comes late by a part of a way that has become long at once,
// an answer by all of it.)
func (d *Detector) muteAt(now views.Instant, r uint16, stretch time.Duration) views.Instant {
	m := &d.members[r]
	wait := m.link.silence(now, &d.cfg)
	if len(m.votes) == 0 && !d.accusesHeard(r) {
		wait *= 2
	}
	return m.owesSince.Add(stretched(wait+m.link.probeExtra(&d.cfg), stretch, &d.cfg))
}

// accusesHeard reports whether r accuses one that this host hears, or itself is.
func (d *Detector) accusesHeard(r uint16) bool {
	return slices.ContainsFunc(d.members[r].accuses, func(a message.Accusation) bool {
		return a.Rank == d.self || d.members[a.Rank].phase == steady
	})
}

// enterMute doubts r, of which frames come and no answer.
func (d *Detector) enterMute(now views.Instant, r uint16) {
	m := &d.members[r]
	m.mute = true
	d.enterSilent(now, r, "answers nothing for "+round(now.Sub(m.owesSince))+", and is heard")
}

// askAgain asks r, which has not answered. It may be this host that gets no answers: where
// it asks all at once, what it finds stands at once, and does not look for a while like
// one link that is broken. Where frames are lost somebody misses an answer each time all
// are asked; so all are once in a silence, and who was asked then is no reason.
func (d *Detector) askAgain(now views.Instant, r uint16) {
	if d.members[r].owesSince > d.askedAllAt && (d.askedAllAt == 0 || now.Sub(d.askedAllAt) >= d.cfg.SilenceMin) {
		d.askedAllAt = now
		for _, o := range d.watched {
			d.ask(now, o)
		}
	}
	d.askFor(now, r)
}

// ask asks a member of which nothing is wrong, as far as is known, which owes nothing and
// has not just answered: one that answered within a pace does not answer nothing.
func (d *Detector) ask(now views.Instant, r uint16) {
	m := &d.members[r]
	just := m.askedAt != 0 && now.Sub(m.askedAt) < d.cfg.Pace
	if m.role != roleNone && m.phase == steady && !m.owes() && !just {
		d.askFor(now, r)
	}
}

// askAfresh asks r, which was silent and is heard: it was not there to answer before.
func (d *Detector) askAfresh(now views.Instant, r uint16) {
	if m := &d.members[r]; m.owes() {
		m.forgive()
		d.askFor(now, r)
	}
}

// askBoth asks those whom a member accuses of silence and this host hears, and the member
// itself: one of them answers nothing, or the link between them is broken.
func (d *Detector) askBoth(now views.Instant, from uint16, list []message.Accusation) {
	for _, a := range list {
		if a.Evidence != message.EvidenceSilent {
			continue
		}
		if a.Rank == d.self || d.members[a.Rank].phase == steady {
			d.ask(now, from)
		}
		if a.Rank != d.self {
			d.ask(now, a.Rank)
		}
	}
}
