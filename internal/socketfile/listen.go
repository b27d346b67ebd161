package socketfile

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
	// pathMax is what a sockaddr_un holds, less its final zero.
	pathMax = 107
	// staleDialTimeout is how long we wait to learn whether a socket is alive.
	staleDialTimeout = 2 * time.Second
)

// Why no socket can be at a path; none of them repeats the path.
var (
	ErrLong      = errors.New("the path is too long for a socket")
	ErrNotSocket = errors.New("a file that is no socket is there")
	ErrAlive     = errors.New("another process listens there")
	ErrUnsure    = errors.New("cannot tell whether anybody listens there")
)

// umask is the process's: one at a time.
var umask sync.Mutex

// Listen binds path, with that mode. Errors are those above, or the system's.
func Listen(path string, mode fs.FileMode) (net.Listener, error) {
	stale, err := lookAt(path)
	if err != nil {
		return nil, err
	}
	if stale {
		if err := os.Remove(path); err != nil {
			return nil, bare(err)
		}
	}
	umask.Lock()
	defer umask.Unlock()
	old := syscall.Umask(0o777 &^ int(mode.Perm()))
	defer syscall.Umask(old)
	l, err := net.Listen("unix", path)
	return l, bare(err)
}

// Check says why Listen would refuse path.
func Check(path string) error {
	_, err := lookAt(path)
	return err
}

// lookAt says why no socket can be at path. Stale: one is there that nobody listens on.
func lookAt(path string) (stale bool, err error) {
	if len(path) > pathMax {
		return false, fmt.Errorf("%w: %d bytes, and it may have %d", ErrLong, len(path), pathMax)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return false, nil //nolint:nilerr // what is not there is in nobody's way, and what cannot be seen cannot be bound
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return false, ErrNotSocket
	}
	conn, err := net.DialTimeout("unix", path, staleDialTimeout)
	switch {
	case err == nil:
		_ = conn.Close()
		return false, ErrAlive
	case !errors.Is(err, syscall.ECONNREFUSED):
		return false, fmt.Errorf("%w: %w", ErrUnsure, bare(err))
	}
	return true, nil
}

// bare is what the system said, without the operation and the path.
func bare(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
