package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// portTries bounds the search for a number that is free for UDP and TCP
	// when the configuration leaves the port to the kernel.
	portTries = 32
	// receiveBuffer is the socket buffer we ask for, in bytes: an install of a
	// large view makes every member answer at once, and a stream of messages
	// must find room while we are not scheduled.
	receiveBuffer = 8 << 20
	sendBuffer    = 1 << 20
)

// openPort binds UDP and TCP to one address and port number. Port 0 finds a free one.
func openPort(bind netip.AddrPort) (*net.UDPConn, net.Listener, error) {
	tries := 1
	if bind.Port() == 0 {
		tries = portTries
	}
	var err error
	for range tries {
		var conn *net.UDPConn
		if conn, err = listenUDP(bind); err != nil {
			return nil, nil, err
		}
		at := netip.AddrPortFrom(bind.Addr(), addrPort(conn.LocalAddr()).Port())
		var listener net.Listener
		if listener, err = ListenTCP(at); err == nil {
			enlargeBuffers(conn)
			return conn, listener, nil
		}
		_ = conn.Close()
		if !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return nil, nil, err
}

func listenUDP(at netip.AddrPort) (*net.UDPConn, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, ExplainBind("udp", at, err)
	}
	return conn, nil
}

// ListenTCP accepts connections: without keepalives, which would cost traffic on
// an idle link, and without multipath, which would delay the end of a connection.
func ListenTCP(at netip.AddrPort) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1}
	lc.SetMultipathTCP(false)
	l, err := lc.Listen(context.Background(), "tcp4", at.String())
	if err != nil {
		return nil, ExplainBind("tcp", at, err)
	}
	return l, nil
}

// enlargeBuffers asks for large buffers as far as we may: beyond the system's
// limit with the right to, up to it without.
func enlargeBuffers(conn *net.UDPConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { EnlargeBuffers(int(fd)) })
}

// EnlargeBuffers asks for large buffers of a UDP socket, best effort.
func EnlargeBuffers(fd int) {
	for _, b := range []struct{ force, plain, size int }{
		{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, receiveBuffer},
		{unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, sendBuffer},
	} {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, b.force, b.size) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, b.plain, b.size)
		}
	}
}

// addrPort reads an address of package net; the zero AddrPort for others.
func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.UDPAddr:
		return unmapped(a.AddrPort())
	case *net.TCPAddr:
		return unmapped(a.AddrPort())
	}
	return netip.AddrPort{}
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// CheckAddresses holds the addresses of a configuration against what a member
// port can be.
func CheckAddresses(bind, advertise netip.AddrPort) error {
	var faults []error
	if !bind.Addr().Is4() {
		faults = append(faults, fmt.Errorf("bind %v: want an IPv4 address and a port", bind))
	}
	if advertise.IsValid() && (!advertise.Addr().Is4() || advertise.Addr().IsUnspecified()) {
		faults = append(faults, fmt.Errorf("advertise %v: want an IPv4 address others can reach", advertise))
	}
	if bind.Addr().IsUnspecified() && !advertise.IsValid() {
		faults = append(faults, fmt.Errorf("bind %v: others cannot reach this address; bind to one of ours (%s), or set advertise",
			bind, OurAddresses()))
	}
	if bind.Addr().IsMulticast() {
		faults = append(faults, fmt.Errorf("bind %v: a multicast address; the group is set by mcast-group", bind))
	}
	return errors.Join(faults...)
}
