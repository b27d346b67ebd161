package endpoint

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync/atomic"

	"golang.org/x/net/ipv4"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/tether"
	"github.com/gmsd/gmsd/views"
)

// Config is what an endpoint is made from.
type Config struct {
	// Bind is where to listen: IPv4; port 0 finds a free one.
	Bind netip.AddrPort
	// Advertise is what others should use; zero means Bind, port 0 its port.
	Advertise netip.AddrPort
	// Logger may be nil.
	Logger *slog.Logger
	// GroupHash, Self and Nonce are for tethers.
	GroupHash uint64
	Self      views.Process
	Nonce     uint64
}

// Endpoint is an open member port.
type Endpoint struct {
	*tether.Tethers

	conn     *net.UDPConn
	bound    netip.AddrPort
	local    netip.AddrPort
	tally    transport.Tally
	receiver *receiver
	sender   *sender
	extra    []*net.UDPConn
	closed   atomic.Bool
}

// Open binds the member port.
func Open(cfg Config) (*Endpoint, error) {
	if err := checkAddresses(cfg); err != nil {
		return nil, err
	}
	conn, listener, err := openPort(cfg.Bind)
	if err != nil {
		return nil, err
	}
	e := &Endpoint{conn: conn, bound: addrPort(conn.LocalAddr())}
	if err := e.wire(); err != nil {
		_ = conn.Close()
		_ = listener.Close()
		return nil, err
	}
	e.local = advertised(cfg.Advertise, e.bound)
	e.Tethers = tether.New(tether.Config{
		Listener: listener, Source: cfg.Bind.Addr(),
		GroupHash: cfg.GroupHash, Self: cfg.Self, Nonce: cfg.Nonce,
		Logger: cfg.Logger, Tally: &e.tally,
	})
	return e, nil
}

func advertised(advertise, bound netip.AddrPort) netip.AddrPort {
	switch {
	case !advertise.IsValid():
		return bound
	case advertise.Port() == 0:
		return netip.AddrPortFrom(advertise.Addr(), bound.Port())
	}
	return advertise
}

// wire connects the socket with sender and receiver.
func (e *Endpoint) wire() error {
	var err error
	if e.sender, err = newSender(e.conn, &e.tally); err != nil {
		return err
	}
	if e.receiver, err = newReceiver(&e.tally); err != nil {
		return err
	}
	if err = e.receiver.add(e.conn, source{packets: e.sender.packets, kind: transport.Unicast}); err != nil {
		e.receiver.close()
	}
	return err
}

// Listen receives from a further socket, which Close closes. Frames of our own
// that it hears are passed over. Not while receiving.
func (e *Endpoint) Listen(c *net.UDPConn) error {
	err := e.receiver.add(c, source{packets: ipv4.NewPacketConn(c), kind: transport.Multicast, own: e.bound})
	if err == nil {
		e.extra = append(e.extra, c)
	}
	return err
}

// OnReadable has the receiving goroutine call handle whenever f is readable;
// handle must drain it. Not while receiving.
func (e *Endpoint) OnReadable(f *os.File, handle func()) error {
	return e.receiver.add(f, source{handle: handle})
}

// Packets is the unicast socket, for its multicast options.
func (e *Endpoint) Packets() *ipv4.PacketConn { return e.sender.packets }

// Bound is the address of the unicast socket, Local what others should use.
func (e *Endpoint) Bound() netip.AddrPort { return e.bound }

// Local is described at [transport.Transport], as are the following.
func (e *Endpoint) Local() netip.AddrPort { return e.local }

// Send sends by unicast.
func (e *Endpoint) Send(frame []byte, to netip.AddrPort) error {
	return e.sender.send(frame, to, transport.Unicast)
}

// SendAll sends by unicast, many addresses a system call.
func (e *Endpoint) SendAll(frame []byte, to []netip.AddrPort) error {
	return e.sender.sendAll(frame, to)
}

// Multicast sends once to the group, from the unicast port.
func (e *Endpoint) Multicast(frame []byte, group netip.AddrPort) error {
	return e.sender.send(frame, group, transport.Multicast)
}

// Receive receives from all sockets.
func (e *Endpoint) Receive(batch []transport.Inbound) (int, error) {
	return e.receiver.receive(batch)
}

// Stats gives the counts, and what the kernel says it dropped.
func (e *Endpoint) Stats() transport.Stats {
	s := e.tally.Stats()
	for _, c := range append([]*net.UDPConn{e.conn}, e.extra...) {
		s.Dropped[transport.DropReceiveBuffer] += kernelDrops(c)
	}
	return s
}

// Close ends the tethers first: that is what others see at once.
func (e *Endpoint) Close() error {
	if e.closed.Swap(true) {
		return nil
	}
	err := e.Tethers.Close()
	e.receiver.close()
	err = errors.Join(err, e.conn.Close())
	for _, c := range e.extra {
		err = errors.Join(err, c.Close())
	}
	return err
}

// kernelDrops is the number of datagrams for which the socket had no room; 0
// once it is closed.
func kernelDrops(c *net.UDPConn) uint64 {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	var drops uint64
	_ = control(raw, func(fd int) error {
		drops, err = memDrops(fd)
		return err
	})
	return drops
}

func noRoute(to netip.AddrPort) error {
	return fmt.Errorf("%w: to %v: not an IPv4 address with a port", transport.ErrNoRoute, to)
}

func isFull(err error) bool {
	return errors.Is(err, transport.ErrNoBuffer) || errors.Is(err, transport.ErrClosed)
}
