package gms

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
)

// When something seems wrong.
const (
	// suspicious is how long nothing must have come of a member.
	suspicious = 2 * time.Second
	// suspiciousLoss is the share of lost frames for all, in a hundred of at least
	// suspiciousOf, that is looked at more closely.
	suspiciousLoss, suspiciousOf = 10, 24
	// suspiciousAnswers is the share of short questions without an answer, in a hundred of
	// at least suspiciousAsked, that is; a loss counts on both ways.
	suspiciousAnswers, suspiciousAsked = 20, 16
	// suspiciousSync is a disk sync that is worth a look.
	suspiciousSync = 400 * time.Millisecond
	// metKept bounds the hosts whose address is strange.
	metKept = 16
	// aloneAtOnce is how many of those it knows a host that is alone looks at in a round.
	aloneAtOnce = 4
	// rejoinAgain is the time between two ways out of a multicast group and back in; it
	// doubles up to rejoinMost for as long as that changes nothing.
	rejoinAgain, rejoinMost = 4 * time.Second, 5 * time.Minute
	// renewedLeast is how long is said, at least, that it did.
	renewedLeast = 30 * time.Second
)

// watch is what a host sees by itself.
type watch struct {
	// wrong is what was wrong with whom at the last look, troubles what with this host;
	// fresh: there is something new.
	wrong    []misgiving
	troubles uint
	fresh    bool
	// changedAt is when something was wrong no more, or another thing with this host.
	changedAt views.Instant
	// wrongAt is when something was wrong last.
	wrongAt views.Instant
	// lost are those that crashed out of a view and are not back, cursor is where we are
	// in the list of those who are awaited, and looked when a host that is alone looked at
	// them last.
	lost   []lostHost
	cursor int
	looked map[views.HostID]views.Instant
	// left are those who went with a word: that they do not answer is as it should be.
	left    map[views.HostID]bool
	strange strangers
	met     []metAt
	paused  pauses
	rejoin  rejoining
}

// suspect is a host with which something seems wrong. Thorough: it is worth to find
// out how much is lost.
type suspect struct {
	host     views.HostID
	addr     netip.AddrPort
	why      string
	thorough bool
}

// misgiving is what is wrong with whom.
type misgiving struct {
	host views.HostID
	why  string
}

// metAt is a host whose address is strange: since first, and then.
type metAt struct {
	engine.Met
	first, at views.Instant
}

// rejoining is how this host leaves the multicast group and joins it anew where it
// hears nobody.
type rejoining struct {
	at, nextAt views.Instant
	pause      time.Duration
	// deafTo are those who were not heard when it did last, renewed those who were
	// heard after it had helped last.
	deafTo, renewed []views.HostID
	// helped and before are when it helped for the last two times.
	helped, before views.Instant
}

// watchLinks gives the hosts with which something seems wrong, and joins the
// multicast group anew where nobody is heard by that any more.
func (l *loop) watchLinks(v *views.View) []suspect {
	w := &l.doctor.watch
	links := l.engine.Links()
	var list []suspect
	for i := range links {
		s := &links[i]
		if why := whatSeemsWrong(s); why != "" && s.Member {
			list = append(list, suspect{host: s.Host, addr: s.Addr, why: why, thorough: why == muchIsLost})
		} else if s.Member && losesSome(s) {
			l.stepSoon(engine.ExamineLink{Host: s.Host, Addr: s.Addr})
		}
	}
	list = append(list, l.lookAfterLost(v)...)
	w.met = slices.DeleteFunc(w.met, func(m metAt) bool { return l.now.Sub(m.at) > suspicious })
	for _, m := range w.met {
		list = append(list, suspect{host: m.Host, addr: m.Says, why: "met"})
	}
	for _, o := range l.doctor.samples.fresh(l.now, v) {
		list = append(list, o.suspect)
	}
	l.rejoinWhenDeaf(links)
	w.note(l.now, list, l.isSaid)
	if v.Size() > 1 {
		w.looked = nil
	} else if len(list) == 0 {
		list = l.missed()
	}
	return list
}

