package relay

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"
)

// resolveTimeout bounds one look-up.
const resolveTimeout = 2 * time.Second

// Place is where a router is, as configured: a name or an address, with a port. What
// a name meant last it means until it is learned anew. Any goroutine may use it.
type Place struct {
	text string
	host string
	port uint16

	mu    sync.Mutex
	known []netip.AddrPort
	next  int
}

// ParsePlace reads host:port.
func ParsePlace(text string) (*Place, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not host:port", text)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || host == "" {
		return nil, fmt.Errorf("%q is not host:port with a port from 1 to 65535", text)
	}
	if a, err := netip.ParseAddr(host); err == nil && (!a.Is4() || a.IsUnspecified() || a.IsMulticast()) {
		return nil, fmt.Errorf("%q is not the IPv4 address of one host", text)
	}
	return &Place{text: text, host: host, port: uint16(n)}, nil
}

// IsName reports whether it may mean another address later.
func (p *Place) IsName() bool {
	_, err := netip.ParseAddr(p.host)
	return err != nil
}

// String is it as configured.
func (p *Place) String() string { return p.text }

// Resolve looks it up and gives the address to try now: each in turn. Where the name
// means nothing now, it means what it did.
func (p *Place) Resolve(ctx context.Context) (netip.AddrPort, error) {
	err := p.lookUp(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) == 0 {
		return netip.AddrPort{}, fmt.Errorf("cannot resolve %s: %w", p.host, err)
	}
	p.next++
	return p.known[p.next%len(p.known)], nil
}

func (p *Place) lookUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", p.host)
	if err != nil {
		return err
	}
	var found []netip.AddrPort
	for _, ip := range ips[:min(len(ips), 16)] {
		found = append(found, netip.AddrPortFrom(ip.Unmap(), p.port))
	}
	slices.SortFunc(found, netip.AddrPort.Compare)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(found) > 0 {
		p.known = slices.Compact(found)
	}
	return nil
}

// IsAt reports whether it is, as far as is known, at an address.
func (p *Place) IsAt(a netip.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.known, func(k netip.AddrPort) bool { return k.Addr() == a })
}
