package tcp

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/greeting"
	"github.com/gmsd/gmsd/transport/internal/stream"
)

// acceptPause is the wait after a failed accept.
const acceptPause = 100 * time.Millisecond

var (
	errFull      = errors.New("tcp: as many connections as are allowed")
	errOurselves = errors.New("tcp: ourselves")
)

func (t *Transport) accept() {
	for {
		conn, err := t.listener.Accept()
		switch {
		case err == nil:
			t.admit(conn.(*net.TCPConn))
		case t.ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return
		default:
			if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
				t.tell("cannot accept a peer", err)
			} else {
				t.log.Warn("cannot accept a peer", "err", err)
			}
			greeting.Sleep(t.ctx, acceptPause)
		}
	}
}

// admit lets a stranger in, in another's place where there are too many.
func (t *Transport) admit(conn *net.TCPConn) {
	in, crowded := t.strangers.Enter(conn)
	if crowded {
		t.tally.Drop(transport.DropConnections, 1)
	}
	if !in {
		_ = conn.Close()
		return
	}
	t.wg.Go(func() { t.answer(conn) })
}

// answer greets one who dialled us and makes a link of the connection.
func (t *Transport) answer(conn *net.TCPConn) {
	var who greeting.Peer
	_ = conn.SetDeadline(time.Now().Add(t.times.greet))
	_, err := t.greeter.Answer(conn, func(p greeting.Peer) error {
		who = p
		return t.keep(p)
	})
	switch {
	case err == nil && who.Examines():
		greeting.Attend(conn)
		err = io.EOF
	case err == nil:
		err = awaitKeep(conn)
	}
	t.strangers.Leave(conn)
	var l *link
	if err == nil && who.Same(t.self) {
		err = errOurselves
	}
	if err == nil {
		_ = conn.SetDeadline(time.Time{})
		l, err = t.newLink(conn, who, false, false)
	}
	if err != nil || !t.attach(l, nil) {
		_ = conn.Close()
	}
	if err != nil {
		t.countGreeting(err)
	}
}

// awaitKeep waits until the dialler has read our answer. One who gave up before would
// end a connection that we count on, and look as if its process had ended.
func awaitKeep(conn *net.TCPConn) error {
	var b [stream.HeadSize]byte
	_, err := io.ReadFull(conn, b[:])
	if err == nil && b != stream.Head(kindKeep, 0) {
		err = stream.ErrGarbage
	}
	return err
}

// keep judges one who dialled us, before the answer.
func (t *Transport) keep(p greeting.Peer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case p.Examines():
		return nil // a stranger it stays
	case p.Same(t.self):
		return nil // so that we learn by the answer that this is our address
	case !p.Addr.IsValid() || p.Addr.Port() == 0:
		return greeting.ErrGarbage
	case t.closed || len(t.links) >= linksMax:
		return errFull
	}
	return nil
}

// countGreeting counts what was no greeting of our group. A connection that ended
// before a byte came is no offence.
func (t *Transport) countGreeting(err error) {
	switch {
	case errors.Is(err, greeting.ErrOtherGroup):
		t.tally.Drop(transport.DropGreetingGroup, 1)
	case errors.Is(err, errFull):
		t.tally.Drop(transport.DropConnections, 1)
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, errOurselves):
	default:
		t.tally.Drop(transport.DropGreeting, 1)
	}
}
