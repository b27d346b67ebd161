package mcast

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/endpoint"
)

// refreshEvery is how often [Transport.Seek] looks at the interface while the
// group is not joined, or while the kernel does not tell of changes.
const refreshEvery = 5 * time.Second

// link is our membership of the group on the interface that owns our address.
type link struct {
	addr    netip.Addr
	group   netip.AddrPort
	ttl     int
	log     *slog.Logger
	unicast *ipv4.PacketConn
	listen  *ipv4.PacketConn
	changes *changes // nil where the kernel does not tell

	// up: we are a member as far as we know.
	up atomic.Bool

	mu sync.Mutex
	// joined is the interface as it was when we joined; the zero state means
	// that we are not a member.
	joined state
	// looked is when maybeRefresh looked last.
	looked time.Time
	// complaint was logged last, so that it is not logged again.
	complaint string
}

// state is what must not change while we are a member.
type state struct {
	index  int
	name   string
	usable bool
}

// openLink joins the group and has the endpoint receive from it.
func openLink(cfg Config, port *endpoint.Endpoint) (*link, error) {
	ifi, err := owner(cfg.Bind.Addr())
	if err != nil {
		return nil, err
	}
	conn, err := listenGroup(cfg.Group)
	if err != nil {
		return nil, err
	}
	l := &link{
		addr: cfg.Bind.Addr(), group: cfg.Group, ttl: cfg.TTL, log: cfg.Logger,
		unicast: port.Packets(), listen: ipv4.NewPacketConn(conn),
	}
	if err = l.enter(ifi); err != nil && cfg.Optional {
		l.lose(err.Error())
		err = nil
	}
	if err == nil {
		err = port.Listen(conn) // the port's from now on
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	l.subscribe(port)
	return l, nil
}

// enter becomes a member on the interface, if that carries the group.
func (l *link) enter(ifi *net.Interface) error {
	if ifi.Flags&(net.FlagMulticast|net.FlagLoopback) == 0 {
		return noMulticast(l.group, ifi, "it has no multicast flag")
	}
	if err := probeRoute(l.group, l.addr, ifi); err != nil {
		return err
	}
	if err := l.join(ifi); err != nil {
		return err
	}
	l.joined, l.complaint = stateOf(ifi), ""
	l.up.Store(true)
	return nil
}

// subscribe has the receiving goroutine hear of changes of the interface.
func (l *link) subscribe(port *endpoint.Endpoint) {
	c, err := openChanges()
	if err == nil {
		err = port.OnReadable(c.file, func() {
			c.drain()
			l.refresh()
		})
		if err != nil {
			_ = c.file.Close()
		}
	}
	if err != nil {
		l.log.Warn("the kernel does not tell when the interface changes; looking every few seconds", "err", err)
		return
	}
	l.changes = c
}

// join makes the interface the group's for sending and receiving.
func (l *link) join(ifi *net.Interface) error {
	group := groupAddr(l.group)
	err := errors.Join(
		l.unicast.SetMulticastInterface(ifi),
		l.unicast.SetMulticastTTL(l.ttl),
		l.unicast.SetMulticastLoopback(true),
	)
	if err == nil {
		err = l.listen.JoinGroup(ifi, group)
	}
	if err != nil {
		return noMulticast(l.group, ifi, err.Error())
	}
	return nil
}

// maybeRefresh looks at the interface where nobody would tell us.
func (l *link) maybeRefresh() {
	l.mu.Lock()
	now := time.Now()
	due := (l.changes == nil || !l.joined.usable) && now.Sub(l.looked) >= refreshEvery
	if due {
		l.looked = now
	}
	l.mu.Unlock()
	if due {
		l.refresh()
	}
}

// refresh joins anew when the interface is back after it was away in any way.
func (l *link) refresh() {
	l.mu.Lock()
	defer l.mu.Unlock()
	ifi, err := owner(l.addr)
	if err != nil {
		l.lose(err.Error())
		return
	}
	now := stateOf(ifi)
	switch {
	case now == l.joined:
		return
	case !now.usable:
		l.lose(fmt.Sprintf("interface %s is down", ifi.Name))
		return
	}
	// Leaving first makes the kernel report the membership again. It fails
	// where the interface, and the membership with it, went away.
	for _, index := range []int{l.joined.index, now.index} {
		_ = l.listen.LeaveGroup(&net.Interface{Index: index}, groupAddr(l.group))
	}
	if err := l.enter(ifi); err != nil {
		l.lose(err.Error())
		return
	}
	l.log.Info("joined the multicast group", "group", l.group, "interface", ifi.Name)
}

// lose notes that we may not be a member any more. The caller holds l.mu.
func (l *link) lose(why string) {
	l.joined.usable = false
	l.up.Store(false)
	if why != l.complaint {
		l.complaint = why
		l.log.Warn("the multicast group is out of reach", "group", l.group, "why", why)
	}
}

func (l *link) close() error {
	if l.changes == nil {
		return nil
	}
	return l.changes.close()
}

func stateOf(ifi *net.Interface) state {
	return state{index: ifi.Index, name: ifi.Name, usable: ifi.Flags&net.FlagUp != 0 && ifi.Flags&net.FlagRunning != 0}
}

// owner finds the interface that has addr. Every address of the loopback
// network belongs to the loopback interface, though it lists only one.
func owner(addr netip.Addr) (*net.Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("cannot list the interfaces: %w", err)
	}
	for i := range all {
		addrs, err := all[i].Addrs()
		if err != nil {
			continue // it went away meanwhile
		}
		for _, a := range addrs {
			if p, ok := a.(*net.IPNet); ok && owns(p, all[i].Flags, addr) {
				return &all[i], nil
			}
		}
	}
	return nil, fmt.Errorf("%w: no interface has address %v: bind to one of: %s", transport.ErrNoRoute, addr, endpoint.OurAddresses())
}

func owns(p *net.IPNet, flags net.Flags, addr netip.Addr) bool {
	ip := net.IP(addr.AsSlice())
	return p.IP.Equal(ip) || flags&net.FlagLoopback != 0 && addr.IsLoopback() && p.Contains(ip)
}
