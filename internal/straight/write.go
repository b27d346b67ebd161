package straight

import (
	"net"
	"syscall"
	"time"
	"unsafe"
)

// quietFor is how long nothing may have been written for Due: what comes closer
// together is better written together.
const quietFor = 100 * time.Microsecond

// Writer writes to one connection. Not safe for concurrent use.
type Writer struct {
	raw   syscall.RawConn
	try   func(fd uintptr) bool
	b     []byte
	n     int
	wrote time.Time
}

// NewWriter gives nil where c is no connection of the kernel alone, see [rawOf].
func NewWriter(c net.Conn) *Writer {
	raw := rawOf(c)
	if raw == nil {
		return nil
	}
	w := &Writer{raw: raw}
	w.try = func(fd uintptr) bool {
		w.n, _ = call(syscall.SYS_WRITE, fd, w.b) // duty 2
		return true
	}
	return w
}

// Due reports whether nothing was written for a while, by whatever way; false on nil.
func (w *Writer) Due() bool { return w != nil && time.Since(w.wrote) >= quietFor }

// Wrote notes a write by another way.
func (w *Writer) Wrote() {
	if w != nil {
		w.wrote = time.Now()
	}
}

// Write gives how much of b the kernel took.
func (w *Writer) Write(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	w.b, w.n = b, 0
	_ = w.raw.Write(w.try) // as above
	w.b = nil
	w.Wrote()
	return w.n
}

// rawOf gives nil where c is no connection of the kernel alone: one that is wrapped may
// do something of its own with what passes.
func rawOf(c net.Conn) syscall.RawConn {
	var s syscall.Conn
	switch c := c.(type) {
	case *net.UnixConn:
		s = c
	case *net.TCPConn:
		s = c
	default:
		return nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// call reads or writes some of b, not empty, on a descriptor that does not block.
func call(what, fd uintptr, b []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall(what, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}
