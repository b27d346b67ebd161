package main

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/settings"
	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/internal/clients"
	"github.com/gmsd/gmsd/internal/stable"
)

// startable is the daemon of s, with all that keeps it from starting as far as that can
// be told without: faults of the settings, of the files that they name, of the addresses
// at which it is to listen. Run asks it, and so does the doctor before; it changes nothing.
func startable(s *settings.Settings, log *slog.Logger) (*settings.Daemon, error) {
	setup, err := s.Daemon(version(), log)
	if s.Unread() {
		return setup, err // what is named is not what was meant
	}
	err = errors.Join(err, setup.Host.CheckFiles())
	if errors.Is(err, stable.ErrLocked) {
		return setup, err // that process may well listen there, too
	}
	err = errors.Join(err, admin.Check(adminOf(setup)))
	for _, where := range setup.Clients {
		err = errors.Join(err, clientsFault(where, new(clients.Config).Check(where)))
	}
	if err != nil && !s.AtFault("bind") { // without a fault the start says it, and who has it
		err = errors.Join(err, portFault(setup.Host.Bind))
	}
	return setup, err
}

// adminOf is where the admin interface of a daemon is, and what it may tell.
func adminOf(d *settings.Daemon) admin.Config {
	return admin.Config{
		TCP: d.Admin, TLS: d.AdminTLS, Socket: d.AdminSocket, Group: d.Host.Group, Version: version(), LabFaults: d.Host.LabFaults,
	}
}

// clientsFault is why programs cannot reach a daemon there; nil stays nil.
func clientsFault(where string, err error) error {
	if err == nil {
		return nil
	}
	return &gms.FieldError{
		Key: "clients", Value: where, Bound: "an address at which we can listen", Cure: err.Error(), Err: err,
	}
}

// portFault says that somebody else has the port, for who has other faults to mend, too.
func portFault(bind netip.AddrPort) error {
	l, err := net.Listen("tcp4", bind.String())
	if err == nil {
		return l.Close()
	}
	if !errors.Is(err, unix.EADDRINUSE) {
		return nil // what is wrong with the address is told by the settings
	}
	return &gms.FieldError{Key: "bind", Value: bind.String(), Bound: "an address whose port is free", Cure: "another process has this port: end it, or choose another port", Err: err}
}
