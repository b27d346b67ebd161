package sim

import (
	"fmt"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// identities keeps count of who runs under which host id. A process that runs
// while another one has its id (a clone), or in an incarnation that was used
// before (an old copy of the state directory), is a shadow. The group should
// refuse it. If it lets a shadow in although the rightful process lives and can
// be reached, the group has failed (J5). If the original was out of reach, a copy
// with a later incarnation has taken its place, and the original must not come
// back. If one process id is used twice and nobody could have known better, every
// later statement about it is ambiguous, so the seed ends there and is counted.
type identities struct {
	w *World
	// highest is the last incarnation of each identity that was in a view with others.
	highest map[views.HostID]views.Incarnation
	// copied are the hosts that ever had a copy, with who led the views since.
	copied map[views.HostID]map[views.Seq]views.Incarnation
	// made is when a view of several was first installed, over when a process in the
	// open ended.
	made map[views.ViewID]views.Instant
	over map[views.Process]views.Instant
}

func newIdentities(w *World) identities {
	return identities{
		w: w, highest: make(map[views.HostID]views.Incarnation), copied: make(map[views.HostID]map[views.Seq]views.Incarnation),
		made: make(map[views.ViewID]views.Instant), over: make(map[views.Process]views.Instant),
	}
}

// challengeTime is how long a network must have been in order before a
// duplicate that was let in counts as the group's fault.
const challengeTime = 10 * time.Second

// shadowLog bounds the log of a shadow that nobody has let in.
const shadowLog = 20_000

// shows decides whether the checkers see a shadow's record now. What it does
// alone is held back, since view ids of copies repeat those of the original.
func (t *identities) shows(h *Host, p *process, r trace.Record) bool {
	if in, ok := r.Event.(trace.Install); ok && len(in.Members) > 1 {
		return t.admitted(h, p, in)
	}
	if len(p.held) < shadowLog {
		p.held = append(p.held, r)
	}
	return false
}

// untold judges a copy that has run beside its original for so long. One whose key file is an
// old copy as well may understand nobody: it is told that then.
func (t *identities) untold(h *Host, ran time.Duration) {
	p := h.proc
	if p == nil || !p.shadow || ran < t.w.opts.patience(challengeTime) || !t.w.orderly(ran) {
		return
	}
	if o := t.twin(h); o != nil && o.Running() && o.proc.large && t.understand(p, o.proc) {
		t.w.fail("J5", fmt.Sprintf("host %d (%v, a copy of host %d) was never told so", h.number, p.id, o.number))
	}
}

// understand reports whether each of two processes opens what the other one says.
func (t *identities) understand(p, o *process) bool {
	if t.w.opts.Sealed == 0 {
		return true
	}
	a, b := p.sealer(), o.sealer()
	return a.Opens(b.Keys().Sending) && b.Opens(a.Keys().Sending)
}

func (t *identities) started(h *Host) {
	p := h.proc
	p.reused = p.id.Incarnation <= t.highest[p.id.Host]
	p.shadow = p.reused || t.twin(h) != nil
	if p.shadow {
		t.w.cover.hit(coverShadow)
	}
}

// gone notes that a process in the open has ended: of the views that were made by
// then it comes to none, and a twin of it that does is another.
func (t *identities) gone(p *process) {
	if !p.shadow {
		t.over[p.id] = t.w.now
	}
}

// twin is another host on which a process with h's id runs in the open, or nil.
func (t *identities) twin(h *Host) *Host {
	for _, o := range t.w.hosts[1:] {
		if o != h && o.proc != nil && !o.proc.shadow && o.proc.id.Host == h.disk.id {
			return o
		}
	}
	return nil
}

// admitted decides what it means that a group let shadow p in; false if the
// run ends here.
func (t *identities) admitted(h *Host, p *process, in trace.Install) bool {
	w := t.w
	o := t.twin(h)
	switch {
	case o != nil && w.orderly(w.opts.patience(challengeTime)) && o.Running() && o.proc.large:
		w.fail("J5", fmt.Sprintf("host %d (%v, a copy) installed %s although host %d (%v) lives and can be reached",
			h.number, p.id, w.describeInstall(in), o.number, o.proc.id))
		return false
	case o != nil && o.proc.id == p.id:
		w.end("ambiguous identity: a twin was let in while the other was out of reach")
		return false
	case p.reused && t.remembered(p, in) != 0:
		w.fail("J5", fmt.Sprintf("host %d (%v, from an old copy of its directory) installed %s although member %d has been in a view with a later life of it",
			h.number, p.id, w.describeInstall(in), t.remembered(p, in)))
		return false
	case o == nil && t.made[in.View] <= t.over[p.id]:
		w.end("ambiguous identity: a twin came to a view of the time when the other still ran")
		return false
	case p.reused:
		w.end("ambiguous identity: an incarnation was used again and nobody remembered")
		return false
	}
	return t.clear(h, p)
}

// installed notes that a view was installed.
func (t *identities) installed(in trace.Install) {
	if _, ok := t.made[in.View]; !ok && len(in.Members) > 1 {
		t.made[in.View] = t.w.now
	}
	t.overtaken(in)
}

// overtaken ends a run in which an original goes on beside a copy that was let in
// while it was out of reach, and both make a view of one number, since a view is
// known by number and host.
func (t *identities) overtaken(in trace.Install) {
	if led := t.copied[in.View.Coordinator]; led != nil && len(in.Members) > 1 {
		if inc := led[in.View.Seq]; inc != 0 && inc != in.View.Incarnation {
			t.w.end("ambiguous identity: an original and its copy made views of one number")
		}
		led[in.View.Seq] = in.View.Incarnation
	}
}

// meet remembers whom a process has been in a view with.
func (t *identities) meet(p *process, v *views.View) {
	if p.met == nil {
		p.met = make(map[views.HostID]meeting, v.Size())
	}
	for i := range v.Members {
		m := &v.Members[i]
		if len(v.Members) > 1 {
			t.highest[m.Host] = max(t.highest[m.Host], m.Incarnation)
		}
		if p.met[m.Host].incarnation < m.Incarnation {
			p.met[m.Host] = meeting{m.Incarnation, v.ID}
		}
	}
}

// meeting is the first view with an incarnation of a host.
type meeting struct {
	incarnation views.Incarnation
	view        views.ViewID
}

// remembered gives the number of a member of a view that has already been in a
// view with the incarnation of p, or a later one, or 0.
func (t *identities) remembered(p *process, in trace.Install) int {
	for _, h := range t.w.hosts[1:] {
		q := h.proc
		if q == nil || q == p || q.met[p.id.Host].incarnation < p.id.Incarnation || q.met[p.id.Host].view == in.View {
			continue
		}
		for _, m := range in.Members {
			if m.Process == q.id {
				return h.number
			}
		}
	}
	return 0
}

// clear lets the checkers see a shadow that has turned out to be the only one.
func (t *identities) clear(h *Host, p *process) bool {
	if len(p.held) >= shadowLog {
		t.w.end("ambiguous identity")
		return false
	}
	for _, held := range p.held {
		t.w.oracle.Observe(h.disk.stream, held)
	}
	p.shadow, p.held = false, nil
	return true
}

// settle decides about shadows that are alone in a healed component: nobody is
// left who could refuse them.
func (t *identities) settle(set HostSet) {
	for _, number := range set.Numbers() {
		h := t.w.hosts[number]
		switch p := h.proc; {
		case p == nil || !p.shadow:
		case p.reused || t.twin(h) != nil:
			t.w.end("ambiguous identity")
		default:
			t.clear(h, p)
		}
	}
}

// repair is what the operator does before a daemon that was refused for its old
// state directory starts again: he puts the right one back.
func (t *identities) repair(h *Host, code views.RefuseCode) {
	if code == views.RefuseRolledBack || code == views.RefuseDuplicate {
		h.disk.restore()
	}
}

// hopeless reports whether h would start in an incarnation that was used while
// nobody runs who could know: then the world has the operator notice before.
func (t *identities) hopeless(h *Host, inc views.Incarnation) bool {
	if inc > t.highest[h.disk.id] || t.twin(h) != nil {
		return false
	}
	for _, o := range t.w.hosts[1:] {
		if o.Running() && o.proc.met[h.disk.id].incarnation >= inc {
			return false
		}
	}
	return true
}

// displaced judges an open process that the group refused.
func (t *identities) displaced(h *Host, p *process, s *engine.Stop) {
	if s.Code != views.RefuseDuplicate || p.shadow || !p.large || !t.w.orderly(t.w.opts.patience(challengeTime)) {
		return
	}
	t.w.fail("J5", fmt.Sprintf("host %d (%v), a member of %v, was stopped as a duplicate of its own copy: %s",
		h.number, p.id, p.view.ID, s.Detail))
}