// isSaid reports whether a misgiving is a cause that is said of that host, or of this one.
func (l *loop) isSaid(m misgiving) bool {
	return slices.ContainsFunc(l.doctor.found, func(v Verdict) bool {
		return v.Cause == m.why && (v.IsAbout(m.host) || v.IsAbout(l.self.Host))
	})
}

// note remembers with whom something is wrong, and whether that has changed. What is said
// already is nothing new.
func (w *watch) note(at views.Instant, list []suspect, isSaid func(misgiving) bool) {
	now := make([]misgiving, 0, len(list))
	for _, s := range list {
		m := misgiving{s.host, s.why}
		now = append(now, m)
		w.fresh = w.fresh || !slices.Contains(w.wrong, m) && !isSaid(m)
	}
	if slices.ContainsFunc(w.wrong, func(m misgiving) bool { return !slices.Contains(now, m) }) {
		w.changedAt = at
	}
	w.wrong = now
}

func (w *watch) looksAfterLost() bool {
	return slices.ContainsFunc(w.wrong, func(m misgiving) bool { return m.why == isLost })
}

// losesSome reports whether so many of the few frames for all of late are lost that short
// questions, of which there were none of late, may show more: at rest ten seconds have
// fewer than suspiciousOf over udp.
func losesSome(s *engine.LinkStatus) bool {
	return s.Short == 0 && s.Lost >= 2 && 100*s.Lost > 2*suspiciousLoss*(s.Numbered+s.Lost)
}

const muchIsLost = "loss"

// whatSeemsWrong says why a link is worth a closer look, "" where it is not.
func whatSeemsWrong(s *engine.LinkStatus) string {
	numbered := s.Numbered + s.Lost
	if numbered >= suspiciousOf && 100*s.Lost > suspiciousLoss*numbered {
		return muchIsLost
	}
	if unanswered := s.Short - s.ShortAnswered; s.Short >= suspiciousAsked && 100*unanswered > suspiciousAnswers*s.Short {
		return muchIsLost
	}
	switch {
	case s.Age() > suspicious:
		return "silent"
	case isDeaf(s):
		return "deaf"
	case s.Tried > 0 || s.Long > s.LongAnswered+1:
		return "path"
	}
	return ""
}

// isDeaf reports whether a member was heard by multicast and is no more, while its
// unicast is.
func isDeaf(s *engine.LinkStatus) bool {
	return s.Member && s.MulticastAge > suspicious && s.UnicastAge >= 0 && s.UnicastAge < suspicious
}

// rejoinWhenDeaf joins the multicast group anew where most are not heard by it any
// more: a switch may have forgotten that this host listens.
func (l *loop) rejoinWhenDeaf(links []engine.LinkStatus) {
	r := &l.doctor.watch.rejoin
	if l.patient.multicaster == nil {
		return
	}
	members := 0
	var deaf []views.HostID
	for i := range links {
		s := &links[i]
		if s.Member {
			members++
		}
		if isDeaf(s) {
			deaf = append(deaf, s.Host)
		} else if slices.Contains(r.deafTo, s.Host) && s.MulticastAge >= 0 && s.MulticastAge < l.now.Sub(r.at) {
			l.doctor.watch.fresh = r.again(s.Host, l.now) || l.doctor.watch.fresh
		}
	}
	if l.now.Sub(r.at) > suspicious {
		r.deafTo = nil
	}
	if 2*len(deaf) <= members || l.now < r.nextAt || l.stoodStill() {
		return // who stood still may have read what came by unicast, and nothing else yet
	}
	r.pause = min(max(2*r.pause, rejoinAgain), rejoinMost)
	r.at, r.nextAt, r.deafTo = l.now, l.now.Add(r.pause), deaf
	l.log.Warn("multicast is not heard any more: joining the group anew", "hosts", len(deaf))
	if err := l.patient.multicaster.Rejoin(); err != nil {
		l.log.Warn("cannot join the multicast group anew", "err", err)
	}
}

