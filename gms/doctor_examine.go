package gms

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/tether"
	"github.com/gmsd/gmsd/views"
)

// Bounds and times of examinations.
const (
	// idleTested is how long a connection stays silent before it is tried.
	idleTested = time.Second
	// examinersMost bounds the connections that are examined at one time.
	examinersMost = 16
	// examinedForOthers bounds the links that are examined because another host asks.
	examinedForOthers = 4
	// burstsIn is the time in which all members send their bursts, one after another.
	burstsIn = 2 * time.Second
)

// facts are what examinations found that the engine does not see.
type facts struct {
	tcp   map[views.HostID]*fact
	found chan fact
	// under are the hosts to which a connection is under way.
	under map[views.HostID]dialing
	// hears says whether multicasts of this host come back to it.
	hears     doctor.Finding
	hearsAt   views.Instant
	listening bool
	heard     chan doctor.Finding
	// burstAt is when this host is to send a row of multicasts.
	burstAt views.Instant
}

// dialing is a connection that is under way, since then. Past: the host came since.
type dialing struct {
	since views.Instant
	past  bool
}

// fact is what an examination by TCP found, that was begun then.
type fact struct {
	host views.HostID
	tcp  doctor.TCP
	idle doctor.Finding
	// long: a packet of full length passes over TCP.
	long      doctor.Finding
	began, at views.Instant
	// refused, if set: who is there and we do not understand each other.
	refused *doctor.Refusal
	// another host, answers, is at that address.
	another bool
	answers views.HostID
	addr    netip.AddrPort
}

// longCounts is for how many questions a long packet over TCP counts, which TCP itself has
// repeated.
const longCounts = 8

// longOver adds what was found over TCP to the long questions of a link.
func (f *fact) longOver(p doctor.Probes) doctor.Probes {
	if f.long != doctor.Untested {
		p.Sent += longCounts
	}
	if f.long == doctor.Good {
		p.Answered += longCounts
	}
	return p
}

// holds reports whether it still says something of a link: not where a connection passed
// before the link fell silent, or, where frames still come, before all questions went
// unanswered.
func (f *fact) holds(now views.Instant, s *engine.LinkStatus) bool {
	if !f.tcp.Taken() {
		return true
	}
	passed := f.began
	if f.tcp == doctor.TCPGood && f.idle == doctor.Good { // a word was answered after that silence
		passed = passed.Add(idleTested)
	}
	if age := s.Age(); age > suspicious {
		return passed >= now.Add(-age)
	}
	return s.InVain == 0 || passed.Add(lateLeast) >= now.Add(-s.InVain)
}

func newFacts() facts {
	return facts{tcp: map[views.HostID]*fact{}, under: map[views.HostID]dialing{}, found: make(chan fact, examinersMost), heard: make(chan doctor.Finding, 1)}
}

// loop is what is known of our own multicast.
func (f *facts) loop(now views.Instant) doctor.Finding {
	if now.Sub(f.hearsAt) > factsKept {
		return doctor.Untested
	}
	return f.hears
}

// examine looks at a link by short Echos and by TCP. Where a member is its view says, not
// who asks.
func (l *loop) examine(host views.HostID, addr netip.AddrPort, thorough bool) {
	if v := l.view(); v.Rank(host) >= 0 {
		addr = v.Members[v.Rank(host)].Addr
	}
	l.stepSoon(engine.ExamineLink{Host: host, Addr: addr, Thorough: thorough})
	l.examineByTCP(host, addr)
}

// examineByTCP looks how a connection to another host's member port ends.
func (l *loop) examineByTCP(host views.HostID, addr netip.AddrPort) {
	f := &l.doctor.facts
	known := f.tcp[host]
	_, under := f.under[host]
	switch {
	case l.patient.tethers == nil, len(f.under) >= examinersMost, under:
		return
	case known != nil && l.now.Sub(known.at) < reportedIn:
		return
	}
	f.under[host] = dialing{since: l.now}
	cfg, ctx := *l.patient.tethers, l.patient.ctx
	l.workers.Go(func() {
		one := fact{host: host, addr: addr}
		var found tether.Examined
		if host == doctor.PlaceID(addr) { // nobody known, with whom connections could be idle
			found = dialPeer(ctx, &cfg, addr)
		} else {
			found = tether.Examine(ctx, cfg, addr, idleTested)
		}
		one.tcp, one.idle, one.long = found.TCP, found.Idle, found.Long
		one.answers = found.Host
		one.another = !found.Host.IsZero() && found.Host != host
		if r := found.Refused; r != nil {
			one.refused = &doctor.Refusal{Ours: r.Ours, Who: host, Addr: addr, Code: r.Code, Proved: true}
		}
		select {
		case f.found <- one:
		case <-l.quit:
		}
	})
}

// takeFact keeps what an examination by TCP has found.
func (l *loop) takeFact(one fact) {
	f := &l.doctor.facts
	tried := f.under[one.host]
	delete(f.under, one.host)
	if tried.past {
		return
	}
	one.began, one.at = tried.since, l.now
	if one.another && l.isVacancy(&one) {
		l.meetAt(&one)
	}
	if one.another { // what is found there says nothing of the one who was
		delete(f.tcp, one.host)
		w := &l.doctor.watch
		w.lost = slices.DeleteFunc(w.lost, func(o lostHost) bool { return o.host == one.host })
		return
	}
	if one.refused != nil { // that it does not answer us is no question of the way
		one.refused.Who = one.host
		l.noteRefusal(*one.refused)
		one.tcp, one.idle = doctor.TCPUntested, doctor.Untested
	}
	// Kernels say no a few times a second at most; the silence between is not another cause.
	if was := f.tcp[one.host]; was != nil && was.tcp == doctor.TCPRejected && one.tcp == doctor.TCPSilent && l.now.Sub(was.at) <= factsKept {
		return
	}
	f.keep(&one)
	if one.tcp > doctor.TCPGood || one.idle == doctor.Bad || one.long == doctor.Bad {
		l.findOdd(one.host, "tcp")
	}
}

