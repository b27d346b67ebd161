package engine

import (
	"crypto/ed25519"
	"errors"
	"io"
	"time"

	"github.com/gmsd/gmsd/failuredetect"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/internal/seal"
	"github.com/gmsd/gmsd/internal/wire"
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
	// Hearsay: that a frame came by unicast says nothing of multicast, since faults
	// of a lab make senders replace it.
	Hearsay bool
	// PathBytes is how long a frame may be without being taken apart on its way:
	// what the path carries less the headers of IP and UDP. 0: 1,472, an Ethernet;
	// at least 548, what every path of IPv4 carries. A control message that is longer
	// goes in pieces.
	PathBytes int
	// PathSure: the transport has no path that could be shorter, so none is measured.
	PathSure bool
	// Bystander: it examines links and answers examinations, and takes nothing else, so
	// that nobody can make it a member.
	Bystander bool
	// Ring holds the keys of the group; the zero Ring: frames are plain and nothing is
	// signed. Identity, whose hash is Self's host id, signs, and Random draws secrets;
	// both are needed with a Ring.
	Ring     keys.Ring
	Identity ed25519.PrivateKey
	Random   io.Reader
	// Verify stands for [ed25519.Verify], which is what nil gives: a simulator remembers
	// what one of its hosts has found.
	Verify func(public ed25519.PublicKey, text, signature []byte) bool
	// Window is how many bytes of messages may be under way in a view; 0 for the
	// core's default. A quarter of the receive buffer is right.
	Window int
	// MessageEvents: sends and deliveries of messages are events, too. They cost
	// more than the messages.
	MessageEvents bool
	// Timing and Detect tune the core and the detector; zero for the defaults, which
	// for Detect.Beat without Multicast is BeatToEach.
	Timing vsync.Timing
	Detect failuredetect.Config
}

// Beats that keep five hosts at rest below 900 bytes a second each, headers of IP and
// seals included, where a heartbeat is a frame to each member (ADR 21).
const (
	// BeatToEach is for datagrams: 117 bytes each.
	BeatToEach = 700 * time.Millisecond
	// BeatOverStreams is for streams, which have longer headers and answer each frame
	// with a packet of their own: 197 bytes each.
	BeatOverStreams = 950 * time.Millisecond
)

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

// checkKeys holds what is needed to seal against each other.
func (c *Config) checkKeys() error {
	switch {
	case c.Ring.IsZero():
		return nil
	case len(c.Identity) != ed25519.PrivateKeySize || c.Random == nil:
		return errors.New("engine: a ring needs the host's identity and a source of randomness")
	case views.HostIDOf(c.Identity.Public().(ed25519.PublicKey)) != c.Self.Host:
		return errors.New("engine: the identity is not that of this host")
	}
	return nil
}

// frameBytes is how long a frame may be before it is sealed, with what the header is
// longer then, so that it is not taken apart on its way.
func (c *Config) frameBytes() int { return c.PathBytes - c.sealedMore() }

// tailBytes is what sealing adds behind a frame.
func (c *Config) tailBytes() int {
	if c.Ring.IsZero() {
		return 0
	}
	return seal.TagSize
}

func (c *Config) sealedMore() int {
	if c.Ring.IsZero() {
		return 0
	}
	return wire.SealedMore
}
