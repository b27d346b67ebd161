package check

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// lifeOf finds the life a record belongs to and holds the record against the
// rules of the log itself (LOG1 to LOG3, LOG5, LOG6).
func (c *Checker) lifeOf(s Stream, r *trace.Record) *life {
	l := c.last
	if l == nil || l.proc.Process != r.Process || l.stream != s {
		l = c.lives[lifeKey{r.Process, s}]
	}
	_, starting := r.Event.(trace.Start)
	switch {
	case l == nil:
		l = c.beginLife(s, r.Process)
	case starting:
		c.fail(LogIncarnation, views.ViewID{}, []*proc{l.proc}, "starts a second time as incarnation %d", r.Incarnation)
		l = c.beginLife(s, r.Process)
	case l.ended:
		c.fail(LogEnd, l.viewID(), []*proc{l.proc}, "record %d comes after its end", r.N)
	}
	c.count(LogEnd)
	c.count(LogStart)
	if first := l.lastN == 0; first && !starting {
		c.fail(LogStart, views.ViewID{}, []*proc{l.proc}, "its first record is %s", eventName(r.Event))
	}
	c.checkCount(l, r)
	c.last = l
	return l
}

func eventName(e trace.Event) string {
	if e == nil {
		return "unknown"
	}
	return e.Name()
}

func (c *Checker) checkCount(l *life, r *trace.Record) {
	c.count(LogCount)
	if r.N != l.lastN+1 {
		c.fail(LogCount, l.viewID(), []*proc{l.proc}, "record %d follows record %d", r.N, l.lastN)
	}
	c.count(LogTime)
	if r.T < l.lastT {
		c.fail(LogTime, l.viewID(), []*proc{l.proc}, "record %d: time falls by %v", r.N, l.lastT.Sub(r.T))
	}
	l.lastN, l.lastT = r.N, r.T
}

func (l *life) viewID() views.ViewID {
	if l.cur == nil {
		return views.ViewID{}
	}
	return l.cur.view.id
}

// beginLife opens an incarnation; an earlier one of the same directory is over
// by that, whether or not somebody said so.
func (c *Checker) beginLife(s Stream, p views.Process) *life {
	l := &life{proc: c.procOf(p), stream: s}
	key := diskKey{p.Host, s}
	d := c.disks[key]
	if d == nil {
		d = &disk{}
		c.disks[key] = d
	}
	c.count(LogIncarnation)
	if d.life != nil {
		c.end(d.life)
	}
	if p.Incarnation <= d.inc && c.lives[lifeKey{p, s}] == nil {
		c.fail(LogIncarnation, views.ViewID{}, []*proc{l.proc}, "incarnation %d after %d", p.Incarnation, d.inc)
	}
	d.life, d.inc = l, p.Incarnation
	l.disk = d
	if other := l.proc.host.living(); other != nil {
		c.count(CloneRefused)
	}
	c.lives[lifeKey{p, s}] = l
	l.proc.lives = append(l.proc.lives, l)
	l.proc.host.lives = append(l.proc.host.lives, l)
	c.livesSeen++
	c.logged = append(c.logged, l)
	return l
}

// end closes a life: it installs nothing more.
func (c *Checker) end(l *life) {
	if l.ended {
		return
	}
	l.ended, l.endAt = true, c.tick
	c.lastFault = c.tick
	if l.cur != nil {
		l.cur.view.active--
		c.maybeRetire(l.cur.view)
	}
	c.stopWaiting(l.proc)
}

// canStillInstall reports whether p may yet come to a view with that id.
func (p *proc) canStillInstall(id views.ViewID) bool {
	if len(p.lives) == 0 {
		return true
	}
	for _, l := range p.lives {
		if !l.ended && (l.cur == nil || l.cur.view.id.Less(id)) {
			return true
		}
	}
	return false
}

// await notes that the members of a new view may still come to it.
func (c *Checker) await(v *view) {
	for _, p := range v.members {
		if p.canStillInstall(v.id) {
			v.waiting++
			p.waiting = append(p.waiting, v)
		}
	}
}

// stopWaiting releases the views that p cannot come to any more.
func (c *Checker) stopWaiting(p *proc) {
	kept := p.waiting[:0]
	for _, v := range p.waiting {
		if p.canStillInstall(v.id) {
			kept = append(kept, v)
			continue
		}
		v.waiting--
		c.maybeRetire(v)
	}
	clear(p.waiting[len(kept):])
	p.waiting = kept
}

func (c *Checker) maybeRetire(v *view) {
	if v.active <= 0 && v.waiting <= 0 {
		c.retire(v)
	}
}

// retire judges what can be judged when nobody is in v any more and nobody can
// come to it, and drops what was said in it.
func (c *Checker) retire(v *view) {
	if v.retired {
		return
	}
	v.retired = true
	c.checkSuccessors(v)
	c.checkOrder(v)
	c.checkReason(v)
	c.checkAccepted(v)
	c.checkSafe(v)
	v.safe, v.groups = nil, nil
	v.senders, v.bySlot, v.ref, v.items, v.visits = nil, nil, nil, nil, nil
	for _, s := range v.next {
		s.first = nil
	}
}
