package lab

import (
	"net/netip"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// watched says where the watched processes are and what was found about those
// behind a cut.
type watched struct {
	at   map[views.Process]netip.AddrPort
	held map[views.Process]message.Evidence
}

// Watch watches as the wrapped transport does.
func (l *Lab) Watch(targets []transport.Target) {
	l.mu.Lock()
	l.watched.at = make(map[views.Process]netip.AddrPort, len(targets))
	for _, target := range targets {
		l.watched.at[target.Process] = target.Addr
	}
	for p := range l.watched.held {
		if _, still := l.watched.at[p]; !still {
			delete(l.watched.held, p)
		}
	}
	at := l.watched.at // replaced, never changed
	l.mu.Unlock()
	l.found.Retain(func(p views.Process) bool { _, still := at[p]; return still })
	l.send.Lock()
	defer l.send.Unlock()
	l.inner.Watch(targets)
}

// Evidence gives what was found about processes that are not behind a cut.
func (l *Lab) Evidence() <-chan transport.Evidence { return l.found.Out() }

// sift passes on what the wrapped transport finds.
func (l *Lab) sift() {
	for e := range l.inner.Evidence() {
		l.mu.Lock()
		l.pass(e)
		l.mu.Unlock()
	}
}

// pass reports a finding or holds it back. The caller holds l.mu.
func (l *Lab) pass(e transport.Evidence) {
	addr, still := l.watched.at[e.Process]
	switch {
	case !still:
	case e.Found == message.EvidenceSilent && l.faults.of(addr).Cut != 0: // who is cut is not to be asked
	case l.faults.of(addr).Cut != 0:
		if l.watched.held == nil {
			l.watched.held = make(map[views.Process]message.Evidence)
		}
		l.watched.held[e.Process] = e.Found
	default:
		delete(l.watched.held, e.Process)
		l.found.Report(e.Process, e.Found)
	}
}

// release passes on what was held back and need not be any more. The caller
// holds l.mu.
func (l *Lab) release() {
	for p, found := range l.watched.held {
		if l.faults.of(l.watched.at[p]).Cut == 0 {
			delete(l.watched.held, p)
			l.found.Report(p, found)
		}
	}
}
