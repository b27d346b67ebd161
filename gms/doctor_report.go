package gms

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// reportKept is how long a report of another host is kept.
const reportKept = time.Minute

// heardReport is what another host has said of itself, and of its links.
type heardReport struct {
	doctor.Report // without links
	at            views.Instant
	// links are replaced and never changed: who judges reads them beside the loop.
	links []heardLink
	// clock is by how much its clock is ahead, within err, as it was found at clockAt;
	// err 0: not known.
	clock, err time.Duration
	clockAt    views.Instant
}

// heardLink is what it said of a link, and when: a report is about some links or all.
type heardLink struct {
	doctor.Link
	at views.Instant
}

// take keeps a report, and of an earlier one the links of which this says nothing.
func (h *heardReport) take(now views.Instant, r *doctor.Report) {
	h.Report, h.at = *r, now
	h.Links = nil
	if r.Partial {
		h.links = slices.Clone(h.links)
	} else {
		h.links = make([]heardLink, 0, len(r.Links))
	}
	for i := range r.Links {
		known := -1
		if r.Partial {
			known = slices.IndexFunc(h.links, func(o heardLink) bool { return o.Peer == r.Links[i].Peer })
		}
		switch one := (heardLink{r.Links[i], now}); {
		case known >= 0:
			h.links[known] = one
		case len(h.links) < doctor.LinksMax:
			h.links = append(h.links, one)
		}
	}
}

// since is the report with those links that are of later than that.
func (h *heardReport) since(at views.Instant) doctor.Report {
	r := h.Report
	r.Links = make([]doctor.Link, 0, len(h.links))
	for i := range h.links {
		if h.links[i].at >= at {
			r.Links = append(r.Links, h.links[i].Link)
		}
	}
	return r
}

// pendingAnswer is a report that is promised for when the examinations have ended,
// about some hosts, or about all where about is nil.
type pendingAnswer struct {
	to    netip.AddrPort
	token uint64
	at    views.Instant
	about []views.HostID
}

// askReports asks all members, and those who are known and absent, for all they see.
// It says what was asked, and how many were that are absent.
func (l *loop) askReports(kind message.ReportKind) (r *message.Report, absent int) {
	r = l.question(kind, nil)
	l.stepSoon(engine.SendReport{Report: r})
	if l.seeker.layers == nil {
		return r, 0
	}
	l.look()
	absent = min(len(l.seeker.absent), doctor.NamesMax)
	for _, a := range l.seeker.absent[:absent] {
		l.stepSoon(engine.SendReport{Addr: a, Report: r})
	}
	return r, absent
}

// askRound examines what seems wrong, and asks those whom it is about, and others up
// to smallView, to do so and report.
func (l *loop) askRound(v *views.View, wrong []suspect) {
	about := make([]views.HostID, 0, smallView)
	to := make([]netip.AddrPort, 0, smallView)
	for _, s := range wrong[:min(len(wrong), smallView/2)] {
		if slices.Contains(about, s.host) {
			continue
		}
		about, to = append(about, s.host), append(to, s.addr)
		l.doctor.watch.noteLooked(l.now, s)
		l.examine(s.host, s.addr, s.thorough || v.Size() <= smallView)
	}
	if l.doctor.facts.loop(l.now) == doctor.Bad {
		l.listenToOneself(listenedMost) // it may have been chance
	}
	own := v.Rank(l.self.Host)
	for i := 1; i < v.Size() && len(about) < smallView; i++ {
		m := &v.Members[(own+i)%v.Size()]
		if !slices.Contains(about, m.Host) {
			about, to = append(about, m.Host), append(to, m.Addr)
		}
	}
	r := l.question(message.ReportWantedFull, about, wrong...)
	for _, a := range to {
		l.stepSoon(engine.SendReport{Addr: a, Report: r})
	}
}

