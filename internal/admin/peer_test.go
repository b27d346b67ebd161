package admin

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func matches(pattern, text string) bool { return regexp.MustCompile(pattern).MatchString(text) }

func TestWhoMayUseTheSocket(t *testing.T) {
	for _, c := range []struct {
		peer peer
		euid int
		want bool
	}{
		{peer{uid: 0}, 0, true},
		{peer{uid: 0}, 1000, true},
		{peer{uid: 1000}, 1000, true},
		{peer{uid: 1001}, 1000, false},
		{peer{uid: 1000}, 0, false},
		{peer{uid: 65534}, 0, false},
		{peer{err: errors.New("unknown")}, 0, false},
	} {
		if got := c.peer.mayEnter(c.euid); got != c.want {
			t.Errorf("%v of a daemon of uid %d: %v", c.peer, c.euid, got)
		}
	}
	if p := peerAt(&net.TCPConn{}); p.err == nil {
		t.Error("a TCP connection has a user")
	}
	if p := peerOf(t.Context()); p.mayEnter(os.Geteuid()) {
		t.Error("a request without a connection is let in")
	}
}

// Another user is refused, though the mode of the file would let him in: a real one
// where the test may become one, else us at the socket of another one's daemon.
func TestTheSocketAsksForTheUser(t *testing.T) {
	s := serveSealed(t, func(server *Server) {
		if server.euid != 0 {
			server.euid++
		}
	})
	for path, mode := range map[string]os.FileMode{s.server.cfg.Socket: 0o666, s.dir: 0o711, filepath.Dir(s.dir): 0o711} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	answer := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread goes with its user
		if os.Geteuid() == 0 {
			if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
				answer <- errno
				return
			}
		}
		conn, err := net.Dial("unix", s.server.cfg.Socket)
		if err != nil {
			answer <- err
			return
		}
		answer <- askRaw(conn)
	}()
	s.is(<-answer, CodeForbidden, "may not use this socket")
	if os.Geteuid() == 0 {
		s.do("GET", "/healthz", "")
		if got := strings.Join(s.log.audit(), "\n"); !matches(`who="uid 65534 \(pid [0-9]+\)" method=POST route=/v1/leave code=403`, got) {
			t.Errorf("the audit says %s", got)
		}
	}
	if len(s.group.calls) > 0 {
		t.Errorf("the group was asked to %v", s.group.calls)
	}
}

// askRaw asks to leave on a connection and gives the error that is the answer.
func askRaw(conn net.Conn) error {
	defer conn.Close()
	if _, err := conn.Write([]byte("POST /v1/leave HTTP/1.1\r\nHost: gmsd\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")); err != nil {
		return err
	}
	raw, err := io.ReadAll(conn)
	if err != nil {
		return err
	}
	_, body, _ := strings.Cut(string(raw), "\r\n\r\n")
	if e := errorLine([]byte(body)); e != nil {
		return e
	}
	return errors.New("no error: " + string(raw))
}
