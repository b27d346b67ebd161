package tether

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/greeting"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

const patience = 20 * time.Second

func process(n byte, incarnation views.Incarnation) views.Process {
	return views.Process{Host: views.HostID{n}, Incarnation: incarnation}
}

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func open(t *testing.T, self views.Process) (*Tethers, netip.AddrPort, *transport.Tally) {
	t.Helper()
	l, tally := listen(t, "127.0.0.1:0"), new(transport.Tally)
	tt := New(Config{Listener: l, GroupHash: 7, Self: self, Nonce: 70, Tally: tally})
	t.Cleanup(func() { _ = tt.Close() })
	return tt, netip.MustParseAddrPort(l.Addr().String()), tally
}

func await(t *testing.T, tt *Tethers, want ...message.Evidence) {
	t.Helper()
	for _, w := range want {
		select {
		case e := <-tt.Evidence():
			if e.Found != w {
				t.Fatalf("found %v, want %v", e.Found, w)
			}
		case <-time.After(patience):
			t.Fatalf("nothing was found, want %v", w)
		}
	}
}

// peer is a hand-driven process at an address.
type peer struct {
	*testing.T
	l net.Listener
}

func (p peer) target(who views.Process) []transport.Target {
	return []transport.Target{{Process: who, Addr: netip.MustParseAddrPort(p.l.Addr().String())}}
}

// accept takes the next dial and reads its greeting.
func (p peer) accept() net.Conn {
	p.Helper()
	conn, err := p.l.Accept()
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { _ = conn.Close() })
	if _, err := io.ReadFull(conn, make([]byte, greeting.Size)); err != nil {
		p.Fatalf("greeting: %v", err)
	}
	return conn
}

// greet takes the next dial and answers as a process.
func (p peer) greet(who views.Process, nonce uint64) net.Conn {
	p.Helper()
	conn := p.accept()
	if _, err := conn.Write(greets(7, who, nonce)); err != nil {
		p.Fatal(err)
	}
	return conn
}

// greets is a greeting on the wire.
func greets(group uint64, who views.Process, nonce uint64) []byte {
	return greeting.Plain{Use: greeting.Tether, Group: group, Self: greeting.Peer{Process: who, Nonce: nonce}}.Append(nil)
}

// watched is a peer that has answered as process(2, 1) with nonce 5.
type watched struct {
	peer
	by    *Tethers
	tally *transport.Tally
	conn  net.Conn
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{peer: peer{t, listen(t, "127.0.0.1:0")}}
	w.by, _, w.tally = open(t, process(1, 1))
	w.by.Watch(w.target(process(2, 1)))
	w.conn = w.greet(process(2, 1), 5)
	w.await(message.EvidenceNone)
	return w
}

func (w *watched) await(want ...message.Evidence) {
	w.Helper()
	await(w.T, w.by, want...)
}

// hangUp ends the tether, and wants that to be found.
func (w *watched) hangUp() {
	w.Helper()
	_ = w.conn.Close()
	w.await(message.EvidenceClosed)
}

func TestClosedThenAliveAgain(t *testing.T) {
	w := newWatched(t)
	w.hangUp()
	w.greet(process(2, 1), 5)
	w.await(message.EvidenceNone)
}

func TestResetIsClosed(t *testing.T) {
	w := newWatched(t)
	_ = w.conn.(*net.TCPConn).SetLinger(0)
	w.hangUp()
}

func TestOtherNonceIsReplaced(t *testing.T) {
	w := newWatched(t)
	w.hangUp()
	w.greet(process(2, 1), 6)
	w.await(message.EvidenceReplaced)
}

// A port that refuses before it ever greeted us may be a firewall's doing. It
// is found to be nothing; the next finding is that it answers at last.
func TestRefusedBeforeReachedIsNothing(t *testing.T) {
	a, _, _ := open(t, process(1, 1))
	l := listen(t, "127.0.0.1:0")
	addr := l.Addr().String()
	_ = l.Close()
	who := process(2, 1)
	a.Watch([]transport.Target{{Process: who, Addr: netip.MustParseAddrPort(addr)}})
	a.mu.Lock()
	w := a.watches[transport.Target{Process: who, Addr: netip.MustParseAddrPort(addr)}]
	a.mu.Unlock()
	for { // until it was refused
		conn, _, met := a.dial(t.Context(), w)
		if met == greeting.Refuses {
			break
		}
		if conn != nil {
			t.Fatal("somebody answers")
		}
	}
	p := peer{t, listen(t, addr)}
	p.greet(who, 5)
	await(t, a, message.EvidenceNone)
}