// question is one for reports, about some hosts or, where that is nil, about all. Of some
// of these nothing may be known here but the address.
func (l *loop) question(kind message.ReportKind, about []views.HostID, unknown ...suspect) *message.Report {
	d := &l.doctor
	d.token++
	d.noteAsked(l.now)
	own := l.ownReport(about)
	for _, s := range unknown {
		if slices.Contains(about, s.host) && !slices.Contains(own.About(), s.host) {
			own.Links = append(own.Links, doctor.Link{
				Peer: s.host, Name: l.placeName(s.host, s.addr), Addr: s.addr, All: doctor.Flow{Age: -1}, One: doctor.Flow{Age: -1},
			})
		}
	}
	return &message.Report{Kind: kind, Token: d.token, Wall: wallMillis(), Body: own.Append(nil)}
}

// noteAsked remembers when the last question was asked, and forgets those of long ago.
func (d *physician) noteAsked(now views.Instant) {
	maps.DeleteFunc(d.asked, func(_ uint64, at views.Instant) bool { return now.Sub(at) > 2*examinedIn })
	d.asked[d.token] = now
}

// compareClocks finds by how much the other clock is ahead, from an answer to what was
// asked then, or keeps what was known before where that is more exact. now was taken after
// wall, so that a pause between the two is part of the error.
func (h *heardReport) compareClocks(wall int64, now, asked views.Instant, r *message.Report) {
	rtt := now.Sub(asked)
	if r.Kind != message.ReportGiven || r.Wall == 0 || asked == 0 || rtt > 2*reportedIn {
		return // it is one that was promised for later
	}
	if err := rtt/2 + time.Millisecond; h.err == 0 || err <= h.err || now.Sub(h.clockAt) > factsKept/2 {
		h.clock = time.Duration(r.Wall-wall)*time.Millisecond + rtt/2
		h.err, h.clockAt = err, now
	}
}

// takeReport keeps what another host says, and answers where it asks. Of one who is no
// member, and is not where this host seeks any, nothing is kept: anybody may have kept an
// old question of a host that had the key. It is told no more than it has said.
func (l *loop) takeReport(c engine.ReportCame) {
	if l.view() == nil { // there is nobody to know yet
		return
	}
	r, err := doctor.ParseReport(c.Report.Body)
	if err != nil || r.Host != c.From.Host {
		return
	}
	wanted := c.Report.Kind == message.ReportWanted || c.Report.Kind == message.ReportWantedFull
	if !l.knows(c) {
		if wanted {
			l.answerReport(pendingAnswer{to: c.Addr, token: c.Report.Token, about: []views.HostID{r.Host}})
		}
		return
	}
	l.keepReport(r, c.Report)
	switch c.Report.Kind {
	case message.ReportWanted:
		p := pendingAnswer{to: c.Addr, token: c.Report.Token}
		if r.Partial {
			p.about = r.About()
		}
		l.answerReport(p)
	case message.ReportWantedFull:
		l.promise(r, c)
	case message.ReportGiven:
		l.doctor.noteAnswer(r.Host, c.Report.Token)
		l.takeSample(r, c.Report.Token)
	}
}

// knows reports whether a report is of a member, or comes from where this host seeks others.
func (l *loop) knows(c engine.ReportCame) bool {
	v, w := l.view(), &l.doctor.watch
	if rank := v.Rank(c.From.Host); rank >= 0 && v.Members[rank].Process == c.From {
		return true
	}
	return slices.Contains(l.seeker.absent, c.Addr) ||
		slices.ContainsFunc(w.lost, func(o lostHost) bool { return o.addr == c.Addr }) ||
		slices.ContainsFunc(w.met, func(m metAt) bool { return m.Source == c.Addr || m.Says == c.Addr })
}

// keepReport keeps what a host says.
func (l *loop) keepReport(r *doctor.Report, m *message.Report) {
	d := &l.doctor
	l.cutLinks(r)
	heard := d.reports[r.Host]
	if heard == nil && len(d.reports) < views.MembersMax {
		heard = &heardReport{}
		d.reports[r.Host] = heard
	}
	if heard != nil {
		heard.take(l.now, r)
		wall := wallMillis()
		heard.compareClocks(wall, l.clock(), d.asked[m.Token], m)
	}
}