// again notes that a host is heard since this one has joined anew, and reports whether
// that has helped repeatedly. Once may be chance: what kept multicast away was lifted just
// then.
func (r *rejoining) again(h views.HostID, now views.Instant) bool {
	r.pause = 0
	if r.helped < r.at {
		r.helped, r.before, r.renewed = now, r.helped, nil
	}
	if !slices.Contains(r.renewed, h) {
		r.renewed = append(r.renewed, h)
	}
	return r.repeats(now)
}

// repeats reports whether joining anew helps again and again: it did twice, and the last
// time, and what was heard did not stay much longer since than between the two.
func (r *rejoining) repeats(now views.Instant) bool {
	if r.helped < r.at && now.Sub(r.at) > suspicious {
		return false
	}
	return r.before != 0 && now.Sub(r.helped) <= max(renewedLeast, 2*r.helped.Sub(r.before))
}

func (w *watch) renewedOf(now views.Instant, h views.HostID) bool {
	return w.rejoin.repeats(now) && slices.Contains(w.rejoin.renewed, h)
}

// noteMet remembers a host whose address is strange.
func (l *loop) noteMet(m engine.Met) {
	w := &l.doctor.watch
	i := slices.IndexFunc(w.met, func(o metAt) bool { return o.Host == m.Host })
	switch {
	case i >= 0:
		w.met[i] = metAt{m, w.met[i].first, l.now}
	case len(w.met) < metKept:
		w.met = append(w.met, metAt{m, l.now, l.now})
	}
}

// noteTroubles reports whether something is wrong with this host itself, or with what it
// was told, and notes whether that has changed.
func (l *loop) noteTroubles() bool {
	w, now := &l.doctor.watch, uint(0)
	for i, is := range [...]bool{
		w.paused.sum(l.now) > doctor.Window/8,
		l.disk.lastSync(time.Now()) > suspiciousSync,
		len(l.seeker.ears.members) > 0,
		len(w.strange.provedOf(l.now)) > 0,
		w.rejoin.repeats(l.now),
		l.doctor.facts.loop(l.now) == doctor.Bad,
		slices.ContainsFunc(l.names(), func(n doctor.Resolved) bool { return len(n.Addrs) == 0 }),
	} {
		if is {
			now |= 1 << i
		}
	}
	if now != w.troubles {
		w.troubles, w.changedAt = now, l.now
	}
	return now != 0
}

// pauses are the times in which this process did not get to run, by second.
type pauses struct {
	late   [doctorSeconds]time.Duration
	second int64
}

// notePause notes that this process did not get to run when it was to: whatever woke it
// came after its timer.
func (l *loop) notePause() {
	if late := l.now.Sub(l.armed); l.armed != 0 && late > lateLeast {
		l.doctor.watch.paused.note(l.now, late)
		l.armed = 0
	}
}

// stoodStill reports whether this process did not get to run of late for so long that what
// did not come to it says nothing.
func (l *loop) stoodStill() bool { return l.doctor.watch.paused.sum(l.now) > listenedMost/3 }

const doctorSeconds = int64(doctor.Window / time.Second)

// note adds one.
func (p *pauses) note(now views.Instant, late time.Duration) {
	s := int64(now) / int64(time.Second)
	for ; p.second < s; p.second++ {
		p.second = max(p.second, s-doctorSeconds)
		p.late[(p.second+1)%doctorSeconds] = 0
	}
	p.late[s%doctorSeconds] += late
}

// sum is how long they were within the last ten seconds.
func (p *pauses) sum(now views.Instant) (d time.Duration) {
	p.note(now, 0)
	for _, late := range p.late {
		d += late
	}
	return d
}
