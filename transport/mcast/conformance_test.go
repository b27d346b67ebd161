package mcast_test

import (
	"net/netip"
	"testing"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/mcast"
	"github.com/gmsd/gmsd/transport/transporttest"
	"github.com/gmsd/gmsd/views"
)

// Every host has an address of its own and the group's port number.
func TestConformance(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Factory {
		return factory(transporttest.LoopbackNet(t))
	})
}

// One address, several ports: several daemons of one machine.
func TestConformanceOneAddress(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Factory {
		net := transporttest.LoopbackNet(t)
		f := factory(net)
		f.Open = func(_ *testing.T, i int, self views.Process, nonce uint64) (transport.Transport, error) {
			first := 25_000 + (int(net(0).Port())-15_000)*transporttest.HostsMax%5_000
			return mcast.Open(config(net, netip.AddrPortFrom(net(0).Addr(), uint16(first+i)), self, nonce))
		}
		return f
	})
}

func factory(net func(i int) netip.AddrPort) transporttest.Factory {
	return transporttest.Factory{
		Tethered: true,
		Open: func(_ *testing.T, i int, self views.Process, nonce uint64) (transport.Transport, error) {
			return mcast.Open(config(net, net(i), self, nonce))
		},
	}
}

func config(net func(i int) netip.AddrPort, bind netip.AddrPort, self views.Process, nonce uint64) mcast.Config {
	return mcast.Config{
		Bind: bind, Group: transporttest.MulticastGroup(net),
		GroupHash: 1, Self: self, Nonce: nonce,
	}
}
