package discovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// DefaultPort is a peer's port where none is given.
const DefaultPort = 7749

// Resolver answers for names; [net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
}

// Options are common to the sources that look things up. The zero value is good.
type Options struct {
	// Resolver finds the addresses of names; nil means the system's.
	Resolver Resolver
	// Logger may be nil.
	Logger *slog.Logger
}

func (o *Options) setDefaults() {
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// ErrPeer is what every fault of a peer as written wraps.
var ErrPeer = errors.New("not a peer")

// peer is where to look, as written: an address, or a name.
type peer struct {
	text string
	why  string         // for people: where it is written
	addr netip.AddrPort // valid: it was given as an address
	host string
	port uint16
}

// CheckPeer reports what is wrong with host[:port]: a name or an IPv4 address of
// one host, port 1 to 65535. The error wraps [ErrPeer].
func CheckPeer(s string) error {
	_, err := parsePeer(s)
	return err
}

// CheckName reports what is wrong with a name for [NewDNS]: host[:port], or
// _service._udp.domain, which tells ports itself. The error wraps [ErrPeer].
func CheckName(s string) error {
	p, err := parsePeer(s)
	switch {
	case err != nil:
		return err
	case p.addr.IsValid():
		return fmt.Errorf("%w: %q is an address: want a name", ErrPeer, s)
	case isService(p.host) && p.host != s:
		return fmt.Errorf("%w: %q: the answer for a service tells the port: leave it out", ErrPeer, s)
	}
	return nil
}

func parsePeer(s string) (peer, error) {
	host, digits, given := strings.Cut(s, ":")
	if host == "" || strings.ContainsFunc(host, badInHost) {
		return peer{}, fmt.Errorf("%w: %q: want host or host:port", ErrPeer, s)
	}
	p := peer{text: s, why: s, host: host, port: DefaultPort}
	if given {
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil || n == 0 {
			return peer{}, fmt.Errorf("%w: %q: port %q: want 1..65535", ErrPeer, s, digits)
		}
		p.port = uint16(n)
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return p, nil
	}
	if !usable(addr) {
		return peer{}, fmt.Errorf("%w: %q: want an IPv4 address of one host", ErrPeer, s)
	}
	p.addr = netip.AddrPortFrom(addr, p.port)
	return p, nil
}

// badInHost: what no name of a host has. What else a name may not have the name
// service says.
func badInHost(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("/[]#,", r) }

// isService reports whether a name asks for SRV records.
func isService(name string) bool {
	service, rest, _ := strings.Cut(name, ".")
	proto, domain, ok := strings.Cut(rest, ".")
	return ok && domain != "" && strings.HasPrefix(service, "_") && strings.HasPrefix(proto, "_")
}
