package admin

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/net/netutil"
	"golang.org/x/sys/unix"
)

const (
	// tcpConnsMax and socketConnsMax bound the open connections. The socket has
	// an allowance of its own, and TCP less than gms.ListenersMax, so that
	// whoever floods the TCP port locks no operator out.
	tcpConnsMax    = 48
	socketConnsMax = 64
	// socketPathMax is what a sockaddr_un holds, less its final zero.
	socketPathMax = 107
	// staleDialTimeout is how long we wait to learn whether a socket is alive.
	staleDialTimeout = 2 * time.Second
)

// BindError says which listener could not be had, why, and what to do.
type BindError struct {
	// Key is the setting: "admin", "admin-tls" or "admin-socket".
	Key, Value string
	Err        error
	Cure       string
}

func (e *BindError) Error() string {
	return fmt.Sprintf("%s = %q: %v; %s", e.Key, e.Value, e.Err, e.Cure)
}

func (e *BindError) Unwrap() error { return e.Err }

// ListenTCP binds a read-only HTTP server of another kind: connections are bounded, its
// error is a *BindError.
func ListenTCP(addr string) (net.Listener, error) {
	l, err := listenTCP("admin", addr)
	if err != nil {
		return nil, err
	}
	return netutil.LimitListener(l, tcpConnsMax), nil
}

// listenTCP binds for the setting key.
func listenTCP(key, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err == nil {
		return l, nil
	}
	cure := `give host:port, or "none" for no listener`
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		cure = "another process has this port: choose another with --" + key
	case errors.Is(err, unix.EADDRNOTAVAIL):
		cure = "that address is not one of this machine's"
	case errors.Is(err, unix.EACCES):
		cure = "ports below 1024 need privileges: choose a higher one"
	}
	return nil, &BindError{Key: key, Value: addr, Err: innermost(err), Cure: cure}
}

// Check says why [Listen] would refuse cfg, all of it at once, as *[BindError]s joined. It
// leaves nothing behind; that a socket's directory cannot be written only Listen says.
func Check(cfg Config) error {
	s := &Server{cfg: cfg}
	defer s.free()
	err := s.bindTCP()
	if cfg.Socket != "" {
		_, taken := lookAt(cfg.Socket)
		err = errors.Join(err, taken)
	}
	return err
}

// listenUnix binds path with mode 0600. A socket file that nobody listens on
// is what a killed daemon leaves, and is removed; anything else is in our way
// and stays.
func listenUnix(path string) (net.Listener, error) {
	stale, err := lookAt(path)
	if err != nil {
		return nil, err
	}
	if stale {
		if err := os.Remove(path); err != nil {
			return nil, badSocket(path, innermost(err), cureTaken)
		}
	}
	// The file must never exist with a wider mode, not even for a moment.
	old := syscall.Umask(0o177)
	l, err := net.Listen("unix", path)
	syscall.Umask(old)
	if err != nil {
		return nil, badSocket(path, innermost(err), "its directory must exist and be writable for us")
	}
	return netutil.LimitListener(peerListener{l}, socketConnsMax), nil
}

func badSocket(path string, err error, cure string) error {
	return &BindError{Key: "admin-socket", Value: path, Err: err, Cure: cure}
}

const cureTaken = "stop the other gmsd, or choose another --data-dir or --admin-socket"

// Errors of a socket path that is taken.
var (
	errSocketAlive = errors.New("another process listens there")
	errNotSocket   = errors.New("a file that is no socket is there")
)

// lookAt says why no socket can be at path. Stale: one is there that nobody listens on.
func lookAt(path string) (stale bool, err error) {
	if len(path) > socketPathMax {
		return false, badSocket(path, fmt.Errorf("path has %d bytes", len(path)),
			fmt.Sprintf("a socket's path may have %d: choose a shorter --admin-socket", socketPathMax))
	}
	info, err := os.Lstat(path)
	if err != nil {
		return false, nil //nolint:nilerr // what is not there is in nobody's way, and what cannot be seen cannot be bound
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return false, badSocket(path, errNotSocket, cureTaken)
	}
	conn, err := net.DialTimeout("unix", path, staleDialTimeout)
	switch {
	case err == nil:
		_ = conn.Close()
		return false, badSocket(path, errSocketAlive, cureTaken)
	case !errors.Is(err, unix.ECONNREFUSED):
		return false, badSocket(path, fmt.Errorf("cannot tell whether anybody listens there: %w", innermost(err)), cureTaken)
	}
	return true, nil
}

// innermost peels the layers that repeat the operation and the address.
func innermost(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
