package stream

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// gatherMax bounds the pieces of one write, gatherBytes its bytes: the runtime
	// is not told of the call, so it must be short.
	gatherMax   = 256
	gatherBytes = 512 << 10
)

// Gather is one system call that writes pieces with their heads. A goroutine that
// pushes has one; [Gather.Init] makes it ready.
type Gather struct {
	heads [gatherMax][HeadSize]byte
	parts [3 * gatherMax]unix.Iovec
	n     int // parts in use
	wrote int
	errno syscall.Errno
	call  func(fd uintptr) bool
	// over and fault are what look found.
	over  bool
	fault syscall.Errno
	look  func(fd uintptr)
}

// Init makes it ready.
func (g *Gather) Init() {
	g.call = func(fd uintptr) bool {
		g.wrote, g.errno = writev(fd, g.parts[:g.n])
		return true
	}
	g.look = func(fd uintptr) { g.over, g.fault = atEnd(fd) }
}

// ended reports whether the other end has closed and nothing else is to be read. What
// is written then is lost: better it waits for the next connection. The error is the
// connection's, which says it once: who reads would take it for an end.
func (g *Gather) ended(raw syscall.RawConn) (bool, error) {
	g.over, g.fault = false, 0
	_ = raw.Control(g.look) // one that we have closed finds itself out
	if g.fault != 0 {
		return false, g.fault
	}
	return g.over, nil
}

// fill takes the first pieces in and says how many.
func (g *Gather) fill(pieces []Piece) int {
	fit, bytes := 0, 0
	g.n = 0
	for i := range pieces[:min(len(pieces), gatherMax)] {
		p := &pieces[i]
		if fit > 0 && bytes+p.Len() > gatherBytes {
			break
		}
		g.heads[fit] = Head(p.Kind, p.Len())
		g.add(g.heads[fit][:])
		g.add(p.Prefix)
		g.add(p.Body)
		fit++
		bytes += p.Len()
	}
	return fit
}

func (g *Gather) add(b []byte) {
	if len(b) == 0 {
		return
	}
	g.parts[g.n].Base = &b[0]
	g.parts[g.n].SetLen(len(b))
	g.n++
}

// write gives how many bytes the kernel took. The error is the connection's: that it
// had no room is none.
func (g *Gather) write(raw syscall.RawConn) (int, error) {
	g.wrote, g.errno = 0, 0
	err := raw.Write(g.call)
	clear(g.parts[:g.n])
	if err == nil && g.errno != 0 && g.errno != unix.EAGAIN {
		err = g.errno
	}
	return g.wrote, err
}

// taken says which pieces went with n bytes: how many whole ones, and, of one that
// went in part, a copy of the rest with its head.
func (g *Gather) taken(pieces []Piece, n int) (whole int, torn []byte) {
	for i := range pieces {
		p := &pieces[i]
		size := HeadSize + p.Len()
		switch {
		case n >= size:
			n -= size
			whole++
		case n == 0:
			return whole, nil
		default:
			h := g.heads[i]
			return whole, append(append(append(make([]byte, 0, size), h[:]...), p.Prefix...), p.Body...)[n:]
		}
	}
	return whole, nil
}

// writev writes without waiting and without telling the runtime, which would wake a
// thread to watch over it.
func writev(fd uintptr, parts []unix.Iovec) (int, syscall.Errno) {
	return call(unix.SYS_WRITEV, fd, unsafe.Pointer(&parts[0]), len(parts))
}

// call makes a call again that a signal interrupted.
func call(what, fd uintptr, at unsafe.Pointer, count int) (int, syscall.Errno) {
	for {
		n, _, errno := unix.RawSyscall(what, fd, uintptr(at), uintptr(count))
		switch errno {
		case 0:
			return int(n), 0
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// tcpClose is the kernel's state of a connection that is over. One whose other end alone
// has closed is in another.
const tcpClose = 7

// isClosed reports whether a connection was reset, or given up by the kernel; not where we
// have closed it.
func isClosed(raw syscall.RawConn) (closed bool) {
	_ = raw.Control(func(fd uintptr) { // as ended
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		closed = err == nil && info.State == tcpClose
	})
	return closed
}

// atEnd looks at what a read would give. An error it takes away.
func atEnd(fd uintptr) (bool, syscall.Errno) {
	var b [1]byte
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&b[0])), 1, unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
	if errno == unix.EAGAIN || errno == unix.EINTR {
		errno = 0
	}
	return n == 0 && errno == 0, errno
}
