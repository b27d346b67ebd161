package gms_test

import (
	"testing"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/gms/member/membertest"
	"github.com/gmsd/gmsd/transport/mem"
)

// Ports of real hosts keep the promises of package member: hosts that have met on
// an in-memory network, in real time.
func TestPortsConform(t *testing.T) {
	membertest.Run(t, func(tb testing.TB) membertest.Cluster {
		hosts := formed(tb, membertest.Hosts)
		return membertest.Cluster{
			Open: func(tb testing.TB, host int, name string) member.Port {
				p, err := hosts[host].OpenPort(name)
				if err != nil {
					tb.Fatal(err)
				}
				return p
			},
			Kill: func(p member.Port) { _ = p.(*gms.Port).Abort() },
		}
	})
}

// formed starts n hosts and waits until they share a view.
func formed(tb testing.TB, n int) []*gms.Host {
	tb.Helper()
	net, dir := mem.NewNetwork(), tb.TempDir()
	var hosts []*gms.Host
	for i := 1; i <= n; i++ {
		cfg := configOf(net, dir, i)
		h, err := gms.Start(tb.Context(), cfg)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = h.Close() })
		hosts = append(hosts, h)
	}
	for _, h := range hosts {
		s, err := h.View(), error(nil)
		for s.View.Size() < n && err == nil {
			s, err = h.WaitView(tb.Context(), s.View.ID.Seq)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	return hosts
}

// The end of a port is told to who asks for it, whoever ends it.
func TestEndedIsTold(t *testing.T) {
	h := formed(t, 1)[0]
	for _, end := range []func(*gms.Port) error{(*gms.Port).Close, (*gms.Port).Abort} {
		p, err := h.OpenPort("p")
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-p.Ended():
			t.Fatal("it ended by itself")
		default:
		}
		if err := end(p); err != nil {
			t.Fatal(err)
		}
		<-p.Ended()
	}
}