// noteCame forgets what was found of who came into the view: it was not there, or could not
// be reached.
func (l *loop) noteCame(before, now *views.View) {
	f := &l.doctor.facts
	for i := range now.Members {
		m := &now.Members[i]
		if before != nil && before.RankOf(m.Process) >= 0 {
			continue
		}
		delete(f.tcp, m.Host)
		if tried, under := f.under[m.Host]; under {
			tried.past = true
			f.under[m.Host] = tried
		}
	}
}

// keep keeps what was found last of a host; where there are too many the oldest makes room.
func (f *facts) keep(one *fact) {
	if len(f.tcp) >= views.MembersMax && f.tcp[one.host] == nil {
		var oldest *fact
		for _, o := range f.tcp { // order-free: the least of a total order
			if oldest == nil || o.at < oldest.at || o.at == oldest.at && o.host.Compare(oldest.host) < 0 {
				oldest = o
			}
		}
		delete(f.tcp, oldest.host)
	}
	f.tcp[one.host] = one
}

// forgetOld lets go what does not hold any more.
func (f *facts) forgetOld(now views.Instant) {
	maps.DeleteFunc(f.tcp, func(_ views.HostID, o *fact) bool { return now.Sub(o.at) > factsKept })
}

// examineAll examines all members, a few of those who are known and absent, and this
// host's multicast.
func (l *loop) examineAll() {
	v := l.view()
	for i := range v.Members {
		if m := &v.Members[i]; m.Process != l.self {
			l.examine(m.Host, m.Addr, v.Size() <= smallView)
		}
	}
	l.examineAwaited(examinersMost)
	l.examineMulticast(v)
}

// examineThese examines the first of those whom another host asks about, and that host.
func (l *loop) examineThese(r *doctor.Report) {
	l.examine(r.Host, r.Addr, true)
	for i := range r.Links[:min(len(r.Links), examinedForOthers)] {
		if host := l.knownAt(r.Links[i].Peer, r.Links[i].Addr); host != l.self.Host {
			l.examine(host, r.Links[i].Addr, false)
		}
	}
}

// knownAt is who another host means by one of which it knows but the address.
func (l *loop) knownAt(host views.HostID, addr netip.AddrPort) views.HostID {
	if v := l.view(); host == doctor.PlaceID(addr) {
		if i := slices.IndexFunc(v.Members, func(m views.Member) bool { return m.Addr == addr }); i >= 0 {
			return v.Members[i].Host
		}
	}
	return host
}

// examineMulticast has this host send a row of multicasts when it is its turn, which shows
// whether their rate is limited, and listen whether it hears itself.
func (l *loop) examineMulticast(v *views.View) {
	if l.patient.multicaster == nil || v.Size() < 2 {
		return
	}
	turn := reportedIn + burstsIn*time.Duration(v.Rank(l.self.Host))/time.Duration(v.Size())
	l.doctor.facts.burstAt = l.now.Add(turn)
	l.doctor.lookAt = views.Earliest(l.doctor.lookAt, l.doctor.facts.burstAt)
	l.listenToOneself(turn + reportedIn)
}

// listenToOneself listens whether this host hears its own multicast, of which there is some
// several times a second.
func (l *loop) listenToOneself(most time.Duration) {
	f := &l.doctor.facts
	if l.patient.multicaster == nil || f.listening {
		return
	}
	f.listening = true
	m, parent := l.patient.multicaster, l.patient.ctx
	l.workers.Go(func() {
		select {
		case f.heard <- hearing(parent, m, most):
		case <-l.quit:
		}
	})
}

// saidLeast is how many multicasts must have gone out while nothing was heard of them.
const saidLeast = 4

// hearing listens for so long whether a host hears its own multicast; it is untested where
// ctx ends first, or little was said.
func hearing(ctx context.Context, m transport.Multicaster, most time.Duration) doctor.Finding {
	switch heard, said, err := m.HearsItself(ctx, most); {
	case heard:
		return doctor.Good
	case err != nil, ctx.Err() != nil, said < saidLeast:
		return doctor.Untested
	}
	return doctor.Bad
}

// takeHeard keeps what listening has found; one who did not run may not have listened.
func (l *loop) takeHeard(found doctor.Finding) {
	f := &l.doctor.facts
	if found == doctor.Bad && l.stoodStill() {
		found = doctor.Untested
	}
	f.listening, f.hears, f.hearsAt = false, found, l.now
	if found == doctor.Bad {
		l.doctor.lookAt = views.Earliest(l.doctor.lookAt, l.now)
	}
}

// burstWhenDue sends this host's row of multicasts.
func (l *loop) burstWhenDue() {
	f := &l.doctor.facts
	if f.burstAt == 0 {
		return
	}
	if l.now < f.burstAt {
		l.doctor.lookAt = views.Earliest(l.doctor.lookAt, f.burstAt)
		return
	}
	f.burstAt = 0
	l.stepSoon(engine.SendBurst{})
}
