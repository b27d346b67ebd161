package router

import (
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/transport/internal/stream"
	"github.com/gmsd/gmsd/views"
)

// errClosed: a router has closed the connection.
var errClosed = errors.New("it has closed the connection")

// learn takes in who is registered.
func (w *wire) learn(body []byte) stream.Verdict {
	t := w.line.t
	var fresh []netip.AddrPort
	t.mu.Lock()
	err := relay.EachEntry(body, func(e *relay.Entry) {
		if e.Process == t.self.Member.Process && e.Nonce == t.self.Member.Nonce || e.Group != t.self.Member.Group {
			return
		}
		if w.enter(e) {
			fresh = append(fresh, e.Addr)
		}
	})
	t.mu.Unlock()
	if err != nil {
		return stream.Spoilt
	}
	t.catchUp(fresh)
	t.tellFound()
	return stream.Taken
}

// enter notes an entry and reports whether its address has somebody new. Under t.mu.
func (w *wire) enter(e *relay.Entry) bool {
	id := e.Life()
	old, known := w.entries[id]
	if !known && len(w.entries) >= entriesMax {
		return false
	}
	t := w.line.t
	t.turns++
	c := claim{host: e.Host, life: id, turn: t.turns}
	if known {
		if i := w.claimOf(&old); old.Addr == e.Addr {
			c.turn = w.at[e.Addr][i].turn // told again, it keeps its turn
		}
		w.leave(id)
	}
	w.entries[id] = *e
	w.count(e, 1)
	w.at[e.Addr] = append(w.at[e.Addr], c)
	return !known || old.Addr != e.Addr
}

// leave forgets an entry. Under t.mu.
func (w *wire) leave(id relay.Life) {
	e, known := w.entries[id]
	if !known {
		return
	}
	i := w.claimOf(&e)
	delete(w.entries, id)
	w.count(&e, -1)
	if w.at[e.Addr] = slices.Delete(w.at[e.Addr], i, i+1); len(w.at[e.Addr]) == 0 {
		delete(w.at, e.Addr)
	}
}

// claimOf finds the claim of an entry that is held.
func (w *wire) claimOf(e *relay.Entry) int {
	id := e.Life()
	return slices.IndexFunc(w.at[e.Addr], func(c claim) bool { return c.life == id })
}

// count notes that a host has a life more here, or less.
func (w *wire) count(e *relay.Entry, by int) {
	p := w.hosts[e.Host]
	p.lives += by
	if e.Via == w.number {
		p.near += by
	}
	if w.hosts[e.Host] = p; p.lives == 0 {
		delete(w.hosts, e.Host)
	}
}

// unlearn takes in who is registered no more. Who is at no router, and cannot be reached
// directly, is worth to be asked whether it lives.
func (w *wire) unlearn(body []byte) {
	t := w.line.t
	var lost []views.Process
	t.mu.Lock()
	relay.EachGone(body, func(_ uint64, id relay.Life) {
		if _, known := w.entries[id]; !known {
			return
		}
		w.leave(id)
		if !t.registered(id.Host) {
			lost = append(lost, id.Process)
		}
	})
	t.mu.Unlock()
	for _, p := range lost {
		t.direct.DetourLost(p)
	}
	t.tellFound()
}

// catchUp sends what waits for addresses where somebody has just registered, and what
// was sought a moment ago, where it would go: what waits for a member waits on when
// somebody else claims its address.
func (t *Transport) catchUp(fresh []netip.AddrPort) {
	t.mu.Lock()
	fresh = slices.DeleteFunc(fresh, func(a netip.AddrPort) bool { return !t.leads(a) })
	sought := t.freshSought()
	t.mu.Unlock()
	for _, addr := range fresh {
		t.direct.TakeWaiting(addr, func(frame []byte) { t.carryNow(frame, addr) })
	}
	if sought == nil {
		return
	}
	for _, addr := range fresh {
		t.carryNow(sought, addr)
	}
}

// tellFound tells who is registered, at any router.
func (t *Transport) tellFound() {
	t.telling.Lock()
	defer t.telling.Unlock()
	t.mu.Lock()
	var addrs []netip.AddrPort
	var trouble []string
	for _, l := range t.lines {
		if l.up == nil {
			trouble = append(trouble, l.place.String()+": "+l.trouble)
			continue
		}
		for a := range l.up.at {
			addrs = append(addrs, a)
		}
	}
	closed := t.closed
	t.mu.Unlock()
	if closed {
		return
	}
	slices.SortFunc(addrs, netip.AddrPort.Compare)
	t.found(slices.Compact(addrs), strings.Join(trouble, "; "))
}
