package gms

import (
	"context"
	"time"

	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

const (
	// askedEvery is the least time between two questions to all, however many callers
	// there are.
	askedEvery = time.Second
	// callersMost bounds those who wait for one diagnosis.
	callersMost = 1024
)

// consultation is one diagnosis and the callers that wait for it. Who comes while one is
// under way joins it.
type consultation struct {
	full bool
	// began is when all were asked.
	began views.Instant
	// least is when the examinations have ended, until when it is answered in any case.
	least, until views.Instant
	// question is what was asked, nil before; againAt when those who have not answered are
	// asked again.
	question *message.Report
	againAt  views.Instant
	// answered have reported; absent is how many were asked that are no members.
	answered map[views.HostID]bool
	absent   int
	callers  []chan<- answer[Diagnosis]
}

// Diagnose asks all hosts that can be reached what they see of each other and names
// the causes of what is wrong. Full: after all have examined all their links, which
// takes some five seconds; else from what they know already. Who calls while another one
// waits for the same gets the same answer, and all are asked once a second at most: one
// more second may pass. [ErrBusy]: more than a thousand wait.
func (h *Host) Diagnose(ctx context.Context, full bool) (Diagnosis, error) {
	return ask(ctx, h, func(l *loop, reply chan<- answer[Diagnosis]) { l.consult(full, reply) })
}

// consult has a caller wait for a diagnosis.
func (l *loop) consult(full bool, reply chan<- answer[Diagnosis]) {
	d := &l.doctor
	for _, c := range d.waiting {
		switch {
		case c.full != full:
		case len(c.callers) == callersMost:
			reply <- answer[Diagnosis]{err: ErrBusy}
			return
		default:
			c.callers = append(c.callers, reply)
			return
		}
	}
	c := &consultation{full: full, callers: []chan<- answer[Diagnosis]{reply}}
	d.waiting = append(d.waiting, c)
	l.beginConsultation(c)
	l.runSoon()
}

// beginConsultation asks all, when it is time.
func (l *loop) beginConsultation(c *consultation) {
	d := &l.doctor
	if c.question != nil {
		return
	}
	if askAt := d.askedAt.Add(askedEvery); d.askedAt != 0 && l.now < askAt {
		d.lookAt = views.Earliest(d.lookAt, askAt)
		return
	}
	d.askedAt, c.began, c.answered = l.now, l.now, map[views.HostID]bool{}
	c.least, c.until, c.againAt = l.now, l.now.Add(2*reportedIn), l.now.Add(reportedIn/2)
	kind := message.ReportWanted
	if c.full {
		kind = message.ReportWantedFull
		c.least, c.until = l.now.Add(examinedIn), l.now.Add(examinedIn+4*reportedIn)
		l.examineAll()
	}
	c.question, c.absent = l.askReports(kind)
	d.lookAt = views.Earliest(d.lookAt, l.now.Add(reportedIn/4))
}

// finishConsultations answers those who wait, once all who were asked have reported or the
// time is over.
func (l *loop) finishConsultations(v *views.View) {
	d := &l.doctor
	waiting := d.waiting
	d.waiting = nil
	for _, c := range waiting {
		l.beginConsultation(c)
		if c.question == nil || !l.maybeFinish(c, v) {
			d.waiting = append(d.waiting, c)
		}
	}
}

// maybeFinish answers the callers where it is over, and reports whether it is.
func (l *loop) maybeFinish(c *consultation, v *views.View) bool {
	d := &l.doctor
	silent := c.silent(v, l.self)
	if l.now >= c.againAt {
		l.askAgain(c, silent)
	}
	all := len(silent) == 0 && len(c.answered) >= v.Size()-1+c.absent
	if l.now < c.until && (!all || l.now < c.least) {
		d.lookAt = views.Earliest(d.lookAt, l.now.Add(reportedIn/4))
		return false
	}
	reports, a := l.allReports(c.began), Diagnosis{Took: l.now.Sub(c.began)}
	for _, m := range silent {
		a.Silent = append(a.Silent, m.Name)
	}
	l.workers.Go(func() { // of many hosts it takes a while
		a.Reports = reports()
		a.Verdicts = doctor.Diagnose(a.Reports)
		for _, caller := range c.callers {
			caller <- answer[Diagnosis]{value: a} // there is room for the one
		}
	})
	return true
}

// silent are the members that have not answered.
func (c *consultation) silent(v *views.View, self views.Process) (list []*views.Member) {
	for i := range v.Members {
		if m := &v.Members[i]; m.Process != self && !c.answered[m.Host] {
			list = append(list, m)
		}
	}
	return list
}

// askAgain asks some of those who have not answered, each directly: the question may be
// lost, or the answer. Who was to examine its links has done so once that is over.
func (l *loop) askAgain(c *consultation, silent []*views.Member) {
	question := *c.question
	question.Wall = wallMillis()
	c.againAt = l.now.Add(reportedIn / 2)
	switch {
	case !c.full:
	case l.now < c.least:
		c.againAt = c.least.Add(reportedIn / 2)
	default:
		question.Kind = message.ReportWanted
	}
	for _, m := range silent[:min(len(silent), smallView)] {
		l.stepSoon(engine.SendReport{Addr: m.Addr, Report: &question})
	}
}

// noteAnswer notes who has answered those who wait.
func (d *physician) noteAnswer(host views.HostID, token uint64) {
	for _, c := range d.waiting {
		if c.question != nil && c.question.Token == token {
			c.answered[host] = true
		}
	}
}
