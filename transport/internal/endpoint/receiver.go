package endpoint

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/transport"
)

// batchMax bounds the frames of one system call.
const batchMax = 64

// receiver waits for any of a few sockets and reads them in batches. One
// goroutine receives; any may close.
type receiver struct {
	tally   *transport.Tally
	set     *os.File // the epoll set
	raw     syscall.RawConn
	closed  atomic.Bool
	sources []source

	// The receiving goroutine's own: which sources may have something to read,
	// by bit; where the next round starts; scratch.
	ready  uint32
	first  int
	events [sourcesMax]unix.EpollEvent
	scan   func(fd uintptr) bool
	fault  error
	grams  *datagrams
	asked  []message
	got    int
	err    error
	take   func(fd uintptr)
}

// sourcesMax bounds the sources of one receiver.
const sourcesMax = 8

// source is something that becomes readable: a socket with frames, or, where
// handle is set, something else that handle drains.
type source struct {
	raw  syscall.RawConn
	kind transport.Kind
	// own is the address whose frames are our own, heard again by multicast
	// loopback where the kernel does not filter them; the zero AddrPort on
	// unicast sockets.
	own    netip.AddrPort
	handle func()
}

func newReceiver(tally *transport.Tally) (*receiver, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot wait for sockets: %w", os.NewSyscallError("epoll_create1", err))
	}
	// Without this the runtime would take the file for one that always blocks.
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	r := &receiver{tally: tally, grams: new(datagrams), set: os.NewFile(uintptr(fd), "epoll")}
	if r.raw, err = r.set.SyscallConn(); err != nil {
		_ = r.set.Close()
		return nil, err
	}
	r.scan, r.take = r.scanReady, r.takeNow
	return r, nil
}

// add takes a source in; not while receiving.
func (r *receiver) add(c syscall.Conn, s source) error {
	if len(r.sources) == sourcesMax {
		return errors.New("endpoint: too many sockets")
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(len(r.sources))}
	err = control(raw, func(fd int) error {
		return control(r.raw, func(set int) error {
			return os.NewSyscallError("epoll_ctl", unix.EpollCtl(set, unix.EPOLL_CTL_ADD, fd, &event))
		})
	})
	if err == nil {
		s.raw = raw
		r.sources = append(r.sources, s)
	}
	return err
}

// control runs f with the descriptor of c held open.
func control(c syscall.RawConn, f func(fd int) error) error {
	var inner error
	outer := c.Control(func(fd uintptr) { inner = f(int(fd)) })
	return errors.Join(outer, inner)
}

// receive fills batch as [transport.Transport.Receive] says.
func (r *receiver) receive(batch []transport.Inbound) (int, error) {
	if len(batch) == 0 {
		return 0, nil
	}
	for {
		if r.ready == 0 {
			if err := r.wait(); err != nil {
				return 0, err
			}
		}
		n, err := r.round(batch)
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// round reads every ready source once, each time starting with another, so
// that a busy one starves nobody.
func (r *receiver) round(batch []transport.Inbound) (int, error) {
	n := 0
	r.first++
	for i := range r.sources {
		at := (r.first + i) % len(r.sources)
		if r.ready&(1<<at) == 0 || n == len(batch) {
			continue
		}
		if r.sources[at].handle != nil {
			r.ready &^= 1 << at
			r.sources[at].handle()
			continue
		}
		got, err := r.read(at, batch[n:])
		if err != nil {
			return 0, err
		}
		n += got
	}
	return n, nil
}

// wait blocks until a source is readable.
func (r *receiver) wait() error {
	r.fault = nil
	if err := r.raw.Read(r.scan); err != nil || r.closed.Load() {
		return transport.ErrClosed
	}
	return r.fault
}

// scanReady asks the set, without waiting, what is readable; false lets the
// runtime park the goroutine until the set itself is.
func (r *receiver) scanReady(fd uintptr) bool {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, fd, uintptr(unsafe.Pointer(&r.events[0])), uintptr(len(r.events)), 0, 0, 0)
	switch errno {
	case 0:
	case unix.EINTR:
		return r.scanReady(fd)
	default:
		r.fault = os.NewSyscallError("epoll_pwait", errno)
		return true
	}
	for _, e := range r.events[:n] {
		r.ready |= 1 << e.Fd
	}
	return n > 0
}

// read reads one socket without waiting.
func (r *receiver) read(at int, batch []transport.Inbound) (int, error) {
	s := &r.sources[at]
	r.asked, r.got, r.err = r.grams.prepare(batch), 0, nil
	err := s.raw.Control(r.take)
	if r.got < len(r.asked) || err != nil {
		r.ready &^= 1 << at // the set will say when there is more
	}
	if err != nil {
		return 0, transport.ErrClosed
	}
	if r.err != nil {
		return 0, nil // nothing there, or an error of the network that reading cleared
	}
	return r.collect(s, batch), nil
}

func (r *receiver) takeNow(fd uintptr) { r.got, r.err = receiveMessages(int(fd), r.asked) }

// collect keeps what is whole and not our own. A kept datagram behind a dropped
// one changes places with it: only the slices move.
func (r *receiver) collect(s *source, batch []transport.Inbound) int {
	kept, frames, bytes := 0, 0, 0
	for i := range r.got {
		from := r.grams.from(i)
		if r.asked[i].Flags&unix.MSG_TRUNC != 0 {
			r.tally.Drop(transport.DropTooLong, 1)
			continue
		}
		if s.own.IsValid() && from == s.own {
			continue
		}
		batch[kept].Buf, batch[i].Buf = batch[i].Buf, batch[kept].Buf
		in := &batch[kept]
		in.From, in.N, in.Segment = from, int(r.asked[i].bytes), r.grams.segment(i)
		in.Multicast = s.kind == transport.Multicast
		kept++
		bytes += in.N
		frames += in.Count()
	}
	if kept > 0 {
		r.tally.In(s.kind, frames, bytes)
	}
	return kept
}

// close wakes a receiver that waits.
func (r *receiver) close() {
	if !r.closed.Swap(true) {
		_ = r.set.Close()
	}
}
