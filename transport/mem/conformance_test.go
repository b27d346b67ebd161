package mem_test

import (
	"net/netip"
	"testing"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/mem"
	"github.com/gmsd/gmsd/transport/transporttest"
	"github.com/gmsd/gmsd/views"
)

func TestConformance(t *testing.T) {
	transporttest.Run(t, func(*testing.T) transporttest.Factory {
		network := mem.NewNetwork()
		return transporttest.Memory(func(addr netip.AddrPort, self views.Process) (transport.Transport, error) {
			return network.Open(addr, self)
		})
	})
}
