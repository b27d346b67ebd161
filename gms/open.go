package gms

import (
	"errors"
	"fmt"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/stable"
	"github.com/gmsd/gmsd/transport"
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

// newTransport makes the transport that the configuration names.
func (a *assembly) newTransport() (transport.Transport, error) {
	if a.cfg.NewTransport != nil {
		return a.cfg.NewTransport()
	}
	return nil, errors.New("not wired")
}
