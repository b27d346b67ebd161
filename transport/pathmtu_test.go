package transport_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/transport"
)

func TestPathMTU(t *testing.T) {
	loopback, err := net.InterfaceByName("lo")
	if err != nil {
		t.Skip(err)
	}
	if got, err := transport.PathMTU(netip.MustParseAddrPort("127.0.0.1:7749")); err != nil || got != min(loopback.MTU, 65535) {
		t.Errorf("%d, %v, want what lo has, %d", got, err, loopback.MTU)
	}
	// Who may not send to an address has no way there.
	if _, err := transport.PathMTU(netip.MustParseAddrPort("255.255.255.255:7749")); !errors.Is(err, unix.EACCES) {
		t.Errorf("to everybody: %v", err)
	}
}
