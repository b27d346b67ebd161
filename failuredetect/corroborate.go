package failuredetect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// settle turns what changed into opinions: own votes, then who is failed, then
// which bands stand, then whom to watch because of it.
func (d *Detector) settle(now views.Instant) {
	if !d.dirty || d.waitsForMore(now) {
		return
	}
	var failed []uint16
	watch := false
	if d.active() {
		d.state(now)
		failed = d.corroborate()
		d.updateBands(now)
		watch = !slices.Equal(failed, d.failed) || d.rewatchDue
	}
	d.rewatchDue, d.dirty, d.settleAt = false, false, 0
	if watch {
		d.rewatch(now)
	}
	if d.dirty { // somebody is doubted of those watched
		d.settleAt = now.Add(settleEvery)
	}
	d.publish(failed)
}

// settleEvery is how often votes are counted in a large group at most: when
// many hosts fall silent, hundreds of lists come in within a few beats.
const settleEvery = 10 * time.Millisecond

// waitsForMore reports whether to leave the counting until settleAt.
func (d *Detector) waitsForMore(now views.Instant) bool {
	if !d.active() || d.ring.everyone() {
		return false
	}
	if now < d.settledAt.Add(settleEvery) {
		d.settleAt = d.settledAt.Add(settleEvery)
		return true
	}
	d.settledAt = now
	return false
}

// corroborate finds who is failed, from scratch: those the end of a band fell
// on, and those enough observers accuse. Whoever is failed no longer counts as
// an observer, so it goes round until nothing changes. It begins with the
// highest rank: of two that are sure of each other's end, the lower stays, as
// where a link is settled.
func (d *Detector) corroborate() []uint16 {
	for _, r := range d.failed {
		d.members[r].failed = false
	}
	failed := d.stillSettledAgainst()
	for _, r := range failed {
		d.members[r].failed = true
	}
	d.ripeAt = 0
	for changed := true; changed; {
		changed = false
		for _, r := range slices.Backward(d.accused) {
			if m := &d.members[r]; r != d.self && !m.failed && d.decided(r) {
				m.failed, changed = true, true
				failed = withRank(failed, r, true)
			}
		}
	}
	return failed
}

// count is how the observers of one member stand.
type count struct{ left, votes, strong int }

// tally counts the observers of r whom this host does not doubt.
func (d *Detector) tally(r uint16) count {
	var c count
	d.ring.eachObserver(r, d.doubted, func(o uint16) bool {
		c.left++
		if ev := d.countedOf(r, o); ev != message.EvidenceNone && !d.voiceless(o) {
			c.votes++
			if ev.Strong() {
				c.strong++
			}
		}
		return true
	})
	return c
}

// need is how many of the observers left must accuse.
func (d *Detector) need(left int) int { return min(d.cfg.High, left/2+1) }

// decided reports whether r is failed by the votes: enough accusers, or two
// that found its socket closed (one, where only one is left, and see closedGuard), or
// one that is sure.
func (d *Detector) decided(r uint16) bool {
	c := d.tally(r)
	enough := c.votes > 0 && c.votes >= d.need(c.left) || c.strong > 0 && c.strong >= min(2, c.left)
	if enough && (c.left > 1 || !d.unripe(r)) {
		return true
	}
	return slices.ContainsFunc(d.members[r].votes, func(v vote) bool {
		return v.evidence.Confirmed() && !d.doubted(v.from)
	})
}

// unripe reports whether all that this host has against r is that its connection closed
// a moment ago, however often it did since; then ripeAt is when to count again.
func (d *Detector) unripe(r uint16) bool {
	if d.voteOf(r, d.self) != message.EvidenceClosed {
		return false
	}
	ripe := d.members[r].strongSince.Add(closedGuard)
	if d.now >= ripe {
		return false
	}
	d.ripeAt = views.Earliest(d.ripeAt, ripe)
	return true
}

// voiceless reports whether the vote of o is not counted although it is not
// doubted: this host itself, once it was condemned.
func (d *Detector) voiceless(o uint16) bool { return o == d.self && d.condemnedUntil != 0 }

// publish makes new opinions known if they differ from the last.
func (d *Detector) publish(failed []uint16) {
	for _, r := range failed {
		if !slices.Contains(d.failed, r) {
			d.eventFailed(r)
		}
	}
	for _, r := range d.failed {
		if !slices.Contains(failed, r) {
			d.event(trace.Trust{Who: d.members[r].Host, Detector: detectorQuorum, Evidence: "accusations taken back"})
		}
	}
	suspected := slices.Clone(d.doubting)
	for _, r := range failed {
		suspected = withRank(suspected, r, true)
	}
	unsettled := d.findUnsettled()
	if !slices.Equal(failed, d.failed) || !slices.Equal(suspected, d.suspected) || unsettled != d.unsettled {
		d.out.Changed = true
	}
	d.failed, d.suspected, d.unsettled = failed, suspected, unsettled
}

// eventFailed tells why r is given up.
func (d *Detector) eventFailed(r uint16) {
	m := &d.members[r]
	if m.settledAgainst {
		return // told when the band ended
	}
	c := d.tally(r)
	var by strings.Builder
	for _, v := range m.votes {
		fmt.Fprintf(&by, " %s=%s", d.view.Members[v.from].Name, v.evidence)
	}
	d.event(trace.Suspect{
		Who: m.Host, Detector: detectorQuorum,
		Evidence: fmt.Sprintf("%d of %d observers:%s", c.votes, c.left, by.String()),
	})
}

// findUnsettled reports whether somebody may be decided upon soon.
func (d *Detector) findUnsettled() bool {
	if d.freshUntil != 0 || d.ripeAt != 0 {
		return true
	}
	for _, r := range d.accused {
		if r != d.self && d.members[r].bandAt != 0 {
			return true
		}
	}
	for _, r := range d.watched {
		if d.members[r].phase == grave {
			return true
		}
	}
	return false
}

// Failed gives the ranks that are corroborated as failed, ascending: the
// opinion to build the next view on. The slice must not be changed. Self is
// never in it.
func (d *Detector) Failed() []uint16 { return d.failed }

// Suspected gives the ranks this host doubts itself or holds for failed,
// ascending: those not to wait for. The slice must not be changed.
func (d *Detector) Suspected() []uint16 { return d.suspected }

// Unsettled reports whether a member is about to be doubted or is accused by
// too few: a view change had better wait a little (bounded by who asks), so
// that ten crashes are one view.
func (d *Detector) Unsettled() bool { return d.unsettled }

// Condemned reports whether the end of a band fell on this host: its link to
// another is broken, and by the rule that all follow it is this host that the
// others give up. It lasts until the next view; where none comes within
// two BandDeadlines, this host gives up all those its own links are broken to.
func (d *Detector) Condemned() bool { return d.condemnedUntil != 0 }
