package failuredetect

import (
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// withdrawals is how often an empty list is sent before it is left at that:
// at 36 % loss one in 160 is missed, and then AccuseExpiry ends the doubt.
const withdrawals = 5

// HandleAccuse takes another member's whole list of doubts. Lists of other
// views, older versions, unknown ranks and doubts without evidence are ignored.
func (d *Detector) HandleAccuse(now views.Instant, from views.Process, m *message.Accuse) {
	now = d.enter(now)
	r, ok := d.rank(from)
	if !ok {
		return
	}
	d.heard(now, r)
	by := &d.members[r]
	if m.View != d.view.ID || m.Version < by.version {
		return
	}
	by.accuseSeen = now
	if m.Version == by.version {
		d.refute(now, r)
		return
	}
	by.version = m.Version
	list := d.sensible(r, m.Subjects)
	d.replaceList(r, list)
	d.askBoth(now, r, list)
	d.refute(now, r)
}

// sensible keeps of a list what names other members, in order and once, with
// evidence. The usual list is kept as it is.
func (d *Detector) sensible(from uint16, list []message.Accusation) []message.Accusation {
	last := -1
	bad := func(a message.Accusation) bool {
		if int(a.Rank) >= len(d.members) || a.Rank == from || int(a.Rank) <= last ||
			!a.Evidence.Valid() || a.Evidence == message.EvidenceNone {
			return true
		}
		last = int(a.Rank)
		return false
	}
	if !slices.ContainsFunc(list, bad) {
		return list
	}
	last = -1
	return slices.DeleteFunc(slices.Clone(list), bad)
}

// replaceList makes list the votes of from.
func (d *Detector) replaceList(from uint16, list []message.Accusation) {
	by := &d.members[from]
	old := by.accuses
	by.accuses = list
	for _, a := range old {
		if !accuses(list, a.Rank) {
			d.setVote(a.Rank, vote{from: from})
		}
	}
	for _, a := range list {
		d.setVote(a.Rank, vote{from: from, evidence: a.Evidence, at: d.now})
	}
	d.accusing = withRank(d.accusing, from, len(list) > 0)
}

// setVote records v against r; no evidence takes it back.
func (d *Detector) setVote(r uint16, v vote) {
	m := &d.members[r]
	i, found := slices.BinarySearchFunc(m.votes, v.from, compareVote)
	switch {
	case v.evidence == message.EvidenceNone && !found, found && m.votes[i].evidence == v.evidence:
		return
	case v.evidence == message.EvidenceNone:
		m.votes = slices.Delete(m.votes, i, i+1)
	case found:
		m.votes[i] = v
	default:
		m.votes = slices.Insert(m.votes, i, v)
	}
	d.dirty = true
	switch {
	case len(m.votes) == 0:
		m.bandAt, m.bandStage = 0, bandOpen
		d.accused, d.rewatchDue = withRank(d.accused, r, false), true
	case len(m.votes) == 1:
		d.accused, d.rewatchDue = withRank(d.accused, r, true), true
		d.expectMore(v)
	}
	if m.bandStage != bandOpen {
		d.rewatchDue = true // the checks depend on who says nothing
	}
}

// expectMore: who observes a few of many hears of the others that fell silent
// at the same moment only from their observers, up to some beats later.
func (d *Detector) expectMore(v vote) {
	if !d.ring.everyone() && v.evidence == message.EvidenceSilent {
		d.freshUntil = d.now.Add(d.graveSpan())
	}
}

// voteOf gives what from says of r.
func (d *Detector) voteOf(r, from uint16) message.Evidence { return d.findVote(r, from).evidence }

// countedOf gives what from says of r where that counts: not while this host hears r and
// it is asked whether it gets answers at all (answers.go).
func (d *Detector) countedOf(r, from uint16) message.Evidence {
	v := d.findVote(r, from)
	if d.members[r].phase < grave && d.untested(v) {
		return message.EvidenceNone
	}
	return v.evidence
}

// findVote gives the vote of from against r; without evidence: none.
func (d *Detector) findVote(r, from uint16) vote {
	votes := d.members[r].votes
	if i, found := slices.BinarySearchFunc(votes, from, compareVote); found {
		return votes[i]
	}
	return vote{from: from}
}

// refute answers a list that names this host with a beat: the accuser should
// be the first to hear that it is wrong.
func (d *Detector) refute(now views.Instant, by uint16) {
	if !accuses(d.members[by].accuses, d.self) || now.Sub(d.refutedAt) < d.cfg.AccuseEvery/2 && d.refutedAt != 0 {
		return
	}
	d.refutedAt = now
	if d.ring.everyone() {
		d.beat(now)
		return
	}
	// The accuser alone; the plan of beats stays.
	if !d.out.Beat {
		d.out.Beat, d.out.BeatTo = true, nil
	}
	d.out.BeatTo = withRank(slices.Clone(d.out.BeatTo), by, true)
}

// expireAccusers drops lists that were not repeated.
func (d *Detector) expireAccusers(now views.Instant) {
	for i := len(d.accusing) - 1; i >= 0; i-- {
		r := d.accusing[i]
		if now.Sub(d.members[r].accuseSeen) >= d.cfg.AccuseExpiry {
			// The version stays: an older list must not come back, but the
			// same one, repeated, may.
			d.members[r].version--
			d.replaceList(r, nil)
		}
	}
}

// state makes the own votes from the own doubts, and a new list if they changed.
func (d *Detector) state(now views.Instant) {
	var list []message.Accusation
	if d.quietUntil == 0 {
		list = d.doubts()
	}
	self := &d.members[d.self]
	if slices.Equal(list, self.accuses) {
		return
	}
	d.replaceList(d.self, list)
	d.accusing = withRank(d.accusing, d.self, false) // ours does not expire
	self.version++
	d.said = &message.Accuse{View: d.view.ID, Version: self.version, Subjects: list}
	d.saidSent = 0
	d.say(now)
}

// doubts lists this host's own doubts by rank.
func (d *Detector) doubts() []message.Accusation {
	var list []message.Accusation
	for _, r := range d.doubting {
		list = append(list, message.Accusation{Rank: r, Evidence: d.doubt(r)})
	}
	return list
}

// directMax bounds whom one list goes to directly. In a larger group the next
// ones get the next list.
const directMax = 64

// say sends the list: after a change at once and three times quickly, then
// every AccuseEvery, all with jitter. Every other time from the fourth on it
// goes to each member directly:
//
//  1. The multicast of C is lost on the way out. Its beats stay away from all,
//     but it answers their pings: it is in order.
//  2. C does not hear A, alone or with others. Its list is lost like its beats.
//  3. The rest waits for a word of C that never comes: A is accused by too few,
//     or, where C is the only accuser, by nobody, and C for ever cut off.
func (d *Detector) say(now views.Instant) {
	d.out.Accuse, d.out.AccuseTo = d.said, nil
	d.saidSent++
	if d.saidSent >= 4 && d.saidSent%2 == 0 {
		d.out.AccuseTo = d.directly()
	}
	every := d.cfg.AccuseEvery
	if d.saidSent < 3 {
		every = every * 1 << d.saidSent / 8
	}
	d.sayAt = now.Add(d.jittered(every, 4))
	if len(d.said.Subjects) == 0 && d.saidSent >= withdrawals {
		d.sayAt = 0
	}
}

// directly gives the ranks whose turn it is to be told directly, ascending.
func (d *Detector) directly() []uint16 {
	var to []uint16
	for range min(directMax, len(d.members)-1) {
		if d.directFrom == d.self {
			d.directFrom = d.after(d.directFrom)
		}
		to = withRank(to, d.directFrom, true)
		d.directFrom = d.after(d.directFrom)
	}
	return to
}

// after gives the next rank, round the view.
func (d *Detector) after(r uint16) uint16 { return uint16((int(r) + 1) % len(d.members)) }

// sayAgain repeats the list when it is due.
func (d *Detector) sayAgain(now views.Instant) {
	if d.sayAt != 0 && now >= d.sayAt {
		d.say(now)
	}
}

func compareVote(v vote, from uint16) int { return int(v.from) - int(from) }

// accuses reports whether a list, sorted by rank, names that rank.
func accuses(list []message.Accusation, rank uint16) bool {
	_, found := slices.BinarySearchFunc(list, rank, func(a message.Accusation, r uint16) int { return int(a.Rank) - int(r) })
	return found
}

// withRank puts a rank into an ascending list or takes it out.
func withRank(list []uint16, rank uint16, in bool) []uint16 {
	i, found := slices.BinarySearch(list, rank)
	switch {
	case in && !found:
		return slices.Insert(list, i, rank)
	case !in && found:
		return slices.Delete(list, i, i+1)
	}
	return list
}
