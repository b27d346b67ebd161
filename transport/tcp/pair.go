package tcp

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/gmsd/gmsd/transport/internal/greeting"
	"github.com/gmsd/gmsd/views"
)

// Two processes may come to have two connections: both dialled at once, or one has
// lost its end of the older. The newer serves from now on; the lower process says
// goodbye to the older, and the other follows. See doc.go.

// decides reports whether we are the one who says which connection stays.
func (t *Transport) decides(other greeting.Peer) bool {
	return cmp.Or(
		bytes.Compare(t.self.Host[:], other.Host[:]),
		cmp.Compare(t.self.Incarnation, other.Incarnation),
		cmp.Compare(t.self.Nonce, other.Nonce)) < 0
}

func (l *link) key() pairKey { return pairKey{l.who.Process, l.who.Nonce} }

// attach makes a greeted connection serve. dialled is the peer that we dialled, nil
// where the other end did. It gives false where the connection is not wanted.
func (t *Transport) attach(l *link, dialled *peer) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.closed || len(t.links) >= linksMax {
		return false
	}
	l.peers = t.standsFor(l, dialled, now)
	if len(l.peers) == 0 || !t.inbox.Add(&l.source) {
		return false
	}
	t.makeRoom(l.who.Host)
	older := slices.Clone(t.pairs[l.key()])
	t.links[l] = true
	t.pairs[l.key()] = append(t.pairs[l.key()], l)
	t.hosts[l.who.Host]++
	for _, p := range l.peers {
		t.serve(l, p, now)
	}
	if dialled != nil {
		dialled.answered = true
	}
	for _, o := range older {
		t.supersede(o, l)
	}
	return true
}

// standsFor gives the peers whose frames the link is to take: the address that we
// dialled, and the one that the other end claims, unless somebody else has it and
// nothing speaks for the claim.
func (t *Transport) standsFor(l *link, dialled *peer, now time.Time) []*peer {
	var out []*peer
	if dialled != nil {
		out = append(out, dialled)
	}
	p := t.peerAt(l.addr(), now)
	if p == nil || p == dialled || p.ourselves || l.addr() == t.self.Addr {
		return out
	}
	if held := p.link(); held != nil && !held.who.Same(l.who) && !l.credible {
		return out
	}
	return append(out, p)
}

// serve gives a peer its new link.
func (t *Transport) serve(l *link, p *peer, now time.Time) {
	for _, o := range slices.Clone(p.links) {
		if !o.who.Same(l.who) {
			t.drop(o, nil) // another process has its place
		}
	}
	if p.met.IsZero() {
		p.steps.Reset()
	}
	p.met, p.misses, p.refuses, p.reset = now, 0, false, nil
	p.links = append(p.links, l)
	if p.used.IsZero() {
		p.used = now
	}
	t.flushWaiting(p, l)
	t.greeted(p, l)
}

// supersede ends an older connection of the same two, in order: its end must not
// come before a word that explains it. Whoever gets nothing through it does not wait
// for the other's word.
func (t *Transport) supersede(o, by *link) {
	switch {
	case o.isStalled() || t.decides(by.who):
		t.leave(o, reasonTie)
	case o.linger == nil:
		// The other end will say so, unless it knows this one no more.
		o.linger = time.AfterFunc(t.times.linger, func() { t.end(o, nil) })
	}
}

// makeRoom ends the oldest connection of a host that has too many.
func (t *Transport) makeRoom(host views.HostID) {
	if t.hosts[host] < perHostMax {
		return
	}
	var oldest *link
	for l := range t.links {
		if l.who.Host == host && (oldest == nil || l.begun.Before(oldest.begun)) {
			oldest = l
		}
	}
	t.drop(oldest, nil)
}
