package endpoint

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
)

// sender sends from the unicast port, never waiting for room. It reuses what a
// system call needs, so a send costs no memory.
type sender struct {
	packets *ipv4.PacketConn
	raw     syscall.RawConn
	tally   *transport.Tally
	// kernel is sendMessages; a test puts one in its place that refuses.
	kernel func(fd int, ms []message) (int, error)
	// looped counts the datagrams that went to the group, each of which the
	// kernel shows us again. It is never behind the truth.
	looped atomic.Int64

	mu sync.Mutex
	// One frame: what call reads and sets.
	call  func(fd uintptr) bool
	frame []byte
	to    unix.SockaddrInet4
	err   error

	batch batchSend
}

func newSender(conn *net.UDPConn, tally *transport.Tally) (*sender, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &sender{packets: ipv4.NewPacketConn(conn), raw: raw, tally: tally, kernel: sendMessages}
	s.call, s.batch.call = s.sendOnce, s.sendAllNow
	err = control(raw, func(fd int) error {
		s.batch.segments.on = canSegment(fd)
		return nil
	})
	return s, err
}

func (s *sender) sendOnce(fd uintptr) bool {
	for {
		s.err = unix.Sendto(int(fd), s.frame, unix.MSG_DONTWAIT, &s.to)
		if s.err != unix.EINTR {
			return true
		}
	}
}

// send sends frame to one address.
func (s *sender) send(frame []byte, to netip.AddrPort, kind transport.Kind) error {
	if err := checkFrame(frame, to); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frame, s.to = frame, unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	s.loops(kind, 1)
	err := s.raw.Write(s.call)
	s.frame = nil
	if err == nil {
		err = s.err
	}
	if err != nil {
		s.loops(kind, -1)
		s.tally.Drop(transport.DropSend, 1)
		return classifySend(err, to)
	}
	s.tally.Out(kind, 1, len(frame))
	return nil
}

func (s *sender) loops(kind transport.Kind, n int) {
	if kind == transport.Multicast {
		s.looped.Add(int64(n))
	}
}

// checkFrame refuses what UDP over IPv4 cannot carry.
func checkFrame(frame []byte, to netip.AddrPort) error {
	if len(frame) > views.DatagramMax {
		return transport.ErrTooLong
	}
	if !to.Addr().Unmap().Is4() || to.Port() == 0 {
		return noRoute(to)
	}
	return nil
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
