package admin

import (
	"context"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// peer is the process at the other end of a unix socket, as the kernel saw it when it
// connected.
type peer struct {
	uid, pid int
	err      error // why that is not known
}

// mayEnter: the user of the daemon and root, nobody else.
func (p peer) mayEnter(euid int) bool { return p.err == nil && (p.uid == 0 || p.uid == euid) }

// String is for the audit.
func (p peer) String() string {
	if p.err != nil {
		return "a process of an unknown user"
	}
	return fmt.Sprintf("uid %d (pid %d)", p.uid, p.pid)
}

func (p peer) cure(euid int) string {
	if p.err != nil {
		return "its user cannot be told: " + p.err.Error()
	}
	return fmt.Sprintf("become uid %d, who runs gmsd, or root", euid)
}

// peerAddr carries the peer as the address of its connection, which has none: so it
// comes through whatever wraps the connection.
type peerAddr struct{ peer }

func (peerAddr) Network() string { return "unix" }

// peerListener asks of each connection who it is.
type peerListener struct{ net.Listener }

func (l peerListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return peerConn{conn, peerAddr{peerAt(conn)}}, nil
}

type peerConn struct {
	net.Conn
	peer peerAddr
}

func (c peerConn) RemoteAddr() net.Addr { return c.peer }

func peerAt(conn net.Conn) peer {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return peer{err: fmt.Errorf("a %T is no unix socket", conn)}
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return peer{err: err}
	}
	var cred *unix.Ucred
	failed := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if failed != nil {
		err = failed
	}
	if err != nil {
		return peer{err: err}
	}
	return peer{uid: int(cred.Uid), pid: int(cred.Pid)}
}

type peerKey struct{}

// withPeer is the ConnContext of the socket's server.
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, conn.RemoteAddr())
}

// peerOf gives whose connection a request came by.
func peerOf(ctx context.Context) peer {
	if a, ok := ctx.Value(peerKey{}).(peerAddr); ok {
		return a.peer
	}
	return peer{err: fmt.Errorf("the connection does not say")}
}
