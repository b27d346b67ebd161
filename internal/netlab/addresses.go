package netlab

import (
	"errors"
	"fmt"
)

// Swapped has two hosts bear each other's address, as where leases of DHCP are mixed
// up: each keeps its identity, and neither is where it says.
type Swapped struct{ A, B int }

// Describe gives a line.
func (f *Swapped) Describe() string {
	return fmt.Sprintf("addresses of %s and %s swapped", Name(f.A), Name(f.B))
}

// Hosts gives both.
func (f *Swapped) Hosts() []int { return []int{f.A, f.B} }

// Start makes it.
func (f *Swapped) Start(l *Lab) error {
	return errors.Join(l.readdress(f.A, f.B), l.readdress(f.B, f.A))
}

// Stop undoes it.
func (f *Swapped) Stop(l *Lab) error {
	return errors.Join(l.readdress(f.A, f.A), l.readdress(f.B, f.B))
}

// Moved has a host lose its address and get that which a host of number To would have.
type Moved struct{ Host, To int }

// Describe gives a line.
func (f *Moved) Describe() string { return fmt.Sprintf("%s is at %s now", Name(f.Host), Addr(f.To)) }

// Hosts gives the one.
func (f *Moved) Hosts() []int { return []int{f.Host} }

// Start makes it.
func (f *Moved) Start(l *Lab) error { return l.readdress(f.Host, f.To) }

// Stop undoes it.
func (f *Moved) Stop(l *Lab) error { return l.readdress(f.Host, f.Host) }

// readdress gives a host the address that is another's own.
func (l *Lab) readdress(host, is int) error {
	return l.IP(host, "addr flush dev eth0", fmt.Sprintf("addr add %s/24 dev eth0", Addr(is)))
}

// Stolen has a host bear the address of another beside its own. Who asks for it is
// answered by both, and all ask anew.
type Stolen struct{ By, From int }

// Describe gives a line.
func (f *Stolen) Describe() string {
	return fmt.Sprintf("%s bears the address of %s, too", Name(f.By), Name(f.From))
}

// Hosts gives both.
func (f *Stolen) Hosts() []int { return []int{f.By, f.From} }

// Start makes it.
func (f *Stolen) Start(l *Lab) error { return f.set(l, "add") }

// Stop undoes it.
func (f *Stolen) Stop(l *Lab) error { return f.set(l, "del") }

func (f *Stolen) set(l *Lab, verb string) error {
	faults := []error{l.IP(f.By, fmt.Sprintf("addr %s %s/24 dev eth0", verb, Addr(f.From)))}
	for _, h := range l.hosts {
		faults = append(faults, h.space.ip("neigh flush dev eth0"))
	}
	for _, r := range l.routers {
		faults = append(faults, r.space.ip("neigh flush dev eth0"))
	}
	return errors.Join(faults...)
}
