package gms

import (
	"slices"
	"time"

	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

const (
	// lookedEvery is the time between two looks at a member where nothing seems wrong.
	lookedEvery = 5 * time.Second
	// listenedMost is how long this host listens then to hear itself.
	listenedMost = 2 * time.Second
	// oddKept is how long, at least, what a look has found is looked at more closely, and
	// oddLooks for how many further looks at its host, which find it again where it stands; a
	// round that finds nothing of it ends it, too.
	oddKept  = 2 * time.Minute
	oddLooks = 4
	// oddMost bounds what is looked at so.
	oddMost = 64
)

// samples are the looks at one member after the other, while nothing seems wrong: there
// are faults of which nobody who rests misses anything. A look is a connection, a short
// report each way, and an ear for one's own multicast: some hundred bytes.
type samples struct {
	at     views.Instant
	cursor int
	// token is that of the question to asked which has no answer yet, else 0.
	token uint64
	asked suspect
	// odd is what was found not long ago.
	odd []oddLink
}

type oddLink struct {
	suspect
	at views.Instant
}

// sampleWhenDue looks at the next member.
func (l *loop) sampleWhenDue(v *views.View) {
	s := &l.doctor.samples
	switch own := v.Rank(l.self.Host); {
	case v.Size() < 2 || own < 0:
		s.at = 0
		return
	case s.at == 0: // not all at one time
		s.at = l.now.Add(lookedEvery * time.Duration(own+1) / time.Duration(v.Size()))
		return
	case l.now < s.at:
		s.doubt(l, v)
		return
	}
	s.at = l.now.Add(lookedEvery)
	// As all begin with the one before them and go back, and each a moment after the one
	// before, a member is looked at by one after the other, at equal times.
	s.cursor = s.cursor%(v.Size()-1) + 1
	m := &v.Members[(v.Rank(l.self.Host)+v.Size()-s.cursor)%v.Size()]
	l.examineByTCP(m.Host, m.Addr)
	r := l.question(message.ReportWanted, []views.HostID{})
	s.token, s.asked = r.Token, suspect{host: m.Host, addr: m.Addr}
	l.stepSoon(engine.SendReport{Addr: m.Addr, Report: r})
	l.listenToOneself(listenedMost)
}

// doubt asks a member again that has not answered, a few times: where much is lost and
// little is said that shows it. Who has left meanwhile is not to answer.
func (s *samples) doubt(l *loop, v *views.View) {
	if s.token == 0 || l.now.Sub(s.at.Add(-lookedEvery)) <= reportedIn {
		return
	}
	s.token = 0
	if v.Rank(s.asked.host) >= 0 {
		l.stepSoon(engine.ExamineLink{Host: s.asked.host, Addr: s.asked.addr})
	}
}

// takeSample looks at what the member says beside what this host sees.
func (l *loop) takeSample(r *doctor.Report, token uint64) {
	s := &l.doctor.samples
	if s.token == 0 || token != s.token {
		return
	}
	s.token = 0
	own, theirs := l.ownReport([]views.HostID{r.Host}).ProvedOnly(), r.ProvedOnly()
	theirs.Links = slices.DeleteFunc(theirs.Links, func(k doctor.Link) bool { return k.Peer != l.self.Host })
	for _, v := range doctor.Diagnose([]doctor.Report{own, theirs}) {
		l.findOdd(r.Host, v.Cause)
	}
}

// findOdd has a member looked at more closely.
func (l *loop) findOdd(host views.HostID, why string) {
	s := &l.doctor.samples
	l.doctor.lookAt = views.Earliest(l.doctor.lookAt, l.now)
	v := l.view()
	if rank := v.Rank(host); rank >= 0 && host != l.self.Host {
		s.odd = slices.DeleteFunc(s.odd, func(o oddLink) bool { return o.host == host && o.why == why })
		if len(s.odd) < oddMost {
			s.odd = append(s.odd, oddLink{suspect{host: host, addr: v.Members[rank].Addr, why: why}, l.now})
		}
	}
}

// judged forgets those of whom a round, which began then, has found nothing. What is found
// of this host itself is of all its links.
func (s *samples) judged(began, now views.Instant, self views.HostID, list []Verdict) {
	s.odd = slices.DeleteFunc(s.odd, func(o oddLink) bool {
		return o.at < began && !slices.ContainsFunc(list, func(v Verdict) bool {
			return v.IsAbout(o.host) || v.IsAbout(self) || v.From.Host.IsZero()
		})
	})
	for i := range s.odd {
		s.odd[i].at = max(s.odd[i].at, now.Add(-lookedEvery))
	}
}

// fresh are those of not long ago who are members still.
func (s *samples) fresh(now views.Instant, v *views.View) []oddLink {
	kept := max(oddKept, oddLooks*lookedEvery*time.Duration(v.Size()-1))
	s.odd = slices.DeleteFunc(s.odd, func(o oddLink) bool { return now.Sub(o.at) > kept || v.Rank(o.host) < 0 })
	return s.odd
}
