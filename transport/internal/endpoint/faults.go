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

// ExplainBind turns a failed bind into one sentence: what, who, what to do.
// The cause stays in the chain.
func ExplainBind(network string, at netip.AddrPort, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s %v is in use%s: stop it, or set another port in bind: %w",
			network, at, describeOwner(network, at), cause(err))
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s %v is not an address of this host: bind to one of %s: %w",
			network, at, OurAddresses(), cause(err))
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s %v may not be bound: ports below 1024 need CAP_NET_BIND_SERVICE; set another port in bind: %w",
			network, at, cause(err))
	}
	return fmt.Errorf("cannot bind %s %v: %w", network, at, cause(err))
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
		return "none"
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
