package gms

import (
	"log/slog"
	"net/netip"
	"os"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
)

// DefaultPort is the one port of member traffic, UDP and TCP.
const DefaultPort = 7749

// Names of the transports that Config.Transport knows.
const (
	TransportMulticast = "mcast"
	TransportUDP       = "udp"
	TransportTCP       = "tcp"
	TransportRouter    = "router"
)

// Ways in which the started bit is set.
const (
	StartedAuto = "auto"
	StartedAPI  = "api"
	// StartedCheck begins "check:COMMAND".
	StartedCheck = "check:"
)

// Config says how to start a host. The zero value of every field but
// KeyFile is good: [Config.EnsureDefaults] fills it. The comments name the
// setting of the daemon that a field stands for.
type Config struct {
	// Name (name) is the admin's name of this host, unique in a group.
	// Empty: what the system calls itself.
	Name string
	// Group (group) is the group's name on the wire; two groups never mix.
	// Empty: "default".
	Group string
	// DataDir (data-dir) keeps the identity and what must not be forgotten. One
	// host at a time; copying it clones the host. Empty: /var/lib/gmsd.
	DataDir string
	// Bind (bind) is our address for all member traffic. No address: the first
	// non-loopback IPv4 in interface order, else 127.0.0.1 with a warning.
	// Port 0 with an address given: any free one.
	Bind netip.AddrPort
	// Advertise (advertise) is what others should use. Zero: Bind.
	Advertise netip.AddrPort
	// Transport (transport) is TransportMulticast, TransportUDP, TransportTCP or
	// TransportRouter. Empty: multicast. Unused where NewTransport is set.
	Transport string
	// McastGroup (mcast-group) is where hosts find each other. Zero:
	// 239.192.77.49:7749.
	McastGroup netip.AddrPort
	// Peers (peers) are host[:port] where other hosts may be, whatever the transport.
	// A name is resolved anew at every attempt. At most 1,024.
	Peers []string
	// PeersFile (peers-file) is a file of such peers, one a line, # begins a comment;
	// it is read again when it changes. Empty: none.
	PeersFile string
	// PeersDNS (peers-dns) are names that stand for several hosts: name[:port] for
	// all its addresses, _service._udp.domain for its SRV records.
	PeersDNS []string
	// Routers (routers) are the gossip routers of TransportRouter, host:port, 1 to 8. A
	// name is resolved anew at every attempt.
	Routers []string
	// KeyFile (key-file) holds the key ring of the group (gmsd keys gen); only its
	// owner may be able to read it. It is read at the start and written where the
	// keys of the group change. Every host of a group has the same.
	KeyFile string
	// InsecureLab (insecure-lab) does without: anyone who can send to Bind can join,
	// forge and remove. One of the two must be set.
	InsecureLab bool
	// EventLog (event-log) is a file to append the event log to, "-" for the
	// standard output, empty for none.
	EventLog string
	// NoMessageEvents (event-messages=false) keeps sends and deliveries of messages
	// out of the event log: they cost more than the messages. The property checkers
	// need them.
	NoMessageEvents bool
	// Started (started) says who sets the started bit: StartedAuto, at once
	// when the host is up, StartedAPI, the program by SetBits, or StartedCheck
	// and a command, which the host gives to /bin/sh every 5 s: its first success
	// sets the bit, three failures in a row take it back. Empty: auto.
	Started string
	// Attrs (attrs) travel with the host in views; for facts, not data: limits
	// in package views.
	Attrs map[string]string
	// HasDB (db) sets the has-db bit from the start.
	HasDB bool
	// LabFaults (lab-faults) allows the Lab calls.
	LabFaults bool
	// Window is how many bytes of messages may be under way in the group
	// altogether, at least 64 KiB. Zero: a quarter of the receive buffer.
	Window int
	// SpoolMax is how many bytes of messages wait on disk for one port that waits
	// for the state of a group (member.Options.State); beyond it the group slows
	// down. Zero: 1 GiB.
	SpoolMax int64
	// Version is the daemon's, up to [views.VersionMax] bytes. Empty: "dev".
	Version string
	// Logger takes lines for people. Nil: none.
	Logger *slog.Logger
	// NewTransport, if set, makes the transport in place of Transport: an
	// in-memory network, a transport of one's own. Self is this life of the host.
	// The host closes the transport.
	NewTransport func(self views.Process) (transport.Transport, error)

	seams seams
}

// EnsureDefaults fills what is zero. [Start] calls it.
func (c *Config) EnsureDefaults() {
	setDefault(&c.Group, "default")
	setDefault(&c.DataDir, "/var/lib/gmsd")
	setDefault(&c.Transport, TransportMulticast)
	setDefault(&c.Started, StartedAuto)
	setDefault(&c.Version, "dev")
	if c.SpoolMax == 0 {
		c.SpoolMax = 1 << 30
	}
	if c.Name == "" {
		// Without a host name the field stays empty and Validate says so.
		c.Name, _ = os.Hostname()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.seams.ensureDefaults()
	if c.NewTransport == nil {
		c.ensureAddresses()
	}
}

func (c *Config) ensureAddresses() {
	if !c.McastGroup.IsValid() {
		c.McastGroup = netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 192, 77, 49}), DefaultPort)
	}
	if !c.Bind.Addr().IsValid() {
		port := c.Bind.Port()
		if port == 0 {
			port = DefaultPort
		}
		own, _ := c.seams.addresses() // what cannot be read is reported by Validate
		addr, found := firstAddress(own)
		if !found {
			c.Logger.Warn("no IPv4 address but the loopback: other machines cannot reach this host",
				"bind", addr, "cure", "set bind once the network is up")
		}
		c.Bind = netip.AddrPortFrom(addr, port)
	}
	if !c.Advertise.IsValid() {
		c.Advertise = c.Bind
	}
}

// bits gives the bits this host starts with. The started bit is there from the
// beginning: the first view is installed when start-up is done, and nobody
// sees the bit before; so it costs no message.
func (c *Config) bits() views.Bits {
	var b views.Bits
	if c.Started == StartedAuto {
		b |= views.Started
	}
	if c.HasDB {
		b |= views.HasDB
	}
	return b
}

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}
