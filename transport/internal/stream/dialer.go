package stream

import (
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Dialer makes plain TCP connections from source, or from wherever the kernel takes
// where that is no one address. Nothing keeps them alive: who uses one has deadlines.
func Dialer(source netip.Addr, timeout time.Duration) *net.Dialer {
	d := &net.Dialer{Timeout: timeout, KeepAlive: -1}
	d.SetMultipathTCP(false)
	if source.IsValid() && !source.IsUnspecified() {
		d.LocalAddr = &net.TCPAddr{IP: source.AsSlice()}
	}
	return d
}

// Control sets [Options] on a socket before it connects, for a dialler.
func Control(unacked time.Duration, segment int) func(string, string, syscall.RawConn) error {
	return func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { Options(int(fd), unacked, segment) })
	}
}
