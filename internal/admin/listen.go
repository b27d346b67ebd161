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

// listenUnix binds path with mode 0600. A socket file that nobody listens on
// is what a killed daemon leaves, and is removed; anything else is in our way
// and stays.
func listenUnix(path string) (net.Listener, error) {
	bad := func(err error, cure string) error {
		return &BindError{Key: "admin-socket", Value: path, Err: err, Cure: cure}
	}
	if len(path) > socketPathMax {
		return nil, bad(fmt.Errorf("path has %d bytes", len(path)),
			fmt.Sprintf("a socket's path may have %d: choose a shorter --admin-socket", socketPathMax))
	}
	if err := removeStale(path); err != nil {
		return nil, bad(err, "stop the other gmsd, or choose another --data-dir or --admin-socket")
	}
	// The file must never exist with a wider mode, not even for a moment.
	old := syscall.Umask(0o177)
	l, err := net.Listen("unix", path)
	syscall.Umask(old)
	if err != nil {
		return nil, bad(innermost(err), "its directory must exist and be writable for us")
	}
	return netutil.LimitListener(peerListener{l}, socketConnsMax), nil
}

// Errors of a socket path that is taken.
var (
	errSocketAlive = errors.New("another process listens there")
	errNotSocket   = errors.New("a file that is no socket is there")
)

func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return innermost(err)
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return errNotSocket
	}
	conn, err := net.DialTimeout("unix", path, staleDialTimeout)
	if err == nil {
		_ = conn.Close()
		return errSocketAlive
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("cannot tell whether anybody listens there: %w", innermost(err))
	}
	return os.Remove(path)
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
