package discovery

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// List is peers as configured: what was written as an address is one, a name is
// looked up again whenever the list is asked, at most every three seconds.
type List struct {
	fixed []Found
	names *names
}

var _ Source = (*List)(nil)

// NewList takes host[:port], up to [AddressesMax], and begins to look names up.
// The error has all faults and wraps [ErrPeer].
func NewList(peers []string, o Options) (*List, error) {
	o.setDefaults()
	parsed, err := parseAll(peers)
	if err != nil {
		return nil, err
	}
	l := &List{names: newNames(o.Logger)}
	var list []*name
	l.fixed, list = split(parsed, o.Resolver)
	l.names.set(list)
	return l, nil
}

// Literals gives the peers, each once, where all were written as addresses; nil: some are
// names.
func (l *List) Literals() (list []netip.AddrPort) {
	if !l.names.none() {
		return nil
	}
	for _, f := range l.Addresses() {
		list = append(list, f.Addr)
	}
	return list
}

func parseAll(peers []string) ([]peer, error) {
	if len(peers) > AddressesMax {
		return nil, fmt.Errorf("%w: %d are given, at most %d can be", ErrPeer, len(peers), AddressesMax)
	}
	var out []peer
	var faults []error
	for _, s := range peers {
		p, err := parsePeer(s)
		faults = append(faults, err)
		out = append(out, p)
	}
	return out, errors.Join(faults...)
}

// split tells addresses from names.
func split(peers []peer, r Resolver) (fixed []Found, list []*name) {
	for _, p := range peers {
		if p.addr.IsValid() {
			fixed = append(fixed, Found{Addr: p.addr, Why: p.why})
			continue
		}
		list = append(list, &name{text: p.text, why: p.why, look: func(ctx context.Context) ([]netip.AddrPort, error) {
			return lookUpHost(ctx, r, p.host, p.port)
		}})
	}
	return fixed, list
}

func lookUpHost(ctx context.Context, r Resolver, host string, port uint16) ([]netip.AddrPort, error) {
	found, err := r.LookupNetIP(ctx, "ip4", host)
	out := make([]netip.AddrPort, 0, len(found))
	for _, a := range found {
		out = append(out, netip.AddrPortFrom(a, port))
	}
	return out, err
}

// Name is peers.
func (l *List) Name() string { return "peers" }

// Addresses are those written, then those of the names.
func (l *List) Addresses() []Found {
	return tidy(append(append([]Found(nil), l.fixed...), l.names.addresses()...))
}

// Trouble names what does not resolve.
func (l *List) Trouble() string { return l.names.trouble() }

// Close ends the look-ups.
func (l *List) Close() error {
	l.names.close()
	return nil
}
