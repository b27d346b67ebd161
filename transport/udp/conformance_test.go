package udp_test

import (
	"net/netip"
	"testing"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/transporttest"
	"github.com/gmsd/gmsd/transport/udp"
	"github.com/gmsd/gmsd/views"
)

func TestConformance(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Factory { return factory(transporttest.LoopbackNet(t)) })
}

// Several daemons of one machine.
func TestConformanceOneAddress(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Factory {
		return factory(transporttest.OneAddress(transporttest.LoopbackNet(t)))
	})
}

func factory(addr func(i int) netip.AddrPort) transporttest.Factory {
	return transporttest.Factory{
		Tethered: true, Blind: true,
		Open: func(_ *testing.T, i int, self views.Process, nonce uint64) (transport.Transport, error) {
			return udp.Open(udp.Config{Bind: addr(i), GroupHash: 1, Self: self, Nonce: nonce})
		},
	}
}
