package gms

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/tether"
	"github.com/gmsd/gmsd/views"
)

// Verdict is a named cause of what is wrong between hosts.
type Verdict = doctor.Verdict

// Link is what this host knows of the way to another one and back.
type Link = engine.LinkStatus

// Diagnosis is what the hosts that answered have found. It may be shared: it is for reading.
type Diagnosis struct {
	// Verdicts are the causes, none where all is well.
	Verdicts []Verdict
	// Reports are what each host said, this one's first.
	Reports []doctor.Report
	// Silent are members that did not report.
	Silent []string
	// Took is how long it took.
	Took time.Duration
}

// Times of the doctor.
const (
	// lookEveryLink is how often a host looks at its own links.
	lookEveryLink = time.Second
	// examinedIn is how long an examination takes, reportedIn how long one waits for
	// reports that need none.
	examinedIn = 3250 * time.Millisecond
	reportedIn = 500 * time.Millisecond
	// roundAgain is the time between two rounds of questions; it doubles up to
	// roundStanding for as long as they find the same. What has changed since, as far as
	// this host sees by itself, is looked at after roundMost.
	roundAgain, roundMost, roundStanding = 5 * time.Second, time.Minute, 10 * time.Minute
	// factsKept is how long what was found about a link holds.
	factsKept = 30 * time.Second
	// smallView is up to which size all members examine each other; of a larger one a
	// round asks so many.
	smallView = 16
	// lateLeast is from when on a timer that came late counts as a pause.
	lateLeast = 100 * time.Millisecond
)

// undoctored is empty. The linker sets it for the measurement of what the doctor costs
// (internal/netlab/cmd/bench): a host that neither looks nor
// tests its paths.
var undoctored string

// physician is the doctor of a host: it looks at the host's own links all the time.
// Where something seems wrong there is a round: it and the hosts that it asks examine
// their links, they report, and it names what is wrong.
type physician struct {
	lookAt  views.Instant
	token   uint64
	asked   map[uint64]views.Instant
	reports map[views.HostID]*heardReport
	facts   facts
	watch   watch
	samples samples
	idling  idling
	round   round
	judged  chan judgement
	// verdicts are what is said: those of the last round, and local ones, of strangers.
	// hidden were said and are not over, as far as is known: a worse one hides them.
	verdicts, found, local, hidden []Verdict
	// waiting are at most two, a full one and one that is not.
	waiting []*consultation
	// askedAt is when all were asked last.
	askedAt views.Instant
	answers []pendingAnswer
}

// round is one of questions: waiting for reports until judgeAt, then judging.
type round struct {
	under, judging bool
	beganAt        views.Instant
	judgeAt        views.Instant
	nextAt         views.Instant
	pause          time.Duration
}

// judgement is what a round has found, which began then.
type judgement struct {
	verdicts []Verdict
	began    views.Instant
}

// patient is what the doctor must know of this host and cannot see.
type patient struct {
	// multicaster is nil where nothing goes by multicast.
	multicaster transport.Multicaster
	// streams: frames go over connections.
	streams bool
	// tethers is what a connection to another host's member port needs.
	tethers *tether.Config
	// settings is what must be the same at all hosts.
	settings string
	ctx      context.Context
	cancel   context.CancelFunc
}

func newPhysician() physician {
	return physician{
		reports: map[views.HostID]*heardReport{}, asked: map[uint64]views.Instant{}, facts: newFacts(), idling: newIdling(),
		round: round{pause: roundAgain}, judged: make(chan judgement, 1),
	}
}

func (l *loop) endExaminations() {
	if l.patient.cancel != nil {
		l.patient.cancel()
	}
}

// advanceDoctor looks at the links when it is time, examines what seems wrong, and
// judges what was asked for.
func (l *loop) advanceDoctor() {
	d := &l.doctor
	v := l.view()
	if undoctored != "" {
		d.lookAt = 0
	}
	if l.ended || v == nil || d.lookAt == 0 || l.now < d.lookAt {
		return
	}
	d.lookAt = l.now.Add(lookEveryLink)
	d.forgetOld(l.now)
	l.answerReports()
	l.burstWhenDue()
	l.sampleWhenDue(v)
	l.idleLong(v)
	l.goRound(v)
	l.judgeStrangers()
	l.finishConsultations(v)
	l.runSoon()
}

