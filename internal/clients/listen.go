package clients

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// socketPathMax is what a sockaddr_un holds, less its final zero.
	socketPathMax = 107
	// staleDialTimeout is how long we wait to learn whether a socket is alive.
	staleDialTimeout = 2 * time.Second
)

// Errors of a socket path that is taken.
var (
	// ErrSocketAlive: another process listens there.
	ErrSocketAlive = errors.New("another process listens there")
	// ErrNotSocket: a file that is no socket is there.
	ErrNotSocket = errors.New("a file that is no socket is there")
)

// Check says why [Listen] would refuse an address, each by itself, so that all that are
// wrong can be told. It leaves nothing behind; that a socket's directory cannot be written
// only Listen says.
func (c *Config) Check(where string) error {
	if network, address, _ := SplitAddress(where); network == "unix" {
		_, err := lookAt(address)
		return err
	}
	l, err := c.listen(where)
	if err != nil {
		return err
	}
	return l.Close()
}

func (c *Config) listen(where string) (net.Listener, error) {
	network, address, err := SplitAddress(where)
	if err != nil {
		return nil, err
	}
	if network == "unix" {
		return listenUnix(address, c.SocketMode)
	}
	if !c.Remote {
		if err := checkLocal(address); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("clients: %w", err)
	}
	return l, nil
}

// umask is the process's: one at a time.
var umask sync.Mutex

// listenUnix binds a path. The file never exists with a wider mode, not even for
// a moment.
func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	stale, err := lookAt(path)
	if err == nil && stale {
		err = os.Remove(path)
	}
	if err != nil {
		return nil, err
	}
	umask.Lock()
	old := syscall.Umask(0o777 &^ int(mode.Perm()))
	l, err := net.Listen("unix", path)
	syscall.Umask(old)
	umask.Unlock()
	if err != nil {
		return nil, fmt.Errorf("clients: %w", err)
	}
	return l, nil
}

// lookAt says why no socket can be at path. Stale: one is there that nobody listens on,
// as a killed daemon leaves it.
func lookAt(path string) (stale bool, err error) {
	bad := func(err error) error { return fmt.Errorf("clients: socket %s: %w", path, err) }
	if len(path) > socketPathMax {
		return false, bad(fmt.Errorf("its path has %d bytes, and a socket's may have %d", len(path), socketPathMax))
	}
	info, err := os.Lstat(path)
	if err != nil {
		return false, nil //nolint:nilerr // what is not there is in nobody's way, and what cannot be seen cannot be bound
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return false, bad(ErrNotSocket)
	}
	conn, err := net.DialTimeout("unix", path, staleDialTimeout)
	switch {
	case err == nil:
		_ = conn.Close()
		return false, bad(ErrSocketAlive)
	case !errors.Is(err, syscall.ECONNREFUSED):
		return false, bad(fmt.Errorf("cannot tell whether anybody listens there: %w", err))
	}
	return true, nil
}
