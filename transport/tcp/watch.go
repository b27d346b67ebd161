package tcp

import (
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/greeting"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// watch is one watched process. Under t.mu.
type watch struct {
	subject greeting.Subject
	peer    *peer
}

// Watch replaces the set of watched processes. A target that stays keeps what was
// found of it. Ourselves, repetitions and what is beyond the bound are passed over.
func (t *Transport) Watch(targets []transport.Target) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	wanted := make(map[transport.Target]bool, len(targets))
	lives := make(map[views.Process]bool, len(targets))
	for _, target := range targets {
		if target.Process != t.self.Process && len(wanted) < views.MembersMax {
			wanted[target], lives[target.Process] = true, true
		}
	}
	for target, w := range t.watches {
		if !wanted[target] {
			delete(w.peer.watches, w)
			delete(t.watches, target)
		}
	}
	t.found.Retain(func(p views.Process) bool { return lives[p] })
	for target := range wanted {
		if t.watches[target] == nil {
			t.watch(target)
		}
	}
}

// watch begins with what is known already.
func (t *Transport) watch(target transport.Target) {
	now := time.Now()
	p := t.peerAt(target.Addr, now)
	if p == nil {
		return
	}
	w := &watch{subject: greeting.Subject{Process: target.Process}, peer: p}
	t.watches[target], p.watches[w] = w, true
	if l := p.link(); l != nil {
		t.judge(w, l)
	}
	t.pursue(p, now)
}

// greeted tells those who watch at a peer who is there now.
func (t *Transport) greeted(p *peer, l *link) {
	for w := range p.watches {
		t.judge(w, l)
	}
}

// judge takes in who holds a link. One that comes from elsewhere proves nothing.
func (t *Transport) judge(w *watch, l *link) {
	if !l.ours && !l.credible {
		return
	}
	if _, found, news := w.subject.Greeted(l.who); news {
		t.found.Report(w.subject.Process, found)
	}
}

// lost tells those who watch the process of a link that its kernel has ended it.
func (t *Transport) lost(p *peer, l *link) {
	for w := range p.watches {
		if w.held(l) && w.subject.Closed() {
			t.found.Report(w.subject.Process, message.EvidenceClosed)
		}
	}
}

// refused tells those who watch at a peer that its port refuses. Where that port
// never greeted us, a firewall may do so, unless the process has just ended a
// connection that it had made.
func (t *Transport) refused(p *peer) {
	for w := range p.watches {
		ended := w.subject.Told() == message.EvidenceClosed || p.reset != nil && w.held(p.reset)
		if (p.answered || ended) && w.subject.Refused() {
			t.found.Report(w.subject.Process, message.EvidenceRefused)
		}
	}
}

// held reports whether it was the watched process that held a link.
func (w *watch) held(l *link) bool {
	return w.subject.Reached() && w.subject.Judge(l.who) == greeting.Alive
}
