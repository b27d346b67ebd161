package tcp

import (
	"errors"
	"io"
	"slices"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/transport/internal/greeting"
)

// leave says goodbye: the link takes no more frames, what it has still goes, and the
// other end answers. Under t.mu.
func (t *Transport) leave(l *link, why reason) {
	if l.left || l.over {
		return
	}
	l.left = true
	for _, p := range l.peers {
		p.remove(l)
	}
	l.out.Say(goodbye(why))
	if l.linger == nil {
		l.linger = time.AfterFunc(t.times.linger, func() { t.end(l, nil) })
	}
}

// farewell takes in that the other end says goodbye: nothing comes any more, and the
// end of the connection says nothing of the process.
func (t *Transport) farewell(l *link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.over || t.closed {
		return
	}
	l.bidden = true
	if l.left {
		t.drop(l, nil)
		return
	}
	peers := l.peers
	t.leave(l, reasonEcho)
	for _, p := range peers {
		t.pursue(p, time.Now())
	}
}

// end takes a link away. cause is what reading gave, nil where we end it.
func (t *Transport) end(l *link, cause error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(l, cause)
}

// drop is end under t.mu.
func (t *Transport) drop(l *link, cause error) {
	if l.over || t.closed {
		return // Close ends all links
	}
	l.over = true
	now := time.Now()
	t.detach(l)
	t.inbox.Remove(&l.source)
	if cause == nil {
		l.out.SayNow(goodbye(reasonEnough))
	}
	how := l.endedBy(cause, now, t.times.stale)
	for _, p := range l.peers {
		p.remove(l)
		p.met = now
		p.trip = time.Duration(l.trip.Load())
		if len(t.pairs[l.key()]) == 0 {
			switch how {
			case byProcess:
				t.lost(p, l)
			case byReset:
				p.reset = l
			case byUs:
			}
		}
		if now.Sub(l.begun) >= greeting.Settled {
			p.steps.Reset()
		}
		t.pursue(p, now)
	}
	l.hangUp()
}

// detach takes a link out of the tables.
func (t *Transport) detach(l *link) {
	delete(t.links, l)
	key, host := l.key(), l.who.Host
	rest := slices.DeleteFunc(t.pairs[key], func(o *link) bool { return o == l })
	if t.pairs[key] = rest; len(rest) == 0 {
		delete(t.pairs, key)
	}
	if t.hosts[host]--; t.hosts[host] == 0 {
		delete(t.hosts, host)
	}
}

// end is who ended a connection, as far as that can be seen.
type end uint8

const (
	// byUs: we did, it was agreed upon, or the kernel gave up.
	byUs end = iota
	// byProcess: its kernel did, since the process there has ended.
	byProcess
	// byReset: its kernel did, which either has no such process any more or never had
	// such a connection, since a NAT on the way has forgotten what it was.
	byReset
)

// endedBy says who ended the connection; cause is what reading gave.
func (l *link) endedBy(cause error, now time.Time, stale time.Duration) end {
	if cause == nil || l.left || l.bidden {
		return byUs
	}
	if fault := l.out.Fault(); fault != nil { // it took the cause away from the reader
		cause = fault
	}
	switch {
	case errors.Is(cause, io.EOF):
		return byProcess
	case errors.Is(cause, syscall.ECONNRESET), errors.Is(cause, syscall.EPIPE):
		if now.Sub(l.source.HeardAt()) < stale {
			return byReset
		}
	}
	return byUs
}
