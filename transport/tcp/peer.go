package tcp

import (
	"net/netip"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/greeting"
	"github.com/gmsd/gmsd/transport/internal/stream"
)

// peer is an address to which frames go, whoever is there. Under t.mu.
type peer struct {
	addr netip.AddrPort
	// links lead there and take frames; the newest last.
	links []*link
	// waiting is for a link to be made.
	waiting stream.Queue
	// used is when a frame was last sent there, met when a link there last began or
	// ended; zero: never.
	used, met time.Time
	// answered: a dial to it was greeted. ourselves: by us.
	answered, ourselves bool
	// pursued: a goroutine dials it. misses is how many dials in a row made no link;
	// refuses: the last was refused.
	pursued bool
	misses  int
	refuses bool
	// trip is the round trip to it as last measured.
	trip time.Duration
	// narrow: the next dial asks for small segments.
	narrow bool
	// reset is the last link there where it ended by a reset, until the dials that
	// follow say what that meant; nil: none.
	reset   *link
	steps   greeting.Steps
	watches map[*watch]bool
}

// link is the one to send on; nil: none.
func (p *peer) link() *link {
	if n := len(p.links); n > 0 {
		return p.links[n-1]
	}
	return nil
}

// wanted reports whether somebody needs a connection.
func (p *peer) wanted(t *Transport, now time.Time) bool {
	return len(p.watches) > 0 || !p.used.IsZero() && now.Sub(p.used) < t.times.wanted
}

// lacks reports whether there is none, or one that nothing gets through.
func (p *peer) lacks() bool {
	l := p.link()
	return l == nil || l.isStalled()
}

// peerAt gives the peer at an address; nil: there are as many as are allowed.
func (t *Transport) peerAt(addr netip.AddrPort, now time.Time) *peer {
	p := t.peers[addr]
	if p != nil {
		return p
	}
	if len(t.peers) >= peersMax {
		t.forget(now, t.times.wanted)
	}
	if len(t.peers) >= peersMax {
		return nil
	}
	p = &peer{addr: addr, watches: map[*watch]bool{}}
	t.peers[addr] = p
	return p
}

// forget lets go of addresses that nobody needs and that were not used for a while.
func (t *Transport) forget(now time.Time, unused time.Duration) {
	for addr, p := range t.peers {
		if len(p.links) == 0 && len(p.watches) == 0 && !p.pursued && now.Sub(p.used) > unused {
			t.lose(p)
			delete(t.peers, addr)
		}
	}
}

// lose drops what waited for a connection.
func (t *Transport) lose(p *peer) {
	if n := p.waiting.Frames(); n > 0 {
		t.tally.Drop(transport.DropUnsent, n)
	}
	p.waiting = stream.Queue{}
}

// hold keeps a frame until there is a connection.
func (t *Transport) hold(p *peer, frame []byte) {
	if n := p.waiting.Shed(stream.HeadSize+len(frame), waitingMax); n > 0 {
		t.tally.Drop(transport.DropUnsent, n)
	}
	p.waiting.Put(stream.Piece{Body: frame})
}

// remove takes a link out of a peer's.
func (p *peer) remove(l *link) {
	for i, o := range p.links {
		if o == l {
			p.links = append(p.links[:i:i], p.links[i+1:]...)
			return
		}
	}
}
