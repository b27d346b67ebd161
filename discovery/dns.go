package discovery

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// targetsMax bounds the hosts that a service's answer names.
const targetsMax = 64

// DNS is names that stand for several hosts: _service._udp.domain is asked for
// its SRV records, which name host and port; any other for its addresses. All
// that an answer names are sought: priorities and weights choose among servers,
// and members are not that.
type DNS struct{ names *names }

var _ Source = (*DNS)(nil)

// NewDNS takes names as [CheckName] wants them and begins to look them up. The
// error has all faults and wraps [ErrPeer].
func NewDNS(list []string, o Options) (*DNS, error) {
	o.setDefaults()
	if len(list) > AddressesMax {
		return nil, fmt.Errorf("%w: %d names are given, at most %d can be", ErrPeer, len(list), AddressesMax)
	}
	var faults []error
	var all []*name
	for _, s := range list {
		if err := CheckName(s); err != nil {
			faults = append(faults, err)
			continue
		}
		all = append(all, dnsName(s, o.Resolver))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	d := &DNS{names: newNames(o.Logger)}
	d.names.set(all)
	return d, nil
}

func dnsName(s string, r Resolver) *name {
	if isService(s) {
		return &name{text: s, why: s, look: func(ctx context.Context) ([]netip.AddrPort, error) { return lookUpService(ctx, r, s) }}
	}
	p, _ := parsePeer(s) // CheckName has seen it
	return &name{text: s, why: s, look: func(ctx context.Context) ([]netip.AddrPort, error) { return lookUpHost(ctx, r, p.host, p.port) }}
}

// lookUpService gives the addresses of all hosts that offer a service. Where some
// of them cannot be resolved the answer is the others': a host that was taken
// down must not hide those that are up.
func lookUpService(ctx context.Context, r Resolver, service string) ([]netip.AddrPort, error) {
	_, records, err := r.LookupSRV(ctx, "", "", service)
	if err != nil && len(records) == 0 { // of a bad record beside good ones the resolver tells, too
		return nil, err
	}
	var out []netip.AddrPort
	var faults []error
	for _, s := range records[:min(len(records), targetsMax)] {
		if s.Target == "." || s.Target == "" || s.Port == 0 {
			continue // "." says that there is no such service
		}
		found, err := lookUpHost(ctx, r, s.Target, s.Port) // whole, with its dot: no domain is searched
		out = append(out, found...)
		faults = append(faults, err)
	}
	if len(out) > 0 {
		return out, nil
	}
	return nil, errors.Join(faults...)
}

// Name is peers-dns.
func (d *DNS) Name() string { return "peers-dns" }

// Addresses are what the names last meant.
func (d *DNS) Addresses() []Found { return tidy(d.names.addresses()) }

// Trouble names what does not resolve.
func (d *DNS) Trouble() string { return d.names.trouble() }

// Close ends the look-ups.
func (d *DNS) Close() error {
	d.names.close()
	return nil
}
