package gms

import (
	"net"
	"net/netip"

	"github.com/gmsd/gmsd/failuredetect"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/transport"
)

const (
	// headersIPv4 are those of IP and UDP.
	headersIPv4 = 28
	// pathMost is how much of a large path is used: the loopback's datagrams are
	// dearer by the byte beyond.
	pathMost = 61_000
	// windowMost and windowLeast bound the default window, windowFloor any.
	windowMost, windowLeast, windowFloor = 2 << 20, 256 << 10, 64 << 10
)

// pathBytes is how long a frame may be without being taken apart where it
// leaves; 0: not known.
func (a *assembly) pathBytes() int {
	switch {
	case a.cfg.NewTransport != nil:
		return 0
	case a.overStreams():
		return pathMost
	}
	mtu := interfaceMTU(a.cfg.Bind.Addr())
	if mtu <= headersIPv4 {
		return 0
	}
	return min(mtu-headersIPv4, pathMost)
}

// overStreams: the kernel cuts what is sent for the path, and acknowledges it.
func (a *assembly) overStreams() bool {
	return a.cfg.NewTransport == nil && (a.cfg.Transport == TransportTCP || a.cfg.Transport == TransportRouter)
}

// detection is what the transport asks of the failure detector, the zero value for
// what is usual.
func (a *assembly) detection() (d failuredetect.Config) {
	if a.overStreams() {
		d.Beat = engine.BeatOverStreams
	}
	return d
}

// interfaceMTU is that of the interface which has the address; 0 where none has.
func interfaceMTU(addr netip.Addr) int {
	all, err := net.Interfaces()
	if err != nil {
		return 0
	}
	for _, ifi := range all {
		addrs, _ := ifi.Addrs() // what cannot be read has no address for us
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err == nil && (p.Addr() == addr || ifi.Flags&net.FlagLoopback != 0 && p.Contains(addr)) {
				return ifi.MTU
			}
		}
	}
	return 0
}

// window is how much may be under way in the group: a quarter of what the
// receive buffer holds, so that all of it fits there with the kernel's overhead.
func (a *assembly) window() int {
	if a.cfg.Window != 0 {
		return max(a.cfg.Window, windowFloor)
	}
	if b, ok := a.loop.tr.(transport.Buffered); ok && b.ReceiveBuffer() > 0 {
		return min(max(b.ReceiveBuffer()/4, windowLeast), windowMost)
	}
	return windowMost / 2
}
