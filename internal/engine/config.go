package engine

import (
	"github.com/gmsd/gmsd/failuredetect"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/vsync"
)

// Config is what an engine is made from. The caller fills Self, Group, Nonce
// and Seed; the zero Timing means the defaults.
type Config struct {
	// Self is this host's record: process, name, address, first bits and
	// attributes, version.
	Self views.Member
	// Group is the group's name; two groups never mix.
	Group string
	// Nonce is drawn anew at every start.
	Nonce uint64
	// Seed feeds the engine's only random source (jitter).
	Seed uint64
	// Seq is the highest view seq on this host's disk.
	Seq views.Seq
	// Multicast says that what is for all goes by multicast, so that strangers
	// hear it, too.
	Multicast bool
	// PathBytes is how long a frame may be without being taken apart on its way:
	// what the path carries less the headers of IP and UDP. 0: 1,472, an Ethernet;
	// at least 548, what every path of IPv4 carries. A control message that is longer
	// goes in pieces.
	PathBytes int
	// Window is how many bytes of messages may be under way in a view; 0 for the
	// core's default. A quarter of the receive buffer is right.
	Window int
	// MessageEvents: sends and deliveries of messages are events, too. They cost
	// more than the messages.
	MessageEvents bool
	// Timing and Detect tune the core and the detector; zero for the defaults.
	Timing vsync.Timing
	Detect failuredetect.Config
}

const (
	pathDefault = 1472
	pathLeast   = 548
	// dataOverhead is what a frame takes beside the body of the one packet in it.
	dataOverhead = 96
)

func (c *Config) ensureDefaults() {
	if c.PathBytes == 0 {
		c.PathBytes = pathDefault
	}
	c.PathBytes = min(max(c.PathBytes, pathLeast), views.DatagramMax)
}
