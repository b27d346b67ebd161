package discovery

import (
	"errors"
	"net/netip"
	"slices"
)

// Address is where another host may be, and who says so.
type Address struct {
	Addr netip.AddrPort
	// By has what each source says that names it, in the order of the layers.
	By []Naming
}

// Naming is what one source says of an address.
type Naming struct {
	Source string
	Found
}

// Layers are several sources at once. Any goroutine may use them.
type Layers struct {
	own     []netip.AddrPort
	sources []Source
}

// Join makes layers of sources, the ones to be believed first first. What lies at
// own, this host's addresses, is never given. The layers own the sources.
func Join(own []netip.AddrPort, sources ...Source) *Layers {
	return &Layers{own: slices.Clone(own), sources: slices.Clone(sources)}
}

// Addresses gives every address once, in the order in which the layers name them.
// It never waits. The caller owns it.
func (l *Layers) Addresses() []Address {
	var out []Address
	at := map[netip.AddrPort]int{}
	for _, s := range l.sources {
		for _, f := range s.Addresses() {
			if slices.Contains(l.own, f.Addr) {
				continue
			}
			i, known := at[f.Addr]
			if !known {
				i = len(out)
				at[f.Addr] = i
				out = append(out, Address{Addr: f.Addr})
			}
			out[i].By = append(out[i].By, Naming{Source: s.Name(), Found: f})
		}
	}
	return out
}

// Places is Addresses without who says so, appended to to: for who asks often.
func (l *Layers) Places(to []netip.AddrPort) []netip.AddrPort {
	seen := make(map[netip.AddrPort]struct{}, cap(to))
	for _, a := range l.own {
		seen[a] = struct{}{}
	}
	for _, s := range l.sources {
		for _, f := range s.Addresses() {
			if _, twice := seen[f.Addr]; !twice {
				seen[f.Addr] = struct{}{}
				to = append(to, f.Addr)
			}
		}
	}
	return to
}

// Layer is how a source fares.
type Layer struct {
	Name string
	// Addresses is how many it names, our own among them.
	Addresses int
	// Trouble keeps it from knowing more; empty: nothing.
	Trouble string
}

// Status tells of every source, in order.
func (l *Layers) Status() []Layer {
	out := make([]Layer, 0, len(l.sources))
	for _, s := range l.sources {
		out = append(out, Layer{Name: s.Name(), Addresses: len(s.Addresses()), Trouble: s.Trouble()})
	}
	return out
}

// Close closes the sources.
func (l *Layers) Close() error {
	var faults []error
	for _, s := range l.sources {
		faults = append(faults, s.Close())
	}
	return errors.Join(faults...)
}
