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
	// Timing and Detect tune the core and the detector; zero for the defaults.
	Timing vsync.Timing
	Detect failuredetect.Config
}
