package lab_test

import (
	"net/netip"
	"testing"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/lab"
	"github.com/gmsd/gmsd/transport/mem"
	"github.com/gmsd/gmsd/transport/transporttest"
	"github.com/gmsd/gmsd/views"
)

func addr(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i) + 1}), 7749)
}

// Without faults a Lab is the transport it wraps.
func TestConformance(t *testing.T) {
	transporttest.Run(t, func(*testing.T) transporttest.Factory {
		network := mem.NewNetwork()
		return transporttest.Factory{
			Tethered: true,
			Open: func(_ *testing.T, i int, self views.Process, _ uint64) (transport.Transport, error) {
				tr, err := network.Open(addr(i), self)
				if err != nil {
					return nil, err
				}
				return lab.Wrap(tr), nil
			},
		}
	})
}
