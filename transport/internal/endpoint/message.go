package endpoint

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// message is the kernel's struct mmsghdr: one datagram of a system call that
// moves many. Package ipv4 has the like, but takes and gives addresses that
// cost memory, one a datagram.
type message struct {
	unix.Msghdr
	bytes uint32 // moved, as the kernel says
}

// sendMessages sends ms without waiting and says how many went. An error is of
// the first: the kernel tells of a later one when that comes first.
func sendMessages(fd int, ms []message) (int, error) {
	return moveMessages(unix.SYS_SENDMMSG, fd, ms)
}

// receiveMessages receives up to len(ms) datagrams without waiting.
func receiveMessages(fd int, ms []message) (int, error) {
	return moveMessages(unix.SYS_RECVMMSG, fd, ms)
}

// moveMessages makes the call without telling the runtime, which would wake a thread to
// watch over it; it does not wait.
func moveMessages(call uintptr, fd int, ms []message) (int, error) {
	for {
		n, _, errno := unix.RawSyscall6(call, uintptr(fd), uintptr(unsafe.Pointer(&ms[0])), uintptr(len(ms)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// setName makes a an address to write to, or where the kernel is to write one.
func (m *message) setName(a *unix.RawSockaddrInet4) {
	m.Name, m.Namelen = (*byte)(unsafe.Pointer(a)), unix.SizeofSockaddrInet4
}

// setFrames makes m of the frames in iov, at least one.
func (m *message) setFrames(iov []unix.Iovec) {
	m.Iov = &iov[0]
	m.SetIovlen(len(iov))
}

// setControl gives m a control message, or room for one.
func (m *message) setControl(c *segmentNote, size int) {
	m.Control = (*byte)(unsafe.Pointer(c))
	m.SetControllen(size)
}

// setFrame points at a frame's bytes.
func setFrame(v *unix.Iovec, frame []byte) {
	v.Base = unsafe.SliceData(frame)
	v.SetLen(len(frame))
}

// segmentNote is the one control message of a datagram that stands for many:
// how long each of them is. We say it in 16 bits, the kernel in 32.
type segmentNote struct {
	header unix.Cmsghdr
	size   [4]byte
	_      [4]byte // up to what unix.CmsgSpace says
}

const (
	sizeGiven = 2
	sizeTold  = 4
)

// give writes the note for the kernel.
func (s *segmentNote) give(size int) {
	s.header.Level, s.header.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	s.header.SetLen(unix.CmsgLen(sizeGiven))
	*(*uint16)(unsafe.Pointer(&s.size)) = uint16(size)
}

// told reads what the kernel wrote, of n bytes; 0 means nothing.
func (s *segmentNote) told(n int) int {
	if n < unix.CmsgLen(sizeTold) || s.header.Level != unix.SOL_UDP || s.header.Type != unix.UDP_GRO {
		return 0
	}
	return int(max(0, *(*int32)(unsafe.Pointer(&s.size))))
}

// rawAddress writes an IPv4 address as the kernel wants it, readAddress reads it.
func rawAddress(a netip.AddrPort) unix.RawSockaddrInet4 {
	port := a.Port()
	raw := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: a.Addr().As4()}
	*(*[2]byte)(unsafe.Pointer(&raw.Port)) = [2]byte{byte(port >> 8), byte(port)}
	return raw
}

func readAddress(raw *unix.RawSockaddrInet4) netip.AddrPort {
	port := *(*[2]byte)(unsafe.Pointer(&raw.Port))
	return netip.AddrPortFrom(netip.AddrFrom4(raw.Addr), uint16(port[0])<<8|uint16(port[1]))
}
