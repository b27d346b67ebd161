package clients

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/gms/member/membertest"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/mem"
	"github.com/gmsd/gmsd/views"
)

// The promises hold from the program's end to the network's: clients, sockets, and
// real hosts that have met on a network in memory.
func TestConformanceHosts(t *testing.T) {
	membertest.Run(t, func(tb testing.TB) membertest.Cluster {
		var servers []*Server
		for _, h := range hosts(tb, membertest.Hosts) {
			servers = append(servers, serve(tb, nil, 0, func(c *Config) {
				c.Open = func(name string) (member.Port, error) { return h.OpenPort(name) }
			}))
		}
		w := &wires{conns: make(map[member.Port]net.Conn)}
		return membertest.Cluster{
			Open: func(tb testing.TB, host int, name string) member.Port { return w.dial(tb, servers[host], name) },
			Kill: w.cut,
		}
	})
}

// hosts starts n hosts and waits until they share a view.
func hosts(tb testing.TB, n int) []*gms.Host {
	tb.Helper()
	network, dir := mem.NewNetwork(), tb.TempDir()
	var out []*gms.Host
	for i := range n {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), gms.DefaultPort)
		h, err := gms.Start(tb.Context(), gms.Config{
			Name: fmt.Sprint("h", i), DataDir: filepath.Join(dir, fmt.Sprint(i)), InsecureLab: true,
			NewTransport: func(self views.Process) (transport.Transport, error) { return network.Open(addr, self) },
		})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = h.Close() })
		out = append(out, h)
	}
	for _, h := range out {
		for s := h.View(); s.View.Size() < n; {
			var err error
			if s, err = h.WaitView(tb.Context(), s.View.ID.Seq); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return out
}
