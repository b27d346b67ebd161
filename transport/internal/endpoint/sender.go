package endpoint

import (
	"net"
	"net/netip"
	"sync"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
)

// sender sends from the unicast port, never waiting for room. It reuses what a
// system call needs, so a send costs no memory.
type sender struct {
	conn    *net.UDPConn
	packets *ipv4.PacketConn
	raw     syscall.RawConn
	tally   *transport.Tally

	mu sync.Mutex
	// One frame: what call reads and sets.
	call  func(fd uintptr) bool
	frame []byte
	to    unix.SockaddrInet4
	err   error
	// Many: one message an address, all with the same frame.
	ms    []ipv4.Message
	addrs []net.UDPAddr
	body  [1][]byte
}

func newSender(conn *net.UDPConn, tally *transport.Tally) (*sender, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &sender{conn: conn, packets: ipv4.NewPacketConn(conn), raw: raw, tally: tally}
	s.call = s.sendOnce
	return s, nil
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
	err := s.raw.Write(s.call)
	s.frame = nil
	if err == nil {
		err = s.err
	}
	if err != nil {
		s.tally.Drop(transport.DropSend, 1)
		return classifySend(err, to)
	}
	s.tally.Out(kind, 1, len(frame))
	return nil
}

// sendAll sends frame to every address, many a system call, and gives the
// first error it met.
func (s *sender) sendAll(frame []byte, to []netip.AddrPort) error {
	if len(to) == 1 {
		return s.send(frame, to[0], transport.Unicast)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var first error
	s.ms, s.addrs, s.body[0] = s.ms[:0], grown(s.addrs, len(to)), frame
	for i, a := range to {
		if err := checkFrame(frame, a); err != nil {
			first = firstOf(first, err)
			continue
		}
		ip := a.Addr().As4()
		s.addrs[i].IP, s.addrs[i].Port = append(s.addrs[i].IP[:0], ip[:]...), int(a.Port())
		s.ms = append(s.ms, ipv4.Message{Buffers: s.body[:], Addr: &s.addrs[i]})
	}
	first = firstOf(first, s.sendMessages(frame, s.ms))
	s.body[0] = nil
	return first
}

// sendMessages sends all of ms. The kernel stops at the first message it
// refuses: that one is left out, unless there is no room for any.
func (s *sender) sendMessages(frame []byte, ms []ipv4.Message) error {
	var first error
	for len(ms) > 0 {
		n, err := s.packets.WriteBatch(ms, unix.MSG_DONTWAIT)
		n = max(n, 0)
		s.tally.Out(transport.Unicast, n, n*len(frame))
		ms = ms[n:]
		if err == nil && n > 0 || len(ms) == 0 {
			continue
		}
		err = classifySend(err, addrPort(ms[0].Addr))
		first = firstOf(first, err)
		lost := 1
		if isFull(err) {
			lost = len(ms)
		}
		s.tally.Drop(transport.DropSend, lost)
		ms = ms[lost:]
	}
	return first
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

func grown(addrs []net.UDPAddr, n int) []net.UDPAddr {
	for len(addrs) < n {
		addrs = append(addrs, net.UDPAddr{})
	}
	return addrs
}
