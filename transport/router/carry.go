package router

import (
	"net/netip"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/transport/internal/stream"
	"github.com/gmsd/gmsd/views"
)

// Carry takes a frame for an address where somebody is registered whom it is for, at a
// router that stands.
func (t *Transport) Carry(frame []byte, to netip.AddrPort) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	hosts := t.addressees(to)
	if len(hosts) == 0 {
		return false
	}
	now := time.Now()
	t.direct.Tally().Out(transport.Unicast, 1, len(frame))
	for _, h := range hosts {
		w := t.wireTo(h, now)
		w.use(now)
		if len(w.batch) == 0 {
			t.touched = append(t.touched, w)
		}
		w.add(h, frame)
	}
	return true
}

// add puts a frame for a host into the batch. One frame for many goes once.
func (w *wire) add(host views.HostID, frame []byte) {
	n := len(w.batch)
	if n > 0 && same(&w.batch[n-1], frame) && w.batch[n-1].Prefix[0] < relay.TargetsMax {
		w.batch[n-1].Prefix = relay.AppendTarget(w.batch[n-1].Prefix, host)
		return
	}
	var prefix []byte
	if n < cap(w.batch) {
		prefix = w.batch[:n+1][n].Prefix[:0] // that of an earlier batch
	}
	w.batch = append(w.batch, stream.Piece{Prefix: relay.AppendTarget(prefix, host), Body: frame})
}

// wireTo gives the connection to the router by which a host is best reached; nil: it is
// registered nowhere. Under t.mu.
func (t *Transport) wireTo(host views.HostID, now time.Time) (best *wire) {
	rank := 0
	for _, l := range t.lines {
		w := l.up
		if w == nil || w.hosts[host].lives == 0 {
			continue
		}
		r := 1
		if w.hosts[host].near == 0 {
			r = 2
		}
		if w.doubtful(now) {
			r += 2
		}
		if best == nil || r < rank {
			best, rank = w, r
		}
	}
	return best
}

// Flush writes what Carry took. Where a connection has ended meanwhile another takes it.
func (t *Transport) Flush() {
	for _, w := range t.touched {
		if !w.out.Push(&t.gather, w.batch) {
			t.rescue(w)
		}
		for i := range w.batch {
			w.batch[i].Body = nil
		}
		w.batch = w.batch[:0]
	}
	clear(t.touched)
	t.touched = t.touched[:0]
}

// rescue hands what a connection did not take to others.
func (t *Transport) rescue(from *wire) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range from.batch {
		p := &from.batch[i]
		to, _, err := relay.CutTargets(p.Prefix)
		if err != nil {
			continue // it is ours, and whole
		}
		for k := range to.Len() {
			if !t.rescueOne(from, to.At(k), p.Body) {
				t.direct.Tally().Drop(transport.DropUnsent, 1)
			}
		}
	}
}

func (t *Transport) rescueOne(from *wire, host views.HostID, frame []byte) bool {
	for _, l := range t.lines {
		if w := l.up; w != nil && w != from && w.hosts[host].lives > 0 {
			return w.out.Queue(stream.Piece{Prefix: relay.AppendTarget(nil, host), Body: frame})
		}
	}
	return false
}

// carryNow sends one frame at once, from any goroutine.
func (t *Transport) carryNow(frame []byte, to netip.AddrPort) {
	t.mu.Lock()
	defer t.mu.Unlock()
	hosts := t.addressees(to)
	if len(hosts) == 0 {
		t.direct.Tally().Drop(transport.DropUnsent, 1)
		return
	}
	now := time.Now()
	t.direct.Tally().Out(transport.Unicast, 1, len(frame))
	for _, h := range hosts {
		w := t.wireTo(h, now)
		w.use(now)
		w.out.Queue(stream.Piece{Prefix: relay.AppendTarget(nil, h), Body: frame})
	}
}
