package mcast

import (
	"errors"
	"net/netip"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/endpoint"
)

// Transport sends by unicast and multicast. Its methods are described at
// [transport.Transport].
type Transport struct {
	port  *endpoint.Endpoint
	group netip.AddrPort
	link  *link
}

var (
	_ transport.Transport = (*Transport)(nil)
	_ transport.Counter   = (*Transport)(nil)
	_ transport.Buffered  = (*Transport)(nil)

	_ transport.Multicaster = (*Transport)(nil)
)

// Open binds the member port and joins the group. Its errors say what is in
// the way and what to do; [transport.ErrNoRoute] is in the chain of those that
// mean "no multicast here".
func Open(cfg Config) (*Transport, error) {
	cfg.setDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	port, err := endpoint.Open(cfg.endpoint())
	if err != nil {
		return nil, err
	}
	t := &Transport{port: port, group: cfg.Group}
	if t.link, err = openLink(cfg, port); err != nil {
		return nil, errors.Join(err, port.Close())
	}
	return t, nil
}

// Local is the address at which others reach this transport.
func (t *Transport) Local() netip.AddrPort { return t.port.Local() }

// Send sends by unicast.
func (t *Transport) Send(frame []byte, to netip.AddrPort) error { return t.port.Send(frame, to) }

// SendAll sends one multicast, unless there is nobody to hear it.
func (t *Transport) SendAll(frame []byte, to []netip.AddrPort) error {
	if len(to) == 0 {
		return nil
	}
	return t.multicast(frame)
}

// multicast sends to the group. While the interface does not carry it the frame is
// lost and counted, as in a network that does not: that the group is out of reach
// was said, and to be told so of every frame helps nobody.
func (t *Transport) multicast(frame []byte) error {
	if !t.link.up.Load() {
		return t.port.Lose(frame)
	}
	return t.port.Multicast(frame, t.group)
}

// SendBatch sends what is for all by one multicast a frame, many frames a system call.
func (t *Transport) SendBatch(batch []transport.Outbound) error {
	if !t.link.up.Load() {
		return transport.SendEach(t, batch)
	}
	return t.port.SendBatch(batch, t.group)
}

// Seek sends one multicast.
func (t *Transport) Seek(frame []byte) error {
	t.link.maybeRefresh()
	return t.multicast(frame)
}

// Receive receives what came by unicast or multicast.
func (t *Transport) Receive(batch []transport.Inbound) (int, error) { return t.port.Receive(batch) }

// Watch tethers the targets.
func (t *Transport) Watch(targets []transport.Target) { t.port.Watch(targets) }

// Evidence gives what the tethers found.
func (t *Transport) Evidence() <-chan transport.Evidence { return t.port.Evidence() }

// Stats gives the counts.
func (t *Transport) Stats() transport.Stats { return t.port.Stats() }

// ReceiveBuffer gives what the system granted.
func (t *Transport) ReceiveBuffer() int { return t.port.ReceiveBuffer() }

// Close frees everything; membership ends with the sockets.
func (t *Transport) Close() error {
	return errors.Join(t.port.Close(), t.link.close())
}
