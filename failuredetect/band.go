package failuredetect

import (
	"fmt"
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// A band is the time in which a member is accused, but by too few. In a group
// where everyone observes everyone it simply runs out. In a larger one a host
// knows most others by hearsay only, so it looks for itself first:
//
//	0 ------ 1/6 --------- 1/2 ------------------- 1 (2 while checks run)
//	         |             |                       |
//	         |             everyone pings          the broken links are
//	         |             the accused             settled (resolve)
//	         the accuser pings the observers
//	         of the accused that say nothing
//
// Scenario for the checks: 100 hosts split 30/70. Host A, on the small side,
// accuses S; five of S's seven observers are on the far side and will never say
// anything A hears. A does not observe them. Unless A finds out that they are
// silent too, it waits for them for ever.
type bandStage uint8

const (
	bandOpen bandStage = iota
	bandAccuserChecks
	bandAllCheck
)

// updateBands opens and closes the bands.
func (d *Detector) updateBands(now views.Instant) {
	for _, r := range d.accused {
		m := &d.members[r]
		switch standing := !m.failed && d.standing(r); {
		case standing && m.bandAt == 0:
			m.bandAt, m.bandStage = now, bandOpen
		case !standing && m.bandAt != 0:
			m.bandAt, m.bandStage = 0, bandOpen
			d.rewatchDue = true
		}
	}
}

// standing reports whether an accusation of r stands that is still to be
// settled: the accuser is not failed, and this host's own part in it was not
// settled by condemning it.
func (d *Detector) standing(r uint16) bool {
	if d.voiceless(r) {
		return false
	}
	return slices.ContainsFunc(d.members[r].votes, func(v vote) bool {
		return !d.members[v.from].failed && !d.voiceless(v.from)
	})
}

// bandDue gives when something is to be done about the band of r; zero: never.
func (d *Detector) bandDue(now views.Instant, r uint16) views.Instant {
	m := &d.members[r]
	if m.bandAt == 0 {
		return 0
	}
	if !d.ring.everyone() {
		switch m.bandStage {
		case bandOpen:
			return m.bandAt.Add(d.cfg.BandDeadline / 6)
		case bandAccuserChecks:
			// Not all at once at the one they all check.
			spread := d.cfg.Pace * time.Duration(d.self%8) / 8
			return m.bandAt.Add(d.cfg.BandDeadline/2 + spread)
		}
	}
	end := m.bandAt.Add(d.cfg.BandDeadline)
	if now >= end && d.checking(r) {
		return m.bandAt.Add(2 * d.cfg.BandDeadline)
	}
	return end
}

// checking reports whether this host accuses r and has not yet found out about
// all of the observers that say nothing.
func (d *Detector) checking(r uint16) bool {
	if d.ring.everyone() || d.voteOf(r, d.self) == message.EvidenceNone {
		return false
	}
	found := false
	d.ring.eachObserver(r, d.doubted, func(o uint16) bool {
		m := &d.members[o]
		found = o != d.self && m.phase != steady && d.voteOf(r, o) == message.EvidenceNone
		return !found
	})
	return found
}

// advanceBands does what is due about the bands.
func (d *Detector) advanceBands(now views.Instant) {
	if now < d.settleAt {
		return // the votes are not counted yet
	}
	ended := false
	for _, r := range d.accused {
		m := &d.members[r]
		for due := d.bandDue(now, r); due != 0 && due <= now; due = d.bandDue(now, r) {
			d.dirty = true
			if d.ring.everyone() || m.bandStage == bandAllCheck {
				ended = true
				break
			}
			m.bandStage++
			d.rewatchDue = true
		}
	}
	if ended {
		d.resolve(now)
	}
}

// keepFailed holds on to those that are failed by votes when a band ends: to
// settle against one of their accusers must not bring them back, or one band
// would follow the other.
func (d *Detector) keepFailed() {
	for _, r := range d.failed {
		d.members[r].settledAgainst = true
		d.settled = withRank(d.settled, r, true)
	}
}

// pair is a broken link between two members.
type pair struct{ low, high uint16 }

// resolve settles all links that have been broken for long enough: the member
// with most of them is failed, on a tie the one of the higher rank, and again
// until none is left. It depends on the accusations alone, so all hosts that
// heard the same reach the same result. A host that hears nobody accuses all
// and goes first; of a link cut between two, the higher rank goes.
func (d *Detector) resolve(now views.Instant) {
	pairs := d.brokenPairs(now)
	if len(pairs) > 0 {
		d.keepFailed()
	}
	links := make([]int, len(d.members))
	for len(pairs) > 0 {
		clear(links)
		for _, p := range pairs {
			links[p.low]++
			links[p.high]++
		}
		worst := 0
		for r := range links {
			if links[r] >= links[worst] {
				worst = r
			}
		}
		d.settleAgainst(now, uint16(worst), links[worst])
		pairs = slices.DeleteFunc(pairs, func(p pair) bool { return p.low == uint16(worst) || p.high == uint16(worst) })
	}
}

// brokenPairs lists the pairs of accuser and accused whose band is over, or so
// far gone that other hosts may see it over already.
func (d *Detector) brokenPairs(now views.Instant) []pair {
	var pairs []pair
	for _, s := range d.accused {
		m := &d.members[s]
		if m.failed || m.bandAt == 0 || now.Sub(m.bandAt) < d.cfg.BandDeadline*2/3 {
			continue
		}
		if d.checking(s) && now.Sub(m.bandAt) < 2*d.cfg.BandDeadline {
			continue
		}
		for _, v := range m.votes {
			if !d.members[v.from].failed && !d.voiceless(v.from) {
				pairs = append(pairs, pair{min(s, v.from), max(s, v.from)})
			}
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		if a.low != b.low {
			return int(a.low) - int(b.low)
		}
		return int(a.high) - int(b.high)
	})
	return slices.Compact(pairs)
}

// settleAgainst fails r by the end of a band; a host does not fail itself.
func (d *Detector) settleAgainst(now views.Instant, r uint16, links int) {
	d.dirty = true
	m := &d.members[r]
	d.event(trace.Suspect{Who: m.Host, Detector: detectorLink, Evidence: fmt.Sprintf("broken links: %d", links)})
	if r == d.self {
		if d.condemnedUntil == 0 {
			d.condemnedUntil = now.Add(2 * d.cfg.BandDeadline)
		}
		return
	}
	m.settledAgainst = true
	d.flapOf(now, m.Host).link = true
	d.settled = withRank(d.settled, r, true)
}

// decideAlone ends the wait of a condemned host that nobody removed: whoever
// could is gone, or does not see what it sees. It gives up every member that it
// does not hear or that does not hear it, so that those it talks with both ways
// are left, at worst itself. (The others had two BandDeadlines: where they do
// remove it, that is long done, and it does not set itself up beside them.)
func (d *Detector) decideAlone(now views.Instant) {
	d.condemnedUntil, d.dirty = 0, true
	d.keepFailed()
	self := &d.members[d.self]
	for i := range d.members {
		r := uint16(i)
		if r == d.self || d.members[r].failed {
			continue
		}
		if accuses(self.accuses, r) || d.voteOf(d.self, r) != message.EvidenceNone {
			d.settleAgainst(now, r, 1)
		}
	}
}

// stillSettledAgainst gives those the end of a band fell on, as long as they
// accuse anybody or anybody accuses them.
func (d *Detector) stillSettledAgainst() []uint16 {
	d.settled = slices.DeleteFunc(d.settled, func(r uint16) bool {
		m := &d.members[r]
		m.settledAgainst = len(m.votes) > 0 || len(m.accuses) > 0
		return !m.settledAgainst
	})
	return slices.Clone(d.settled)
}
