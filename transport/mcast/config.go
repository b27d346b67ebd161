package mcast

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/endpoint"
	"github.com/gmsd/gmsd/views"
)

// DefaultTTL keeps frames within the organisation's few routers.
const DefaultTTL = 8

// DefaultGroup is in the organisation-local scope (RFC 2365).
var DefaultGroup = netip.MustParseAddrPort("239.192.77.49:7749")

// Config is what a transport is made from. Bind, GroupHash and Self are needed.
type Config struct {
	// Bind is the one address, IPv4, for member traffic; its interface carries the
	// group. Port 0 finds a free one.
	Bind netip.AddrPort
	// Advertise is what others should use; zero means Bind.
	Advertise netip.AddrPort
	// Group is the multicast address and port; zero means [DefaultGroup].
	Group netip.AddrPort
	// TTL is how many routers a multicast passes, 1..255; 0 means [DefaultTTL].
	TTL int
	// Optional: where the interface does not carry the group the transport opens all
	// the same, by unicast alone, says so, and joins as soon as it can.
	Optional bool
	// Logger may be nil.
	Logger *slog.Logger
	// GroupHash, Self and Nonce greet those who tether us.
	GroupHash uint64
	Self      views.Process
	Nonce     uint64
	// Credentials are for the tethers; nil: nothing is proven.
	Credentials *transport.Credentials
}

func (c *Config) setDefaults() {
	if !c.Group.IsValid() {
		c.Group = DefaultGroup
	}
	if c.TTL == 0 {
		c.TTL = DefaultTTL
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}

func (c *Config) check() error {
	var faults []error
	if !c.Group.Addr().Is4() || !c.Group.Addr().IsMulticast() || c.Group.Port() == 0 {
		faults = append(faults, fmt.Errorf("mcast-group %v: want an IPv4 multicast address (224.0.0.0/4) and a port, e.g. %v",
			c.Group, DefaultGroup))
	}
	if c.TTL < 1 || c.TTL > 255 {
		faults = append(faults, fmt.Errorf("multicast TTL %d: want 1..255", c.TTL))
	}
	if c.Bind.Addr().IsUnspecified() {
		faults = append(faults, fmt.Errorf("bind %v: multicast needs one address, whose interface carries the group; bind to one of: %s",
			c.Bind, endpoint.OurAddresses()))
	}
	return errors.Join(faults...)
}

func (c *Config) endpoint() endpoint.Config {
	return endpoint.Config{
		Bind: c.Bind, Advertise: c.Advertise, Logger: c.Logger,
		GroupHash: c.GroupHash, Self: c.Self, Nonce: c.Nonce, Credentials: c.Credentials,
	}
}
