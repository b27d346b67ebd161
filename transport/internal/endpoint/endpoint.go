package endpoint

import (
	"errors"
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
	// Credentials are for tethers; nil: nothing is proven.
	Credentials *transport.Credentials
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
	groups   []*group
	closed   atomic.Bool
}

// group is a further socket, which hears a multicast group.
type group struct {
	conn *net.UDPConn
	// filtered: the kernel drops what we sent ourselves, and counts it.
	filtered bool
	most     atomic.Uint64 // drops told so far
}

// Open binds the member port.
func Open(cfg Config) (*Endpoint, error) {
	if err := CheckAddresses(cfg.Bind, cfg.Advertise); err != nil {
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
	e.local = Advertised(cfg.Advertise, e.bound)
	e.Tethers = tether.New(tether.Config{
		Credentials: cfg.Credentials,
		Listener:    listener, Source: cfg.Bind.Addr(),
		GroupHash: cfg.GroupHash, Self: cfg.Self, Nonce: cfg.Nonce,
		Logger: cfg.Logger, Tally: &e.tally,
	})
	return e, nil
}

// Advertised is what others should use: advertise, where it is set, with the bound
// port where it has none.
func Advertised(advertise, bound netip.AddrPort) netip.AddrPort {
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
	if err = e.receiver.add(e.conn, source{kind: transport.Unicast}); err != nil {
		e.receiver.close()
	}
	return err
}

// Listen receives from a further socket, which Close closes. Frames of our own
// that it hears are passed over, by the kernel where it will. Not while receiving.
func (e *Endpoint) Listen(c *net.UDPConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	heard := &group{conn: c}
	err = control(raw, func(fd int) error {
		_ = coalesce(fd)
		heard.filtered = dropFrom(fd, e.bound) == nil
		return nil
	})
	if err == nil {
		err = e.receiver.add(c, source{kind: transport.Multicast, own: e.bound})
	}
	if err == nil {
		e.groups = append(e.groups, heard)
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

// Check says what sending a frame, to whomever, would meet.
func (e *Endpoint) Check(frame []byte) error {
	switch {
	case e.closed.Load():
		return transport.ErrClosed
	case len(frame) > views.DatagramMax:
		return transport.ErrTooLong
	}
	return nil
}

// Lose counts a frame as one that the kernel took back.
func (e *Endpoint) Lose(frame []byte) error {
	err := e.Check(frame)
	if err == nil {
		e.tally.Drop(transport.DropSend, 1)
	}
	return err
}

// SendAll sends by unicast, many addresses a system call.
func (e *Endpoint) SendAll(frame []byte, to []netip.AddrPort) error {
	if len(to) == 1 {
		return e.Send(frame, to[0])
	}
	return e.sender.sendAll(frame, to)
}

// SendBatch sends many frames a system call. What is for all goes to group, or,
// where that is the zero AddrPort, to each by unicast.
func (e *Endpoint) SendBatch(batch []transport.Outbound, group netip.AddrPort) error {
	return e.sender.sendBatch(batch, group)
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
	s.Dropped[transport.DropReceiveBuffer] += kernelDrops(e.conn)
	for _, g := range e.groups {
		s.Dropped[transport.DropReceiveBuffer] += e.groupDrops(g)
	}
	return s
}

// groupDrops is kernelDrops without our own datagrams, which the kernel counts
// with the others where it filters them. The drops are read before what we
// sent, which is counted before it goes: so nothing of our own is ever told.
// Where a datagram of ours did not come back, it is one too few.
func (e *Endpoint) groupDrops(g *group) uint64 {
	drops := kernelDrops(g.conn)
	if !g.filtered {
		return drops
	}
	others := uint64(max(0, int64(drops)-e.sender.looped.Load()))
	for {
		before := g.most.Load()
		if others <= before {
			return before // a count does not fall
		}
		if g.most.CompareAndSwap(before, others) {
			return others
		}
	}
}

// ReceiveBuffer is described at [transport.Buffered].
func (e *Endpoint) ReceiveBuffer() int {
	least := receiveBufferOf(e.conn)
	for _, g := range e.groups {
		least = min(least, receiveBufferOf(g.conn))
	}
	return least
}

// Close ends the tethers first: that is what others see at once.
func (e *Endpoint) Close() error {
	if e.closed.Swap(true) {
		return nil
	}
	err := e.Tethers.Close()
	e.receiver.close()
	err = errors.Join(err, e.conn.Close())
	for _, g := range e.groups {
		err = errors.Join(err, g.conn.Close())
	}
	return err
}
