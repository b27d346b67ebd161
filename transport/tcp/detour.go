package tcp

import (
	"net/netip"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/stream"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Detour is another way for frames: package router has one, by way of gossip routers.
// Its methods are called by the sending goroutine and do not wait.
type Detour interface {
	// Carry takes a frame for an address to which no connection leads that works, and
	// reports whether it goes. The frame is the caller's again after Flush.
	Carry(frame []byte, to netip.AddrPort) bool
	// Flush sends what was taken.
	Flush()
}

// goesRound has a frame take the detour where no connection leads to the peer, where
// nothing gets through it, or where it leads to another host than the one that is
// watched at that address: addresses behind NAT may mean one thing here and another there.
func (t *Transport) goesRound(p *peer, l *link, frame []byte, now time.Time) bool {
	if t.detour == nil {
		return false
	}
	if l != nil && !l.astray(p) && !l.staysStalled(now) {
		return false
	}
	return t.detour.Carry(frame, p.addr)
}

// astray reports whether somebody is watched at a peer, and the link does not lead to him.
func (l *link) astray(p *peer) bool {
	for w := range p.watches {
		if w.subject.Process.Host == l.who.Host {
			return false
		}
	}
	return len(p.watches) > 0
}

// DetourLost tells who watches a process that the detour has lost it: where no connection
// leads there it is to be asked. One that comes from elsewhere than it claims, as from
// behind a NAT, does not count: its end would be no evidence. Who has it is asked by it.
func (t *Transport) DetourLost(p views.Process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for target, w := range t.watches {
		if l := w.peer.link(); target.Process == p && (l == nil || l.isStalled() || !w.held(l)) {
			t.found.Report(p, message.EvidenceSilent)
		}
	}
}

// TakeWaiting gives the frames that wait for a connection to an address, and drops them.
func (t *Transport) TakeWaiting(addr netip.AddrPort, f func(frame []byte)) {
	t.mu.Lock()
	p := t.peers[addr]
	if p == nil || p.link() != nil || t.closed {
		t.mu.Unlock()
		return
	}
	waiting := p.waiting
	p.waiting = stream.Queue{}
	t.mu.Unlock()
	waiting.Each(f)
}

// Reached gives the hosts to which there are connections that work.
func (t *Transport) Reached() map[views.HostID]bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(map[views.HostID]bool, len(t.links))
	for l := range t.links {
		if !l.isStalled() && !l.left {
			out[l.who.Host] = true
		}
	}
	return out
}

// Inbox reads all connections; whoever has others may add them.
func (t *Transport) Inbox() *stream.Inbox { return t.inbox }

// Tally is what the transport counts in.
func (t *Transport) Tally() *transport.Tally { return &t.tally }