// goRound begins a round where something seems wrong, and judges one when its
// reports have come.
func (l *loop) goRound(v *views.View) {
	d, r := &l.doctor, &l.doctor.round
	wrong := l.watchLinks(v)
	some := l.noteTroubles() || len(wrong) > 0
	if some {
		d.watch.wrongAt = l.now
	}
	switch {
	case r.judging:
	case r.under && l.now >= r.judgeAt:
		r.under = false
		l.judge()
	case r.under, l.now < l.roundDue(v) && !d.watch.fresh:
	case !some && l.now.Sub(d.watch.wrongAt) > doctor.Window:
		l.publish(nil, l.now)
	case some:
		if d.watch.fresh {
			d.watch.fresh, r.pause = false, roundAgain
		}
		r.under, r.beganAt, r.judgeAt = true, l.now, l.now.Add(examinedIn+reportedIn)
		l.askRound(v, wrong)
	}
	if r.under {
		d.lookAt = views.Earliest(d.lookAt, r.judgeAt)
	}
}

// roundDue is when there is to be another round where nothing new is wrong. A host that is
// alone looks at others in turn, and who is lost may be up, or its host, from one minute to
// the next.
func (l *loop) roundDue(v *views.View) views.Instant {
	r, w := &l.doctor.round, &l.doctor.watch
	switch {
	case v.Size() < 2, w.looksAfterLost():
		return min(r.nextAt, r.beganAt.Add(roundMost))
	case w.changedAt >= r.beganAt:
		return min(r.nextAt, w.changedAt.Add(roundMost))
	}
	return r.nextAt
}

// judge names the causes, beside the loop: of many hosts it takes a while.
func (l *loop) judge() {
	d := &l.doctor
	d.round.judging = true
	began := d.round.beganAt
	all := l.allReports(l.now.Add(-examinedIn - 2*reportedIn))
	l.workers.Go(func() {
		reports := all()
		for i := range reports {
			reports[i] = reports[i].ProvedOnly() // each says by itself what strangers bring about
		}
		select {
		case d.judged <- judgement{doctor.Diagnose(reports), began}:
		case <-l.quit:
		}
	})
}

// takeJudgement says what a round has found.
func (l *loop) takeJudgement(j judgement) {
	d, r := &l.doctor, &l.doctor.round
	before := d.found
	l.publish(j.verdicts, j.began)
	d.samples.judged(j.began, l.now, l.self.Host, d.found)
	r.judging, r.pause = false, min(2*r.pause, roundStanding)
	if !sayTheSame(before, d.found) {
		r.pause = roundAgain
	}
	r.nextAt = l.now.Add(r.pause)
}

func sameVerdict(a, b Verdict) bool {
	return a.Cause == b.Cause && a.From.Host == b.From.Host && a.To.Host == b.To.Host
}

// publish replaces what rounds have found. What was found of a host that is lost and was not
// looked at since then stays.
func (l *loop) publish(now []Verdict, began views.Instant) {
	d := &l.doctor
	var kept []Verdict
	for _, v := range d.found {
		if d.watch.unseen(v, began) && !d.watch.isRenamed(v, now) {
			kept = append(kept, v)
		}
	}
	d.found = append(now, kept...)
	l.say()
}

// say puts together what is to be said, and tells what is new and what is over.
func (l *loop) say() {
	d := &l.doctor
	before, now := slices.Concat(d.verdicts, d.hidden), slices.Concat(d.found, d.local)
	d.hidden = nil
	for _, v := range now {
		if !says(before, v) {
			l.log.Warn("diagnosis", "cause", v.Cause, "from", v.From.Name, "to", v.To.Name, "evidence", strings.Join(v.Evidence, "; "), "cure", v.Cure)
		}
	}
	for _, v := range before {
		switch {
		case says(now, v):
		case slices.ContainsFunc(now, v.IsHiddenBy):
			d.hidden = append(d.hidden, v)
		default:
			l.log.Info("diagnosis is over", "cause", v.Cause, "from", v.From.Name, "to", v.To.Name)
		}
	}
	d.verdicts = now
}

func says(list []Verdict, v Verdict) bool {
	return slices.ContainsFunc(list, func(o Verdict) bool { return sameVerdict(o, v) })
}

func sayTheSame(a, b []Verdict) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(v Verdict) bool { return !says(b, v) })
}

// forgetOld lets go what nobody asks for any more.
func (d *physician) forgetOld(now views.Instant) {
	d.facts.forgetOld(now)
	maps.DeleteFunc(d.reports, func(_ views.HostID, r *heardReport) bool { return now.Sub(r.at) > reportKept })
}
