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
	"github.com/gmsd/gmsd/transport/tcp"
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
// used: in use, no space, not ours. Nil stays nil.
func storeError(dir string, err error) error {
	if err == nil {
		return nil
	}
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
	if err == nil && a.cfg.seams.wrap != nil {
		return a.cfg.seams.wrap(tr), nil
	}
	if err != nil || !a.cfg.LabFaults {
		return tr, err
	}
	a.host.lab = lab.Wrap(tr)
	return a.host.lab, nil
}

// tcp is what connections between members are made from.
func (a *assembly) tcp(advertise netip.AddrPort) tcp.Config {
	c := a.cfg
	return tcp.Config{
		Bind: c.Bind, Advertise: advertise, Logger: c.Logger,
		GroupHash: engine.GroupHash(c.Group), Self: a.loop.self, Nonce: a.nonce, Credentials: a.credentials(),
	}
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
	case c.Transport == TransportTCP:
		t, err := tcp.Open(a.tcp(advertise))
		if err != nil {
			return nil, err
		}
		return t, nil
	case c.Transport == TransportRouter:
		return a.openRouter(advertise)
	case c.Transport == TransportUDP:
		t, err := udp.Open(udp.Config{
			Bind: c.Bind, Advertise: advertise, Logger: logger,
			GroupHash: group, Self: self, Nonce: a.nonce, Credentials: a.credentials(),
		})
		if err != nil {
			return nil, err // not a nil *udp.Transport as a transport
		}
		return t, nil
	default:
		t, err := mcast.Open(mcast.Config{
			Bind: c.Bind, Advertise: advertise, Group: c.McastGroup, Logger: logger,
			GroupHash: group, Self: self, Nonce: a.nonce, Credentials: a.credentials(), Optional: a.knowsOthers(),
		})
		if err != nil {
			return nil, err
		}
		return t, nil
	}
}

// credentials let the transport prove who we are where it greets others.
func (a *assembly) credentials() *transport.Credentials {
	c := &transport.Credentials{Refused: a.host.greetingRefused(a.cfg.Logger)}
	if !a.ring.IsZero() {
		c.Identity, c.Keys = a.identity, a.host.keys
	}
	return c
}