// unmetMost bounds the links of a report to hosts that are no members here: as many as
// another one's engine keeps of such.
const unmetMost = 64

// cutLinks drops from a report links to hosts that this one has never met, where they are
// too many.
func (l *loop) cutLinks(r *doctor.Report) {
	v, unmet := l.view(), 0
	r.Links = slices.DeleteFunc(r.Links, func(k doctor.Link) bool {
		if v.Rank(k.Peer) >= 0 {
			return false
		}
		unmet++
		return unmet > unmetMost
	})
}

// promise examines, and answers when that is done. Who names all its links is asked
// for all.
func (l *loop) promise(r *doctor.Report, c engine.ReportCame) {
	d := &l.doctor
	asked := func(a pendingAnswer) bool { return a.to == c.Addr && a.token == c.Report.Token }
	if len(d.answers) == views.MembersMax || slices.ContainsFunc(d.answers, asked) {
		return
	}
	p := pendingAnswer{to: c.Addr, token: c.Report.Token, at: l.now.Add(examinedIn)}
	if r.Partial {
		p.about = r.About()
		l.examineThese(r)
	} else {
		l.examineAll()
	}
	d.answers = append(d.answers, p)
	d.lookAt = views.Earliest(d.lookAt, p.at)
}

// answerReports answers those for whom the time has come.
func (l *loop) answerReports() {
	d := &l.doctor
	d.answers = slices.DeleteFunc(d.answers, func(a pendingAnswer) bool {
		if a.at > l.now {
			d.lookAt = views.Earliest(d.lookAt, a.at)
			return false
		}
		l.answerReport(a)
		return true
	})
}

func (l *loop) answerReport(a pendingAnswer) {
	l.stepSoon(engine.SendReport{Addr: a.to, Report: &message.Report{
		Kind: message.ReportGiven, Token: a.token, Wall: wallMillis(), Body: l.ownReport(a.about).Append(nil),
	}})
}

// allReports gives this host's own and those that came since, as of now. What it returns is
// called beside the loop: of a large group they are many megabytes.
func (l *loop) allReports(since views.Instant) func() []doctor.Report {
	own, heard := *l.ownReport(nil), []heardReport(nil)
	for host, r := range l.doctor.reports { // order-free: Diagnose sorts
		if r.at >= since && host != l.self.Host {
			heard = append(heard, *r)
		}
	}
	return func() []doctor.Report {
		list := []doctor.Report{own}
		for i := range heard {
			list = append(list, heard[i].since(since))
		}
		return list
	}
}

// ownReport is what this host knows now, of its links to some hosts or, where that is
// nil, to all.
func (l *loop) ownReport(about []views.HostID) *doctor.Report {
	d := &l.doctor
	r := &doctor.Report{
		Host: l.self.Host, Name: l.host.start.Name, Addr: l.host.start.Addr, Multicast: l.patient.multicaster != nil, Streams: l.patient.streams,
		Sections: l.sections(), Names: l.names(), Synced: l.disk.lastSync(time.Now()), Paused: d.watch.paused.sum(l.now),
		Loop: d.facts.loop(l.now), Partial: about != nil, Lost: l.host.lostRouters(),
	}
	r.Refusals = d.watch.strange.refusals(l.now)
	links := l.engine.Links()
	for i := range links {
		gone := !links[i].Member && d.watch.left[links[i].Host] // that it answers nothing is as it should be
		if !gone && (about == nil || slices.Contains(about, links[i].Host)) {
			r.Links = append(r.Links, l.linkOf(&links[i]))
		}
	}
	return r
}

