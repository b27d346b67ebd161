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
	transporttest.Run(t, func(t *testing.T) transporttest.Factory {
		net := transporttest.LoopbackNet(t)
		var peers []string
		for i := range transporttest.HostsMax {
			peers = append(peers, net(i).String())
		}
		return factory(net, peers)
	})
}

func factory(addr func(i int) netip.AddrPort, peers []string) transporttest.Factory {
	return transporttest.Factory{
		Tethered: true,
		Open: func(_ *testing.T, i int, self views.Process, nonce uint64) (transport.Transport, error) {
			return udp.Open(udp.Config{Bind: addr(i), Peers: peers, GroupHash: 1, Self: self, Nonce: nonce})
		},
	}
}

// One address, several ports: several daemons of one machine.
func TestConformanceOneAddress(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Factory {
		net := transporttest.LoopbackNet(t)
		at := func(i int) netip.AddrPort {
			// A port in steps of the suite's hosts, still below the ephemeral ones.
			first := 25_000 + (int(net(0).Port())-15_000)*transporttest.HostsMax%5_000
			return netip.AddrPortFrom(net(0).Addr(), uint16(first+i))
		}
		var peers []string
		for i := range transporttest.HostsMax {
			peers = append(peers, at(i).String())
		}
		return factory(at, peers)
	})
}
