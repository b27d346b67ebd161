package trywrite

import (
	"net"
	"syscall"
	"time"
)

// quietFor is how long nothing may have been written for Due: what comes closer
// together is better written together.
const quietFor = 100 * time.Microsecond

// Conn writes to one connection. Not safe for concurrent use.
type Conn struct {
	raw   syscall.RawConn
	try   func(fd uintptr) bool
	b     []byte
	n     int
	wrote time.Time
}

// New gives nil where c is no connection of the kernel alone: one that is wrapped may
// do something of its own with what is written.
func New(c net.Conn) *Conn {
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
	t := &Conn{raw: raw}
	t.try = func(fd uintptr) bool {
		t.n, _ = syscall.Write(int(fd), t.b) // duty 2
		return true
	}
	return t
}

// Due reports whether nothing was written for a while, by whatever way; false on nil.
func (t *Conn) Due() bool { return t != nil && time.Since(t.wrote) >= quietFor }

// Wrote notes a write by another way.
func (t *Conn) Wrote() {
	if t != nil {
		t.wrote = time.Now()
	}
}

// Write gives how much of b the kernel took.
func (t *Conn) Write(b []byte) int {
	t.b, t.n = b, 0
	_ = t.raw.Write(t.try) // as above
	t.b = nil
	t.Wrote()
	return max(0, t.n)
}
