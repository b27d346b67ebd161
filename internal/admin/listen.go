package admin

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/net/netutil"
	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/internal/socketfile"
)

const (
	// tcpConnsMax and socketConnsMax bound the open connections. The socket has
	// an allowance of its own, and TCP less than gms.ListenersMax, so that
	// whoever floods the TCP port locks no operator out.
	tcpConnsMax    = 48
	socketConnsMax = 64
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
	if cfg.Socket == "" {
		return err
	}
	if refused := socketfile.Check(cfg.Socket); refused != nil {
		err = errors.Join(err, badSocket(cfg.Socket, refused))
	}
	return err
}

// listenUnix binds path for our user alone.
func listenUnix(path string) (net.Listener, error) {
	l, err := socketfile.Listen(path, 0o600)
	if err != nil {
		return nil, badSocket(path, err)
	}
	return netutil.LimitListener(peerListener{l}, socketConnsMax), nil
}

func badSocket(path string, err error) error {
	cure := "its directory must exist and be writable for us"
	switch {
	case errors.Is(err, socketfile.ErrLong):
		cure = "choose a shorter --admin-socket"
	case errors.Is(err, socketfile.ErrAlive), errors.Is(err, socketfile.ErrNotSocket), errors.Is(err, socketfile.ErrUnsure):
		cure = "stop the other gmsd, or choose another --data-dir or --admin-socket"
	}
	return &BindError{Key: "admin-socket", Value: path, Err: err, Cure: cure}
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
