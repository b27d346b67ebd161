package failuredetect

import (
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// role is why a member is watched.
type role uint8

const (
	roleNone role = iota
	// roleCheck: this host wants to know for itself, for a while.
	roleCheck
	// roleObserver: this host is one of its observers, or a substitute.
	roleObserver
)

var roleNames = [...]string{"", "check", "observer"}

func (r role) String() string { return roleNames[r] }

// Observed gives the ranks of those this host observes, ascending, substitutes
// included, checks not: whose sockets are worth watching. The slice is the
// caller's.
func (d *Detector) Observed() []uint16 {
	var ranks []uint16
	for _, r := range d.watched {
		if d.members[r].role == roleObserver {
			ranks = append(ranks, r)
		}
	}
	return ranks
}

// checksMax bounds the members checked, and again those observed as a
// substitute; who has turned out silent does not count as checked.
const checksMax = 256

// rewatch finds whom this host has to watch now.
func (d *Detector) rewatch(now views.Instant) {
	first := d.watched == nil
	if d.ring.everyone() {
		if first {
			d.watchEveryone()
		}
		return
	}
	want := d.wanted()
	for _, r := range d.watched {
		if _, keep := slices.BinarySearchFunc(want, r, compareWatch); !keep {
			d.members[r].role, d.members[r].phase, d.members[r].pingAt = roleNone, steady, 0
			d.excuse(r)
		}
	}
	d.watched = d.watched[:0]
	for _, w := range want {
		if d.members[w.rank].role == roleNone && !first {
			d.observeNow(now, w.rank)
		}
		d.members[w.rank].role = w.role
		d.watched = append(d.watched, w.rank)
	}
	d.findBeatTo()
	d.advanceSilence(now) // the first pings
}

func (d *Detector) watchEveryone() {
	for i := range d.members {
		if r := uint16(i); r != d.self {
			d.members[i].role = roleObserver
			d.watched = append(d.watched, r)
		}
	}
}

// watch is one member to watch.
type watch struct {
	rank uint16
	role role
}

func compareWatch(w watch, r uint16) int { return int(w.rank) - int(r) }

// wanted lists by rank whom to watch: whom this host observes, as a substitute
// too; whom it checks; and who is silent, so as to hear it come back.
func (d *Detector) wanted() []watch {
	var want []watch
	for i := 0; i < d.ring.k; i++ {
		want = append(want, watch{d.ring.subject(d.self, i), roleObserver})
	}
	if len(d.accused) > 0 || len(d.doubting) > 0 {
		want = d.appendSubstituted(want)
		want = d.appendChecks(want)
	}
	for _, r := range d.doubting {
		if d.members[r].phase == silent {
			want = append(want, watch{r, roleCheck})
		}
	}
	slices.SortFunc(want, func(a, b watch) int {
		if a.rank != b.rank {
			return int(a.rank) - int(b.rank)
		}
		return int(b.role) - int(a.role)
	})
	return slices.CompactFunc(want, func(a, b watch) bool { return a.rank == b.rank })
}

// appendSubstituted adds the members this host observes if all that are
// accused by anyone are passed over. To watch one too many costs a few pings;
// and since whoever doubts says so, everyone that another host takes for an
// observer in place of one it doubts knows that it is.
func (d *Detector) appendSubstituted(want []watch) []watch {
	skip := func(r uint16) bool { return r != d.self && (len(d.members[r].votes) > 0 || d.doubted(r)) }
	last := min(d.ring.k+len(d.accused)+len(d.doubting), len(d.ring.offsets))
	most := len(want) + checksMax
	for i := d.ring.k; i < last && len(want) < most; i++ {
		if s := d.ring.subject(d.self, i); d.ring.observes(d.self, s, skip) {
			want = append(want, watch{s, roleObserver})
		}
	}
	return want
}

// appendChecks adds what the stages of the bands ask for (band.go).
func (d *Detector) appendChecks(want []watch) []watch {
	left := checksMax
	check := func(r uint16) {
		if left > 0 && r != d.self && d.members[r].phase != silent {
			want = append(want, watch{r, roleCheck})
			left--
		}
	}
	for _, r := range d.accused {
		m := &d.members[r]
		if m.bandAt == 0 || m.bandStage == bandOpen {
			continue
		}
		if m.bandStage == bandAllCheck {
			check(r)
		}
		if d.voteOf(r, d.self) == message.EvidenceNone {
			continue
		}
		d.ring.eachObserver(r, d.doubted, func(o uint16) bool {
			if d.voteOf(r, o) == message.EvidenceNone {
				check(o)
			}
			return left > 0
		})
	}
	return want
}

// findBeatTo finds whom heartbeats go to in a large group: the observers, also
// those this host doubts (they may be right to wait for it), and those it takes
// for their substitutes.
func (d *Detector) findBeatTo() {
	var to []uint16
	add := func(o uint16) bool {
		to = append(to, o)
		return true
	}
	d.ring.eachObserver(d.self, func(uint16) bool { return false }, add)
	if len(d.suspected) > 0 || len(d.accused) > 0 {
		d.ring.eachObserver(d.self, d.doubted, add)
	}
	slices.Sort(to)
	if to = slices.Compact(to); !slices.Equal(to, d.beatTo) {
		d.beatTo = to
	}
}
