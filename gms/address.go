package gms

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// ownAddresses lists the IPv4 addresses of this machine in interface order.
func ownAddresses() ([]netip.Addr, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list the interfaces: %w", err)
	}
	var own []netip.Addr
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			return own, fmt.Errorf("list the addresses of %s: %w", i.Name, err)
		}
		for _, a := range addrs {
			prefix, err := netip.ParsePrefix(a.String())
			if err == nil && prefix.Addr().Unmap().Is4() {
				own = append(own, prefix.Addr().Unmap())
			}
		}
	}
	return own, nil
}

// firstAddress chooses what to bind where nothing was said: the first that is
// not loopback, else 127.0.0.1 and false.
func firstAddress(own []netip.Addr) (netip.Addr, bool) {
	for _, a := range own {
		if !a.IsLoopback() && !a.IsLinkLocalUnicast() {
			return a, true
		}
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1}), false
}

// isOurs reports whether this machine takes traffic for addr. All of 127/8 is
// the loopback interface's, whatever it lists.
func isOurs(addr netip.Addr, own []netip.Addr) bool {
	return addr.IsLoopback() || slices.Contains(own, addr)
}
