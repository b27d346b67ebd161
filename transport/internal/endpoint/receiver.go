package endpoint

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/net/ipv4"
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
	ms     []ipv4.Message
}

// sourcesMax bounds the sources of one receiver.
const sourcesMax = 8

// source is something that becomes readable: a socket with frames, or, where
// handle is set, something else that handle drains.
type source struct {
	packets *ipv4.PacketConn
	kind    transport.Kind
	// own is the address whose frames are our own, heard again by multicast
	// loopback; the zero AddrPort on unicast sockets.
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
	r := &receiver{tally: tally, set: os.NewFile(uintptr(fd), "epoll")}
	if r.raw, err = r.set.SyscallConn(); err != nil {
		_ = r.set.Close()
		return nil, err
	}
	r.scan = r.scanReady
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
	n, err := unix.EpollWait(int(fd), r.events[:], 0)
	if err == unix.EINTR {
		return r.scanReady(fd)
	}
	if err != nil {
		r.fault = os.NewSyscallError("epoll_wait", err)
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
	ms := r.messages(batch)
	n, err := s.packets.ReadBatch(ms, unix.MSG_DONTWAIT)
	if n < len(ms) || err != nil {
		r.ready &^= 1 << at // the set will say when there is more
	}
	if err != nil {
		if r.closed.Load() || errors.Is(err, net.ErrClosed) {
			return 0, transport.ErrClosed
		}
		return 0, nil // nothing there, or an error of the network that reading cleared
	}
	return r.collect(s, ms[:n], batch), nil
}

// messages points the scratch at the caller's buffers.
func (r *receiver) messages(batch []transport.Inbound) []ipv4.Message {
	n := min(len(batch), batchMax)
	for len(r.ms) < n {
		r.ms = append(r.ms, ipv4.Message{Buffers: make([][]byte, 1)})
	}
	for i := range n {
		r.ms[i].Buffers[0] = batch[i].Buf
	}
	return r.ms[:n]
}

// collect keeps what is whole and not our own. A kept frame behind a dropped
// one changes places with it: only the slices move.
func (r *receiver) collect(s *source, ms []ipv4.Message, batch []transport.Inbound) int {
	kept, bytes := 0, 0
	for i := range ms {
		from := addrPort(ms[i].Addr)
		if ms[i].Flags&unix.MSG_TRUNC != 0 {
			r.tally.Drop(transport.DropTooLong, 1)
			continue
		}
		if s.own.IsValid() && from == s.own {
			continue
		}
		batch[kept].Buf, batch[i].Buf = batch[i].Buf, batch[kept].Buf
		batch[kept].From, batch[kept].N = from, ms[i].N
		bytes += ms[i].N
		kept++
	}
	if kept > 0 {
		r.tally.In(s.kind, kept, bytes)
	}
	return kept
}

// close wakes a receiver that waits.
func (r *receiver) close() {
	if !r.closed.Swap(true) {
		_ = r.set.Close()
	}
}
