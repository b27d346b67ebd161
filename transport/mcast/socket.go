package mcast

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/endpoint"
)

// listenGroup binds a socket to the group's own address. Package net would
// bind to all addresses instead, and then take unicast frames away from a
// daemon on the same port. The address may be shared: every daemon of this
// machine gets a copy.
func listenGroup(group netip.AddrPort) (*net.UDPConn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	// FilePacketConn takes a duplicate; this one goes.
	f := os.NewFile(uintptr(fd), "multicast "+group.String())
	defer func() { _ = f.Close() }()

	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return nil, os.NewSyscallError("setsockopt SO_REUSEADDR", err)
	}
	// Only what we joined ourselves, on the interface where we joined it.
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0); err != nil {
		return nil, os.NewSyscallError("setsockopt IP_MULTICAST_ALL", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(group.Port()), Addr: group.Addr().As4()}); err != nil {
		return nil, endpoint.ExplainBind("udp", group, err)
	}
	endpoint.EnlargeBuffers(fd)
	conn, err := net.FilePacketConn(f)
	if err != nil {
		return nil, fmt.Errorf("cannot listen to %v: %w", group, err)
	}
	return conn.(*net.UDPConn), nil
}

// probeRoute asks the kernel, without sending, whether it would send to the
// group by this interface.
func probeRoute(group netip.AddrPort, from netip.Addr, ifi *net.Interface) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer func() { _ = unix.Close(fd) }()
	err = unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(ifi.Index)})
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: from.As4()})
	}
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(group.Port()), Addr: group.Addr().As4()})
	}
	if err != nil {
		return noMulticast(group, ifi, err.Error())
	}
	return nil
}

// noMulticast is the error of an interface that does not carry the group.
func noMulticast(group netip.AddrPort, ifi *net.Interface, why string) error {
	return fmt.Errorf("%w for %v by interface %s (%s): run `ip link set %s up multicast on` and `ip route add %v/32 dev %s`, bind to another interface, or use transport udp",
		transport.ErrNoRoute, group.Addr(), ifi.Name, why, ifi.Name, group.Addr(), ifi.Name)
}
