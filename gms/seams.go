package gms

import (
	"context"
	"crypto/ed25519"
	"net/netip"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/internal/stable"
	"github.com/gmsd/gmsd/internal/tracelog"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
)

// machine is the engine as the loop uses it; [engine.Engine] is the one.
type machine interface {
	Step(now views.Instant, in engine.Input) *engine.Output
	Deadline() views.Instant
	Room() int
	Status() engine.Status
	Links() []engine.LinkStatus
}

// store is the durable memory of a host; internal/stable has the one.
type store interface {
	// Self gives this life of this host and its key.
	Self() (views.Process, ed25519.PrivateKey)
	// Seq is the highest view seq saved.
	Seq() views.Seq
	// SaveSeq returns when seq would survive a loss of power.
	SaveSeq(seq views.Seq) error
	// SavePeers notes whom this host was with, ever; no promise depends on it. Peers
	// is what was noted before this life.
	SavePeers(peers []stable.Peer) error
	Peers() []stable.Peer
	Close() error
}

// seams are where a test puts in its own parts; zero means the real ones.
type seams struct {
	clock      func() views.Instant
	openStore  func(dir string) (store, error)
	newMachine func(engine.Config) (machine, error)
	addresses  func() ([]netip.Addr, error)
	check      func(ctx context.Context, command string) error
	saveRing   func(path string, r keys.Ring) error
	// wrap, if set, stands between the host and its transport.
	wrap func(transport.Transport) transport.Transport
}

func (s *seams) ensureDefaults() {
	if s.clock == nil {
		s.clock = tracelog.Now
	}
	if s.openStore == nil {
		s.openStore = openStable
	}
	if s.newMachine == nil {
		s.newMachine = newEngine
	}
	if s.addresses == nil {
		s.addresses = ownAddresses
	}
	if s.saveRing == nil {
		s.saveRing = keyfile.Save
	}
	if s.check == nil {
		s.check = runShell
	}
}
