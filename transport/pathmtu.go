package transport

import (
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// PathMTU is the size in bytes of the largest IP packet that reaches addr in
// one piece, as far as this machine's kernel knows. Nothing is sent. The error
// is the system's: there is no route.
func PathMTU(addr netip.AddrPort) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}); err != nil {
		return 0, os.NewSyscallError("connect", err)
	}
	mtu, err := unix.GetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU)
	return mtu, os.NewSyscallError("getsockopt IP_MTU", err)
}
