package tether

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/greeting"
	"github.com/gmsd/gmsd/views"
)

// acceptPause is the wait after a failed accept (too many open files).
const acceptPause = 100 * time.Millisecond

// guest is a greeted connection of another host to us.
type guest struct {
	who  greeting.Peer
	conn net.Conn
}

// inbound holds the greeted connections of others. We keep them open and silent; their
// end needs no report, since whoever we watch we dial ourselves.
type inbound struct {
	mu          sync.Mutex
	closed      bool
	connections map[views.HostID][]guest
	count       int
}

func (t *Tethers) accept() {
	for {
		conn, err := t.cfg.Listener.Accept()
		switch {
		case t.ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			if err == nil {
				_ = conn.Close()
			}
			return
		case err != nil:
			t.log.Warn("cannot accept a tether", "err", err)
			select {
			case <-time.After(acceptPause):
			case <-t.ctx.Done():
			}
		default:
			t.admit(conn)
		}
	}
}

// admit lets a stranger in, in another's place where there are too many.
func (t *Tethers) admit(conn net.Conn) {
	in, crowded := t.strangers.Enter(conn)
	if crowded {
		t.tally.Drop(transport.DropTetherFull, 1)
	}
	if !in {
		_ = conn.Close()
		return
	}
	t.wg.Go(func() { t.receive(conn) })
}

// errFull: there are as many tethers as are allowed.
var errFull = errors.New("tether: full")

// receive greets one who dialled us and then keeps the connection until it ends.
func (t *Tethers) receive(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	defer t.strangers.Leave(conn)
	_ = conn.SetDeadline(time.Now().Add(greeting.Timeout))
	var kept bool
	var who greeting.Peer
	// The answer goes out only when there is room: who reads it knows that the tether is kept.
	_, err := t.greeter.Answer(conn, func(p greeting.Peer) error {
		who = p
		if p.Examines() {
			return nil
		}
		t.strangers.Leave(conn)
		if kept = t.host.welcome(guest{who: p, conn: conn}); !kept {
			return errFull
		}
		return nil
	})
	switch {
	case errors.Is(err, errFull):
		t.tally.Drop(transport.DropTetherFull, 1)
	case err != nil && !kept:
		t.countBadGreeting(err)
	case err == nil && who.Examines():
		greeting.Attend(conn)
	case err == nil:
		_ = conn.SetDeadline(time.Time{})
		var b [1]byte
		if n, _ := conn.Read(b[:]); n > 0 { // nobody speaks on a tether
			t.tally.Drop(transport.DropTetherHello, 1)
		}
	}
	if kept {
		t.host.leave(who.Host, conn)
	}
}

// countBadGreeting counts what was no greeting of our group. A connection that
// ended before a byte came is no offence.
func (t *Tethers) countBadGreeting(err error) {
	switch {
	case errors.Is(err, greeting.ErrOtherGroup):
		t.tally.Drop(transport.DropTetherGroup, 1)
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
	default:
		t.tally.Drop(transport.DropTetherHello, 1)
	}
}

// welcome makes a guest of a stranger. An older connection of the same process,
// or the oldest of a host with too many, is closed for it.
func (in *inbound) welcome(g guest) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return false
	}
	held := in.connections[g.who.Host]
	if i := slices.IndexFunc(held, func(o guest) bool { return o.who.Same(g.who) }); i >= 0 {
		held = in.drop(held, i)
	} else if len(held) >= perHostMax {
		held = in.drop(held, 0)
	}
	if in.count >= inboundMax {
		in.keep(g.who.Host, held)
		return false
	}
	in.count++
	in.keep(g.who.Host, append(held, g))
	return true
}

// leave forgets a guest whose connection ended.
func (in *inbound) leave(host views.HostID, conn net.Conn) {
	in.mu.Lock()
	defer in.mu.Unlock()
	held := in.connections[host]
	if i := slices.IndexFunc(held, func(o guest) bool { return o.conn == conn }); i >= 0 {
		in.keep(host, in.drop(held, i))
	}
}

func (in *inbound) drop(held []guest, i int) []guest {
	_ = held[i].conn.Close()
	in.count--
	return slices.Delete(held, i, i+1)
}

func (in *inbound) keep(host views.HostID, held []guest) {
	if len(held) == 0 {
		delete(in.connections, host)
		return
	}
	in.connections[host] = held
}

// close ends all connections; further ones are refused.
func (in *inbound) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	for _, held := range in.connections {
		for _, g := range held {
			_ = g.conn.Close()
		}
	}
}
