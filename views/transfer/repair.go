package transfer

import "github.com/gmsd/gmsd/views"

const (
	// wantsMost bounds the Wants of one repair, of 64 ranges each.
	wantsMost = 4
	// quarter: a Want goes out when so much of what is let come has changed.
	quarter = 4
	// quickTries is how often a chunk is asked for again without a wait: the
	// donor may have refused to repeat it so soon.
	quickTries = 3
	// stallFactor times the wait for an answer is the wait for any sign of the donor.
	stallFactor = 2
)

// maybeWant speaks when a quarter has moved, or a repair is due.
func (r *reception) maybeWant() {
	due := r.wantAt != 0 && r.m.now >= r.wantAt
	more := r.grant() >= r.limit+max(r.flight.size/quarter, 1)
	freed := r.next >= r.nextTold+max(r.slots()/quarter, 1)
	if due || more || freed {
		r.sendWant(false)
	}
}

// grant gives up to where chunks may come: a flight beyond what was seen, in
// the room there is. It never falls.
func (r *reception) grant() uint64 {
	return max(r.limit, min(r.written+r.slots(), r.high+r.flight.size))
}

// wantBy makes a Want go out at a time at the latest.
func (r *reception) wantBy(at views.Instant) { r.wantAt = views.Earliest(r.wantAt, at) }

// restartStall waits anew for a sign of the donor.
func (r *reception) restartStall() {
	r.stalls = 0
	r.stallAt = r.m.now.Add(stallFactor * r.flight.rto())
}

// sendWant tells what is here and asks for what is missing.
func (r *reception) sendWant(stalled bool) {
	r.limit = r.grant()
	r.nextTold = r.next
	r.wantAt = 0
	from, room := r.next, r.repairRoom()
	for n := 0; n == 0 || (n < wantsMost && from < r.high && room > 0); n++ {
		w := &Want{Tag: r.tag, Serial: r.flight.next(r.m.now, stalled && n == 0), Next: r.next, Limit: r.limit, Stalled: stalled && n == 0}
		from = r.missing(w, from, &room)
		if n == 0 || len(w.Missing) > 0 {
			r.m.send(r.donor, w)
			r.sayMissing(w.Missing)
		}
	}
	if from < r.high {
		r.wantBy(r.m.now.Add(r.flight.rto()))
	}
}

// repairRoom is how many chunks may be asked for again now: a flight without
// those that are on their way. A narrow way that dropped a burst would drop the
// repair of a whole window, too.
func (r *reception) repairRoom() uint64 {
	room := r.flight.size
	for i := r.next; i < r.high && room > 1; i++ {
		if s := r.at(i); s.undecided() && s.asked > 0 && r.m.now < r.dueAt(s) {
			room--
		}
	}
	return room
}

// missing puts into w what is due to be asked for, from a place on, as far as
// there is room, and notes when the rest is due. It gives where to go on.
func (r *reception) missing(w *Want, from uint64, room *uint64) uint64 {
	for i := from; i < r.high; i++ {
		s := r.at(i)
		if !s.undecided() || (i < r.kept && i >= r.keptTold) {
			continue
		}
		if at := r.dueAt(s); r.m.now < at {
			r.wantBy(at)
			continue
		}
		if *room == 0 || !w.addMissing(i) {
			return i
		}
		*room--
		s.asked, s.askedAt = w.Serial, r.m.now
		s.tries++
		r.flight.lost++
		r.wantBy(r.dueAt(s))
	}
	return r.high
}

// addMissing appends a chunk behind those that are there, if there is room.
func (m *Want) addMissing(index uint64) bool {
	last := len(m.Missing) - 1
	switch {
	case last >= 0 && m.Missing[last].From+uint64(m.Missing[last].Count) == index: //nolint:gosec // positive
		m.Missing[last].Count++
	case len(m.Missing) == rangesMax:
		return false
	default:
		m.Missing = append(m.Missing, Range{index, 1})
	}
	return true
}

// dueAt is when a chunk that was overtaken is to be asked for: first after the
// gap; again when the donor has answered a later Want, which a few times is
// trusted to mean that the repair was lost, or was silent for long.
func (r *reception) dueAt(s *slot) views.Instant {
	switch {
	case s.asked == 0:
		return s.gapAt.Add(r.flight.gap())
	case r.flight.heard > s.asked && s.tries <= quickTries:
		return s.askedAt
	}
	return s.askedAt.Add(backoff(r.flight.rto(), s.tries-1, rtoMost))
}

// advance does what time asks for.
func (r *reception) advance() {
	now := r.m.now
	if at, why, err := r.patience(); now >= at {
		r.fail(why, err)
		return
	}
	if r.askAt != 0 && now >= r.askAt {
		r.ask()
	}
	if r.wantAt != 0 && now >= r.wantAt {
		r.sendWant(false)
	}
	if r.stallAt != 0 && now >= r.stallAt {
		r.stalls++
		r.stallAt = now.Add(backoff(stallFactor*r.flight.rto(), r.stalls, rtoMost))
		r.sendWant(true)
		r.repeatHaves()
	}
}

// patience is when to give up, and whose fault it is then.
func (r *reception) patience() (views.Instant, Reason, error) {
	switch {
	case r.phase == sealing:
		return r.disk.Add(sealPatience * r.m.cfg.Patience), DiskFailed, ErrHung
	case r.pending > 0:
		return r.disk.Add(r.m.cfg.Patience), DiskFailed, ErrHung
	}
	return r.progress.Add(r.m.cfg.Patience), DonorSilent, nil
}

func (r *reception) deadline() views.Instant {
	at, _, _ := r.patience()
	return views.Earliest(views.Earliest(at, r.askAt), views.Earliest(r.wantAt, r.stallAt))
}
