package settings

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/gmsd/gmsd/internal/clients"
)

// place is where a setting has the daemon listen: at path, or else at host and port.
type place struct {
	key, value string
	path       string
	host       string
	addr       netip.Addr // invalid: host is a name
	port       uint64
}

// places are those of one daemon, each apart from those before it.
type places struct {
	s     *Settings
	taken []place
}

// keepApart tells of settings at one place, of which the daemon would say that another
// process has it, and takes the later one out of d.
func (s *Settings) keepApart(d *Daemon) {
	p := places{s: s}
	if b := d.Host.Bind; !s.AtFault(keyBind) {
		p.take(place{key: keyBind, value: b.String(), addr: b.Addr(), port: uint64(b.Port())})
	}
	if !p.takeTCP(keyAdmin, d.Admin, d.Admin) {
		d.Admin = ""
	}
	if !p.takeTCP(keyAdminTLS, d.AdminTLS, d.AdminTLS) {
		d.AdminTLS = ""
	}
	if !p.takePath(keyAdminSocket, d.AdminSocket, d.AdminSocket) {
		d.AdminSocket = ""
	}
	d.Clients = slices.DeleteFunc(slices.Clone(d.Clients), func(where string) bool {
		network, address, err := clients.SplitAddress(where)
		switch {
		case err != nil:
			return false // what is wrong with it is told where it is looked at
		case network == "unix":
			return !p.takePath(keyClients, where, address)
		}
		return !p.takeTCP(keyClients, where, address)
	})
}

// takeTCP takes host:port for key, if there is one, and reports whether it was free.
func (p *places) takeTCP(key, value, address string) bool {
	host, digits, err := net.SplitHostPort(address)
	if err != nil {
		return true
	}
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return true
	}
	return p.take(place{key: key, value: value, host: host, addr: addrOf(host), port: port})
}

// addrOf is the address at which net.Listen listens for host, :: where that is all there
// are, IPv4 and IPv6; none for a name.
func addrOf(host string) netip.Addr {
	switch host {
	case "":
		return netip.IPv6Unspecified()
	case "localhost":
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	addr, _ := netip.ParseAddr(host) // invalid where it is a name
	if addr = addr.Unmap(); addr.IsUnspecified() {
		return netip.IPv6Unspecified()
	}
	return addr
}

func (p *places) takePath(key, value, path string) bool {
	whole, err := filepath.Abs(path)
	return err != nil || p.take(place{key: key, value: value, path: whole})
}

// take adds a fault where the place is taken.
func (p *places) take(l place) bool {
	i := slices.IndexFunc(p.taken, l.meets)
	if i < 0 {
		p.taken = append(p.taken, l)
		return true
	}
	other, cure := p.taken[i], "give one of the two another port"
	if l.path != "" {
		cure = "give one of the two another path"
	}
	p.s.fault(l.key, l.value, fmt.Sprintf("apart from %s = %q", other.key, other.value), p.s.from(l.key)+"; "+cure)
	return false
}

// meets reports whether not both can be listened at.
func (l place) meets(o place) bool {
	if l.path != "" || o.path != "" {
		return l.path == o.path
	}
	if l.port != o.port || l.port == 0 {
		return false
	}
	if !l.addr.IsValid() || !o.addr.IsValid() {
		return l.host == o.host
	}
	return l.addr == o.addr || l.covers(o) || o.covers(l)
}

// covers reports whether l is all addresses, or all of IPv4, and o one of them.
func (l place) covers(o place) bool {
	return l.addr == netip.IPv6Unspecified() || l.addr == netip.IPv4Unspecified() && o.addr.Is4()
}
