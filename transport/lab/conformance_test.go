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

// Without faults a Lab is the transport it wraps.
func TestConformance(t *testing.T) {
	transporttest.Run(t, func(*testing.T) transporttest.Factory {
		network := mem.NewNetwork()
		return transporttest.Memory(func(addr netip.AddrPort, self views.Process) (transport.Transport, error) {
			tr, err := network.Open(addr, self)
			if err != nil {
				return nil, err
			}
			return lab.Wrap(tr), nil
		})
	})
}
