package endpoint

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"github.com/gmsd/gmsd/transport"
)

// ExplainBind turns a failed bind into one sentence: which setting, what, who,
// what to do. The cause stays in the chain.
func ExplainBind(network string, at netip.AddrPort, err error) error {
	key, why := "bind", "cannot be bound"
	if at.Addr().IsMulticast() {
		key = "mcast-group"
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		why = "another process has this port" + describeOwner(network, at) + "; stop it, or choose another port"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		why = "not an address of this host; choose one of: " + OurAddresses()
	case errors.Is(err, syscall.EACCES):
		why = "ports below 1024 need CAP_NET_BIND_SERVICE; choose a higher one"
	}
	return fmt.Errorf("%s = %q: %s (%s: %w)", key, at, why, network, cause(err))
}

// cause strips the layers of package net, which repeat the address.
func cause(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// OurAddresses lists this host's IPv4 addresses for an error message.
func OurAddresses() string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return "unknown: " + err.Error()
	}
	var ours []string
	for _, a := range addrs {
		if p, ok := a.(*net.IPNet); ok && p.IP.To4() != nil {
			ours = append(ours, p.IP.String())
		}
	}
	if len(ours) == 0 {
		return "none, bring an interface up first"
	}
	return strings.Join(ours, ", ")
}

// classifySend gives a failed send the sentinel a caller can act on.
func classifySend(err error, to netip.AddrPort) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, net.ErrClosed):
		return transport.ErrClosed
	case errors.Is(err, syscall.EMSGSIZE):
		return transport.ErrTooLong
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOBUFS):
		return fmt.Errorf("%w: to %v", transport.ErrNoBuffer, to)
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH),
		errors.Is(err, syscall.ENETDOWN), errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.ENODEV):
		return fmt.Errorf("%w: to %v: %w", transport.ErrNoRoute, to, cause(err))
	}
	return fmt.Errorf("transport: send to %v: %w", to, cause(err))
}

func noRoute(to netip.AddrPort) error {
	return fmt.Errorf("%w: to %v: not an IPv4 address with a port", transport.ErrNoRoute, to)
}

func isFull(err error) bool {
	return errors.Is(err, transport.ErrNoBuffer) || errors.Is(err, transport.ErrClosed)
}
