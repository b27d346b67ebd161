package engine

import (
	"github.com/gmsd/gmsd/views"
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
	// Bind says whether frames go by multicast where they are for many; only
	// a hint for what to repeat by unicast.
	Multicast bool
}
