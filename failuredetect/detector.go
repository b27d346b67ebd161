package failuredetect

import (
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Detector is the failure detector of one host. It is made by [New] and not
// safe for concurrent use. Before the first SetView, and in a view of one, it
// does nothing.
type Detector struct {
	cfg    Config
	random source
	// mask makes ping tokens of this life unlike those of another.
	mask uint64

	// now is the time of the last call; zero: none yet.
	now  views.Instant
	next views.Instant

	view    *views.View
	self    uint16
	ring    ring
	rankOf  map[views.Process]uint16
	members []member
	// watched are the ranks observed, ascending.
	watched []uint16
	// doubting are the ranks this host doubts itself, settled those the end of
	// a band fell on, ascending.
	doubting, settled []uint16
	// accused are the ranks with a vote against them, ascending; accusing
	// those of the others whose list is not empty, ascending.
	accused, accusing []uint16

	// The own list: what was said last, and when to say it again.
	said     *message.Accuse
	saidSent int
	sayAt    views.Instant
	// directFrom is the rank the next direct list goes to first.
	directFrom uint16

	beatAt views.Instant
	// inTime is when this host last heard a beat it keeps time with; 0: never.
	inTime views.Instant
	beatTo []uint16
	// freshUntil: in a large group, until when more doubts of what has just
	// begun may come in.
	freshUntil views.Instant
	// refutedAt is when a beat was last sent because somebody doubted us.
	refutedAt views.Instant
	measureAt views.Instant
	measured  int
	// askedAllAt is when an answer was missed and all were asked (answers.go); zero: not in
	// this view.
	askedAllAt views.Instant

	health     int
	healthAt   views.Instant
	quietUntil views.Instant
	// resumedAt is the end of the last pause: what was overdue then is not
	// another one.
	resumedAt views.Instant
	// condemnedUntil: the band's end fell on this host; until then it waits
	// for the others to remove it.
	condemnedUntil views.Instant

	// ripeAt is when "closed" is enough for this host alone; zero: it does not wait for
	// that.
	ripeAt views.Instant

	// dirty: votes, doubts or phases changed since the last settle, rewatchDue:
	// so that others may have to be watched. settleAt is when to settle where
	// that was put off; settledAt when it last was done.
	dirty, rewatchDue   bool
	settleAt, settledAt views.Instant
	failed, suspected   []uint16
	unsettled           bool
	out                 Output
	flaps               []flap
}

// member is what the detector holds of one member of the view, by rank.
type member struct {
	views.Process
	link link
	// heardAt is the last frame in this view; zero: none.
	heardAt views.Instant
	// clock is what silence is counted from: the last frame, or a grace.
	clock views.Instant
	// lostAt is when its relay last lost it (relay.go); zero: never.
	lostAt views.Instant
	// silentAt is when it was doubted for silence.
	silentAt views.Instant
	phase    phase
	// spoke: the last frame was speech (speech.go).
	spoke bool
	// pingAt is when to ping next, pingedAt when the last was sent that was
	// not answered; zero: none.
	pingAt, pingedAt views.Instant
	role             role
	// owesSince is when the first ping was sent of those that it has not answered, askedAt
	// the last; mute: it is doubted for that (answers.go).
	owesSince, askedAt views.Instant
	mute               bool
	// strong is what its kernel or a successor said; strongSince when first, strongAt when
	// last.
	strong                message.Evidence
	strongSince, strongAt views.Instant

	// votes against it, its own doubter included, sorted by accuser.
	votes []vote
	// bandAt is since when it is accused and not failed; zero: it is not.
	bandAt    views.Instant
	bandStage bandStage
	failed    bool
	// settledAgainst: the band's end fell on it.
	settledAgainst bool

	// As an accuser: its last list and when it was last repeated.
	version    uint64
	accuses    []message.Accusation
	accuseSeen views.Instant
}

// vote is one member's accusation of another.
type vote struct {
	from     uint16
	evidence message.Evidence
	at       views.Instant
}

// New makes a detector. It fills in the defaults of cfg and returns what
// Validate finds as a detector that must not be used: call Validate first.
// The seed feeds jitter only.
func New(cfg Config, seed uint64) *Detector {
	cfg.EnsureDefaults()
	d := &Detector{cfg: cfg, random: source(seed)}
	d.mask = d.random.next()
	return d
}

// SetView begins a view: its members are the new subjects and observers, all
// with a fresh grace. Doubts and accusations of older views are forgotten, but
// for what a kernel said of a process that stays, since nobody says it twice;
// what was learned of links, and removals, stay too. A view without this
// process is the same as none.
func (d *Detector) SetView(now views.Instant, v *views.View) {
	now = d.enter(now)
	links, last := d.learned(), d.members
	d.forgetView()
	self := -1
	if v != nil {
		self = v.RankOf(d.cfg.Self)
	}
	if self < 0 || v.Size() < 2 {
		d.beatAt, d.next = 0, 0
		d.dirty = true
		d.settle(now)
		return
	}
	d.view, d.self = v, uint16(self)
	d.ring = newRing(v.Size(), &d.cfg)
	d.members = make([]member, v.Size())
	d.rankOf = make(map[views.Process]uint16, v.Size())
	for i := range v.Members {
		p := v.Members[i].Process
		d.members[i] = member{Process: p, link: links[p.Host], clock: now}
		d.rankOf[p] = uint16(i)
	}
	if d.beatAt == 0 {
		// Members come into a view together; their beats should not.
		d.beatAt = now.Add(d.random.upTo(d.cfg.Beat))
		d.measureAt = now.Add(d.random.upTo(d.cfg.RTTEvery))
	}
	kept := d.keepEvidence(now, last)
	d.dirty = true
	d.settle(now)
	for _, r := range kept {
		d.probeAfterEvidence(now, r)
	}
	d.advanceSilence(now) // the first pings
	d.schedule(now)
}

// keepEvidence takes over what the kernel said of those among the last members
// that are in this view as well, and gives their ranks.
//
//  1. A learns from its socket that B is gone; the driver drops the socket.
//  2. The install of a view with B, decided before, reaches A late.
//  3. Nobody tells A again. It would wait out B's silence, and for B as the
//     next coordinator.
//
// Where B lives after all, its first frame after strongGuard says so, as it
// would have in the last view. "Departed" is not kept: the new view refutes it. Whom its
// relay has lost is asked anew.
func (d *Detector) keepEvidence(now views.Instant, last []member) []uint16 {
	var kept []uint16
	for i := range last {
		old := &last[i]
		r, ok := d.rank(old.Process)
		if !ok {
			continue
		}
		if old.isLost() {
			d.members[r].lostAt = now
		}
		if old.strong == message.EvidenceNone || old.strong == message.EvidenceDeparted {
			continue
		}
		m := &d.members[r]
		m.strong, m.strongSince, m.strongAt = old.strong, old.strongSince, old.strongAt
		d.noteDoubt(r)
		kept = append(kept, r)
	}
	return kept
}

// forgetView drops everything that belongs to a view.
func (d *Detector) forgetView() {
	d.view, d.rankOf, d.members = nil, nil, nil
	d.ring = ring{}
	d.watched, d.doubting, d.settled = nil, nil, nil
	d.accused, d.accusing = nil, nil
	d.failed = nil
	d.said, d.saidSent, d.sayAt, d.directFrom = nil, 0, 0, 0
	d.beatTo, d.condemnedUntil, d.refutedAt, d.inTime, d.ripeAt, d.askedAllAt = nil, 0, 0, 0, 0, 0
	d.freshUntil, d.settleAt, d.settledAt, d.rewatchDue = 0, 0, 0, true
	d.out.AccuseTo = nil
	d.out.Accuse, d.out.Beat, d.out.BeatTo, d.out.Pings = nil, false, nil, nil
}

// learned gives what is known of the links of the present members.
func (d *Detector) learned() map[views.HostID]link {
	links := make(map[views.HostID]link, len(d.members))
	for i := range d.members {
		links[d.members[i].Host] = d.members[i].link
	}
	return links
}

// active reports whether there is anybody to observe.
func (d *Detector) active() bool { return len(d.members) > 1 }

// rank gives the rank of another member of the view.
func (d *Detector) rank(p views.Process) (uint16, bool) {
	r, ok := d.rankOf[p]
	return r, ok && r != d.self
}

// Heard tells of any authentic frame from a member. It ends a doubt for
// silence, and one for a closed or refused socket if that is older than
// strongGuard; nothing ends "replaced" and "departed" but an answer of the
// very process or the next view.
func (d *Detector) Heard(now views.Instant, from views.Process) {
	now = d.enter(now)
	if r, ok := d.rank(from); ok {
		d.heard(now, r)
	}
}

// HeardData is Heard for a frame that begins with data of its sender, or data that
// it passes on: its next beat follows within a pace (speech.go).
func (d *Detector) HeardData(now views.Instant, from views.Process) {
	now = d.enter(now)
	if r, ok := d.rank(from); ok {
		d.heard(now, r)
		d.heardSpeech(r)
	}
}

// HandleHeartbeat is Heard, and takes the arrival into the statistics.
func (d *Detector) HandleHeartbeat(now views.Instant, from views.Process, _ *message.Heartbeat) {
	now = d.enter(now)
	r, ok := d.rank(from)
	if !ok {
		return
	}
	d.members[r].link.beatArrived(now, &d.cfg)
	d.heard(now, r)
	if r == 0 && d.ring.everyone() {
		d.keepTime(now)
	}
}

// HandlePong is Heard, and takes the round trip into the statistics where it
// answers the last ping. (A host that wakes from a pause answers all of them at
// once; the older ones would measure the pause.)
func (d *Detector) HandlePong(now views.Instant, from views.Process, token uint64) {
	now = d.enter(now)
	r, ok := d.rank(from)
	if !ok {
		return
	}
	m := &d.members[r]
	if m.pingedAt != 0 && token == uint64(m.pingedAt)^d.mask {
		m.link.pongArrived(now.Sub(m.pingedAt))
		m.pingedAt = 0
	}
	d.answered(now, r)
	d.heard(now, r)
}

// Advance does what is due. Before Deadline it does nothing.
func (d *Detector) Advance(now views.Instant) {
	now = d.enter(now)
	if !d.active() || now < d.next {
		return
	}
	if now >= d.beatAt {
		d.beat(now)
	}
	d.advanceSilence(now)
	d.expireAccusers(now)
	if d.quietUntil != 0 && now >= d.quietUntil {
		d.quietUntil, d.dirty = 0, true
	}
	if d.ripeAt != 0 && now >= d.ripeAt {
		d.ripeAt, d.dirty = 0, true
	}
	if d.condemnedUntil != 0 && now >= d.condemnedUntil {
		d.decideAlone(now)
	}
	if d.freshUntil != 0 && now >= d.freshUntil {
		d.freshUntil, d.dirty = 0, true
	}
	d.advanceBands(now)
	d.settle(now)
	d.sayAgain(now)
	d.measure(now)
	d.schedule(now)
}

// Deadline gives the time at which to call Advance at the latest; zero: none.
func (d *Detector) Deadline() views.Instant { return d.next }

// schedule finds the next deadline.
func (d *Detector) schedule(now views.Instant) {
	if !d.active() {
		d.next = 0
		return
	}
	next := min(d.beatAt, d.measureAt)
	next = views.Earliest(next, d.sayAt)
	next = views.Earliest(next, d.quietUntil)
	next = views.Earliest(next, d.condemnedUntil)
	next = views.Earliest(next, d.ripeAt)
	next = views.Earliest(next, d.freshUntil)
	next = views.Earliest(next, d.settleAt)
	stretch := d.stretch(now)
	for _, r := range d.watched {
		next = min(next, d.silenceDue(now, r, stretch))
	}
	for _, r := range d.accusing {
		next = min(next, d.members[r].accuseSeen.Add(d.cfg.AccuseExpiry))
	}
	for _, r := range d.accused {
		if due := d.bandDue(now, r); due != 0 {
			next = min(next, max(due, d.settleAt)) // votes first
		}
	}
	d.next = next
}

// beat sends a heartbeat and plans the next.
func (d *Detector) beat(now views.Instant) {
	d.out.Beat = true
	d.out.BeatTo = d.beatTo
	d.beatAt = now.Add(d.cfg.Beat - d.cfg.Pace + d.jittered(d.cfg.Pace, 20))
	if d.inTime != 0 && now.Sub(d.inTime) < 2*d.cfg.Beat {
		d.beatAt = d.beatAt.Add(d.cfg.Pace / 8)
	}
}

// keepTime beats with the first member in a small group, so that all wake up
// once for a beat of all instead of once for the beat of each: waking up is
// what a group at rest costs. Whoever keeps time waits an eighth of a pace longer for
// the first member's beat than it needs to; where that stays away, so does
// nothing else.
func (d *Detector) keepTime(now views.Instant) {
	d.inTime = now
	if d.beatAt.Sub(now) < d.cfg.Beat/2 {
		d.beatAt, d.next = now, now
	}
}

// jittered gives v, give or take one part in part.
func (d *Detector) jittered(v time.Duration, part time.Duration) time.Duration {
	return v - v/part + d.random.upTo(2*v/part)
}

// source is SplitMix64 (Steele, Lea, Flood, 2014): enough for jitter, and the
// same on every machine.
type source uint64

func (s *source) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// upTo gives a duration in [0, d).
func (s *source) upTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(s.next() % uint64(d))
}
