package straight

import (
	"io"
	"net"
	"os"
	"syscall"
)

// Reader reads from one connection. Not safe for concurrent use.
type Reader struct {
	conn  net.Conn
	raw   syscall.RawConn
	try   func(fd uintptr) bool
	b     []byte
	n     int
	errno syscall.Errno
}

// NewReader makes one of any connection; duty 3 holds for those of the kernel alone,
// others are read as they are.
func NewReader(c net.Conn) *Reader {
	r := &Reader{conn: c, raw: rawOf(c)}
	r.try = func(fd uintptr) bool {
		r.n, r.errno = call(syscall.SYS_READ, fd, r.b)
		return r.errno != syscall.EAGAIN
	}
	return r
}

// Read waits until something comes, as [net.Conn] says.
func (r *Reader) Read(b []byte) (int, error) {
	if r.raw == nil || len(b) == 0 {
		return r.conn.Read(b)
	}
	r.b = b
	err := r.raw.Read(r.try)
	r.b = nil
	switch {
	case err != nil:
		return 0, err
	case r.errno != 0:
		return 0, os.NewSyscallError("read", r.errno)
	case r.n == 0:
		return 0, io.EOF
	}
	return r.n, nil
}
