package udp

import (
	"log/slog"
	"net/netip"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/endpoint"
	"github.com/gmsd/gmsd/views"
)

// Config is what a transport is made from. Bind, GroupHash and Self are needed.
type Config struct {
	// Bind is the address, IPv4, for member traffic; port 0 finds a free one.
	Bind netip.AddrPort
	// Advertise is what others should use; zero means Bind. It is needed where
	// Bind is 0.0.0.0.
	Advertise netip.AddrPort
	// Logger may be nil.
	Logger *slog.Logger
	// GroupHash, Self and Nonce greet those who tether us.
	GroupHash uint64
	Self      views.Process
	Nonce     uint64
	// Credentials are for the tethers; nil: nothing is proven.
	Credentials *transport.Credentials
}

// Transport sends by unicast. Its methods are described at [transport.Transport].
type Transport struct{ port *endpoint.Endpoint }

var (
	_ transport.Transport = (*Transport)(nil)
	_ transport.Counter   = (*Transport)(nil)
	_ transport.Buffered  = (*Transport)(nil)
)

// Open binds the member port. Its errors say what is in the way and what to do.
func Open(cfg Config) (*Transport, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	port, err := endpoint.Open(endpoint.Config{
		Bind: cfg.Bind, Advertise: cfg.Advertise, Logger: cfg.Logger,
		GroupHash: cfg.GroupHash, Self: cfg.Self, Nonce: cfg.Nonce, Credentials: cfg.Credentials,
	})
	if err != nil {
		return nil, err
	}
	return &Transport{port: port}, nil
}

// Local is the address at which others reach this transport.
func (t *Transport) Local() netip.AddrPort { return t.port.Local() }

// Send sends to one address.
func (t *Transport) Send(frame []byte, to netip.AddrPort) error { return t.port.Send(frame, to) }

// SendAll sends to every address.
func (t *Transport) SendAll(frame []byte, to []netip.AddrPort) error {
	return t.port.SendAll(frame, to)
}

// SendBatch sends to each, many frames and addresses a system call.
func (t *Transport) SendBatch(batch []transport.Outbound) error {
	return t.port.SendBatch(batch, netip.AddrPort{})
}

// Seek sends nothing: there is no way to those whose address nobody knows.
func (t *Transport) Seek(frame []byte) error { return t.port.Check(frame) }

// Receive receives from anyone.
func (t *Transport) Receive(batch []transport.Inbound) (int, error) { return t.port.Receive(batch) }

// Watch tethers the targets.
func (t *Transport) Watch(targets []transport.Target) { t.port.Watch(targets) }

// Evidence gives what the tethers found.
func (t *Transport) Evidence() <-chan transport.Evidence { return t.port.Evidence() }

// Stats gives the counts.
func (t *Transport) Stats() transport.Stats { return t.port.Stats() }

// ReceiveBuffer gives what the system granted.
func (t *Transport) ReceiveBuffer() int { return t.port.ReceiveBuffer() }

// Close frees everything.
func (t *Transport) Close() error { return t.port.Close() }
