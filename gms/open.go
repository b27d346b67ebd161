package gms

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/stable"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/lab"
	"github.com/gmsd/gmsd/transport/mcast"
	"github.com/gmsd/gmsd/transport/udp"
)

// openStable opens the data directory of a real host.
func openStable(dir string) (store, error) {
	s, err := stable.Open(dir)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// storeError tells a directory that cannot be trusted from one that cannot be
// used: in use, no space, not ours.
func storeError(dir string, err error) error {
	if errors.Is(err, stable.ErrDamaged) {
		return &DamagedError{Dir: dir, Err: err}
	}
	return fmt.Errorf("data-dir: %w", err)
}

// newEngine makes the shipped engine.
func newEngine(cfg engine.Config) (machine, error) {
	e, err := engine.New(cfg)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// newTransport makes the transport that the configuration names, under lab
// faults where they are allowed.
func (a *assembly) newTransport() (transport.Transport, error) {
	tr, err := a.bareTransport()
	if err != nil || !a.cfg.LabFaults {
		return tr, err
	}
	a.host.lab = lab.Wrap(tr)
	return a.host.lab, nil
}

func (a *assembly) bareTransport() (transport.Transport, error) {
	c, self := a.cfg, a.loop.self
	group, logger := engine.GroupHash(c.Group), c.Logger
	advertise := c.Advertise
	if advertise == c.Bind {
		advertise = netip.AddrPort{} // the transport knows which port it got
	}
	switch {
	case c.NewTransport != nil:
		return c.NewTransport(self)
	case c.Transport == TransportUDP:
		if len(c.Peers) == 0 {
			logger.Warn("no peers: this host finds nobody, only those who name it can find it", "cure", "set peers")
		}
		t, err := udp.Open(udp.Config{
			Bind: c.Bind, Advertise: advertise, Peers: c.Peers, Logger: logger,
			GroupHash: group, Self: self, Nonce: a.nonce,
		})
		if err != nil {
			return nil, err // not a nil *udp.Transport as a transport
		}
		return t, nil
	default:
		t, err := mcast.Open(mcast.Config{
			Bind: c.Bind, Advertise: advertise, Group: c.McastGroup, Logger: logger,
			GroupHash: group, Self: self, Nonce: a.nonce,
		})
		if err != nil {
			return nil, err
		}
		return t, nil
	}
}