// linkOf is one link as the engine and the examinations found it.
func (l *loop) linkOf(s *engine.LinkStatus) doctor.Link {
	d := &l.doctor
	out := doctor.Link{
		Peer: s.Host, Name: l.placeName(s.Host, s.Addr), Addr: s.Addr, Member: s.Member, RTT: s.RTT,
		All:   doctor.Flow{Got: count(s.Multicast), Lost: count(s.Lost), Age: s.MulticastAge},
		One:   doctor.Flow{Got: count(s.Unicast), Age: s.UnicastAge},
		Small: doctor.Probes{Sent: count(s.Short), Answered: count(s.ShortAnswered)},
		Large: doctor.Probes{Sent: count(s.Long), Answered: count(s.LongAnswered)},
		Burst: doctor.Probes{Sent: count(s.Burst), Answered: count(s.BurstGot)},
		Fits:  count(s.Fits), LargeBytes: count(s.Tried),
		There:   doctor.Flow{Got: count(s.There), Lost: count(s.Sent - s.There)},
		Back:    doctor.Flow{Got: count(s.Back), Lost: count(s.There - s.Back)},
		Renewed: d.watch.renewedOf(l.now, s.Host),
	}
	if f := d.facts.tcp[s.Host]; f != nil && l.now.Sub(f.at) <= factsKept && f.holds(l.now, s) {
		out.TCP, out.Idle, out.IdleFor = f.tcp, f.idle, idleTested
		out.Large = f.longOver(out.Large)
	}
	if d.idling.dropsIdle(l.now, s.Host) && out.Idle != doctor.Bad {
		out.Idle, out.IdleFor = doctor.Bad, longIdleTime()
	}
	if h := d.reports[s.Host]; h != nil && h.err > 0 && l.now.Sub(h.clockAt) <= factsKept {
		out.Clock, out.Error = h.clock, h.err
	}
	if s.Source.IsValid() && s.Source != s.Addr {
		out.Source, out.SourceAnswers = s.Source, s.UnicastAge >= 0 && s.UnicastAge < suspicious
	}
	l.addMet(&out)
	return out
}

// addMet says where the frames of a host outside the view come from, and who else's do.
func (l *loop) addMet(out *doctor.Link) {
	for _, m := range l.doctor.watch.met {
		switch {
		case l.now.Sub(m.at) > suspicious:
		case m.Host == out.Peer && m.Says != m.Source:
			out.Source, out.SourceAnswers = m.Source, true // frames of it come from there
		case m.Host != out.Peer && m.Source == out.Addr && l.heardSince(out, m.first):
			out.Twin = m.Host
		}
	}
}

// heardSince reports whether frames of a host still come, since the first came of another one
// at its address: a host that was started with another name is gone by then.
func (l *loop) heardSince(of *doctor.Link, since views.Instant) bool {
	return slices.ContainsFunc([]time.Duration{of.One.Age, of.All.Age}, func(age time.Duration) bool {
		return age >= 0 && age < suspicious && l.now.Add(-age) > since
	})
}

func count(n int) uint32 { return uint32(max(n, 0)) } //nolint:gosec // a count of seconds

func (l *loop) nameOf(h views.HostID) string {
	if v := l.view(); v.Rank(h) >= 0 {
		return v.Members[v.Rank(h)].Name
	}
	if l.seeker.cache != nil {
		for _, r := range l.seeker.cache.Records() {
			if r.Host == h {
				return r.Name
			}
		}
	}
	for _, m := range l.doctor.watch.met {
		if m.Host == h {
			return m.Name
		}
	}
	return h.Short()
}

// sections are digests of what must be equal at all hosts.
func (l *loop) sections() []doctor.Section {
	list := []doctor.Section{doctor.SectionOf(doctor.SectionTransport, l.patient.settings)}
	if s := &l.seeker; len(s.listed) > 0 {
		list = append(list, doctor.PeersOf(s.listed, s.own, l.host.start.Addr))
	}
	return list
}

// names are the configured ones, and what they mean here. That a host's own name
// means loopback to itself is as it should be.
func (l *loop) names() []doctor.Resolved {
	if l.seeker.layers == nil {
		return nil
	}
	var out []doctor.Resolved
	for _, m := range l.seeker.layers.Meanings() {
		if len(out) == doctor.NamesMax {
			break
		}
		if slices.ContainsFunc(m.Addrs, netip.Addr.IsLoopback) && !l.host.start.Addr.Addr().IsLoopback() {
			continue
		}
		out = append(out, doctor.Resolved{Name: m.Name, Addrs: m.Addrs})
	}
	return out
}
