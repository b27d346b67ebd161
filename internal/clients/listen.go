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

// staleDialTimeout is how long we wait to learn whether a socket is alive.
const staleDialTimeout = 2 * time.Second

// Errors of a socket path that is taken.
var (
	// ErrSocketAlive: another process listens there.
	ErrSocketAlive = errors.New("another process listens there")
	// ErrNotSocket: a file that is no socket is there.
	ErrNotSocket = errors.New("a file that is no socket is there")
)

func (c *Config) listen(where string) (net.Listener, error) {
	network, address, err := splitAddress(where)
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
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("clients: socket %s: %w", path, err)
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

// removeStale removes the socket that a killed daemon leaves; all else stays.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return ErrNotSocket
	}
	conn, err := net.DialTimeout("unix", path, staleDialTimeout)
	if err == nil {
		_ = conn.Close()
		return ErrSocketAlive
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("cannot tell whether anybody listens there: %w", err)
	}
	return os.Remove(path)
}
