package gms

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
)

const (
	// lostKept is how long one that crashed is looked after in every round; lostAgain is
	// how often after that, and lostMost until when, at most.
	lostKept  = 10 * time.Minute
	lostAgain = 10 * time.Minute
	lostMost  = 24 * time.Hour
)

// isLost says why one that crashed is suspect.
const isLost = "lost"

// lostHost is one that crashed out of a view, and was looked at last then.
type lostHost struct {
	suspect
	at, lookedAt views.Instant
}

// isDue reports whether it is to be looked at in the next round.
func (o *lostHost) isDue(now views.Instant) bool {
	return now.Sub(o.at) <= lostKept || now.Sub(o.lookedAt) > lostAgain
}

// lookAfterLost gives those who are to be looked at, the one who was longest ago first, and
// lets go who is back, or is away for too long.
func (l *loop) lookAfterLost(v *views.View) (list []suspect) {
	w := &l.doctor.watch
	var over []views.HostID
	w.lost = slices.DeleteFunc(w.lost, func(o lostHost) bool {
		if v.Rank(o.host) < 0 && l.now.Sub(o.at) > lostMost {
			over = append(over, o.host)
			return true
		}
		return v.Rank(o.host) >= 0
	})
	for _, host := range over {
		l.giveUp(host, "it was not heard for a day")
	}
	slices.SortStableFunc(w.lost, func(a, b lostHost) int { return cmp.Compare(a.lookedAt, b.lookedAt) })
	for i := range w.lost {
		if w.lost[i].isDue(l.now) {
			list = append(list, w.lost[i].suspect)
		}
	}
	return list
}

// noteLooked notes that a round looks at a host.
func (w *watch) noteLooked(now views.Instant, s suspect) {
	for i := range w.lost {
		if w.lost[i].host == s.host {
			w.lost[i].lookedAt = now
		}
	}
	if s.why != isAbsent {
		return
	}
	w.cursor++
	if w.looked == nil {
		w.looked = map[views.HostID]views.Instant{}
	}
	w.looked[s.host] = now
}

// unseen reports whether a verdict is of a host that is lost, or awaited, and was not looked
// at since: what was found then is not over.
func (w *watch) unseen(v Verdict, since views.Instant) bool {
	for _, host := range []views.HostID{v.From.Host, v.To.Host} {
		if at, awaited := w.looked[host]; awaited && at < since {
			return true
		}
	}
	return slices.ContainsFunc(w.lost, func(o lostHost) bool {
		return v.IsAbout(o.host) && o.lookedAt < since
	})
}

// isRenamed reports whether a host of a verdict that is lost is named by others, too.
func (w *watch) isRenamed(v Verdict, others []Verdict) bool {
	return slices.ContainsFunc(w.lost, func(o lostHost) bool {
		return v.IsAbout(o.host) && slices.ContainsFunc(others, func(n Verdict) bool { return n.IsAbout(o.host) })
	})
}

// giveUp takes back what is said of a host that is not looked at any more. That is not
// that it is over.
func (l *loop) giveUp(host views.HostID, why string) {
	d := &l.doctor
	of := func(v Verdict) bool { return v.IsAbout(host) }
	for _, v := range d.found {
		if of(v) {
			l.log.Info("diagnosis is not looked at any more", "cause", v.Cause, "from", v.From.Name, "to", v.To.Name, "why", why)
		}
	}
	d.found = slices.DeleteFunc(slices.Clone(d.found), of) // others may hold it
	d.verdicts = slices.DeleteFunc(slices.Clone(d.verdicts), of)
	d.hidden = slices.DeleteFunc(d.hidden, of)
}

// forgetLost lets one go whom the operator put out.
func (l *loop) forgetLost(host views.HostID) {
	w := &l.doctor.watch
	known := len(w.lost)
	w.lost = slices.DeleteFunc(w.lost, func(o lostHost) bool { return o.host == host })
	if len(w.lost) < known {
		l.giveUp(host, "it was put out")
	}
}

// noteLeft remembers who went with a word. Of those whom nobody looks for any more
// nothing need be known: where there are many, they go.
func (l *loop) noteLeft(host views.HostID) {
	w := &l.doctor.watch
	if w.left == nil {
		w.left = map[views.HostID]bool{}
	}
	if len(w.left) >= views.MembersMax && l.seeker.cache != nil {
		known := map[views.HostID]bool{}
		for _, r := range l.seeker.cache.Records() {
			known[r.Host] = true
		}
		maps.DeleteFunc(w.left, func(h views.HostID, _ bool) bool { return !known[h] })
	}
	if len(w.left) < 2*views.MembersMax { // the cache has no more than one times that
		w.left[host] = true
	}
}

// noteLost remembers who went without a word: removed are those of whom none was heard. In
// the views that are made for who asked to go, all did who are gone: whom an operator puts
// out says nothing, and a word may be lost on its way here.
func (l *loop) noteLost(before, now *views.View, removed []views.HostID) {
	w := &l.doctor.watch
	l.doctor.lookAt = views.Earliest(l.doctor.lookAt, l.now.Add(lookEveryLink))
	for i := range now.Members {
		delete(w.left, now.Members[i].Host)
	}
	if before == nil {
		return
	}
	said := now.Reason == views.ReasonLeave || now.Reason == views.ReasonEvict
	for i := range before.Members {
		m := &before.Members[i]
		switch {
		case now.Rank(m.Host) >= 0:
		case said || !slices.Contains(removed, m.Host):
			l.noteLeft(m.Host)
		case len(w.lost) < views.MembersMax:
			w.lost = append(w.lost, lostHost{suspect: suspect{host: m.Host, addr: m.Addr, why: isLost}, at: l.now})
		}
	}
}