// An end before the greeting says nothing: a full or a starting peer closes so.
func TestEndBeforeGreetingIsNothing(t *testing.T) {
	w := newWatched(t)
	w.hangUp()
	_ = w.accept().Close()
	w.greet(process(2, 1), 5)
	w.await(message.EvidenceNone)
}

func TestTalkingOnATetherIsNoEvidence(t *testing.T) {
	w := newWatched(t)
	_, _ = w.conn.Write([]byte("hello"))
	// It is given up and dialled again, and the process still answers: no news.
	w.conn = w.greet(process(2, 1), 5)
	if got := w.tally.Stats().Dropped[transport.DropTetherHello]; got != 1 {
		t.Errorf("counted %d, want 1", got)
	}
	w.hangUp()
}

// dialIn greets as given and says whether the other end greeted back.
func dialIn(t *testing.T, to netip.AddrPort, b []byte) (net.Conn, error) {
	t.Helper()
	conn, err := net.Dial("tcp4", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	_, err = io.ReadFull(conn, make([]byte, greeting.Size))
	return conn, err
}

func TestGarbageAndOtherGroupsAreToldNothing(t *testing.T) {
	_, at, tally := open(t, process(1, 1))
	if _, err := dialIn(t, at, greets(8, process(2, 1), 1)); err == nil {
		t.Error("another group was greeted")
	}
	if _, err := dialIn(t, at, make([]byte, greeting.Size)); err == nil {
		t.Error("garbage was greeted")
	}
	s := tally.Stats()
	if s.Dropped[transport.DropTetherGroup] != 1 || s.Dropped[transport.DropTetherHello] != 1 {
		t.Errorf("counted %v", s.Dropped)
	}
}

// Callers that say nothing keep each other out, and nobody who greets from elsewhere.
func TestStrangersAreBounded(t *testing.T) {
	a, at, tally := open(t, process(1, 1))
	var held []net.Conn
	for range strangersMax + 1 {
		conn, err := net.Dial("tcp4", at.String())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	// The first gives up its place, long before it is late.
	_ = held[0].SetReadDeadline(time.Now().Add(greeting.Timeout / 2))
	if _, err := held[0].Read(make([]byte, 1)); err != io.EOF && !isReset(err) {
		t.Errorf("one stranger too many: %v, want the first one closed at once", err)
	}
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
	member, err := from.Dial("tcp4", at.String())
	if err != nil {
		t.Fatal(err)
	}
	held = append(held, member)
	for range 2 * strangersMax { // more of them, while it is about to greet
		conn, err := net.Dial("tcp4", at.String())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	_ = member.SetDeadline(time.Now().Add(greeting.Timeout))
	if _, err := member.Write(greets(7, process(2, 1), 5)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(member, make([]byte, greeting.Size)); err != nil {
		t.Errorf("who greets from another address is kept out: %v", err)
	}
	for _, c := range held {
		_ = c.Close()
	}
	_ = a.Close()
	if n := tally.Stats().Dropped[transport.DropTetherFull]; n == 0 {
		t.Error("who lost its place is not counted")
	}
}

func isReset(err error) bool {
	_, isNet := err.(net.Error)
	return isNet && !err.(net.Error).Timeout()
}

// A process that lost its power leaves a connection behind; its next ones take
// its place and the others of the host stay within their bound.
func TestConnectionsOfAHostAreBounded(t *testing.T) {
	a, at, _ := open(t, process(1, 1))
	var conns []net.Conn
	for i := range 5 {
		conn, err := dialIn(t, at, greets(7, process(2, views.Incarnation(i+1)), 1))
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	for _, c := range conns[:3] {
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("an old connection: %v, want its end", err)
		}
	}
	a.host.mu.Lock()
	defer a.host.mu.Unlock()
	if a.host.count != perHostMax || len(a.host.connections[process(2, 1).Host]) != perHostMax {
		t.Errorf("%d connections are kept, want %d", a.host.count, perHostMax)
	}
}

func TestUnwatchedIsNotReported(t *testing.T) {
	w, q := newWatched(t), peer{t, listen(t, "127.0.0.1:0")}
	w.by.Watch(q.target(process(3, 1)))
	if _, err := w.conn.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("the tether to an unwatched process: %v, want its end", err)
	}
	q.greet(process(3, 1), 5)
	select {
	case e := <-w.by.Evidence():
		if e.Process != process(3, 1) {
			t.Errorf("found %v of %v", e.Found, e.Process)
		}
	case <-time.After(patience):
		t.Fatal("nothing was found")
	}
}
