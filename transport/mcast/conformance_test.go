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
		net := transporttest.LoopbackNet(t)
		return factory(net, net)
	})
}

// Several daemons of one machine.
func TestConformanceOneAddress(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Factory {
		net := transporttest.LoopbackNet(t)
		return factory(net, transporttest.OneAddress(net))
	})
}

func factory(net, bind func(i int) netip.AddrPort) transporttest.Factory {
	return transporttest.Factory{
		Tethered: true, Multicast: true,
		Open: func(_ *testing.T, i int, self views.Process, nonce uint64) (transport.Transport, error) {
			return mcast.Open(config(net, bind(i), self, nonce))
		},
	}
}

func config(net func(i int) netip.AddrPort, bind netip.AddrPort, self views.Process, nonce uint64) mcast.Config {
	return mcast.Config{
		Bind: bind, Group: transporttest.MulticastGroup(net),
		GroupHash: 1, Self: self, Nonce: nonce,
	}
}
