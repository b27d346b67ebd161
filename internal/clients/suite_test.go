package clients

import (
	"context"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/gmsd/gmsd/client"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/gms/member/membertest"
)

// serve starts a server over one host of a fake cluster, until the test ends.
func serve(tb testing.TB, f *membertest.Fake, host int, change func(*Config)) *Server {
	tb.Helper()
	c := Config{
		Listen:   []string{filepath.Join(tb.TempDir(), "s")},
		Open:     func(name string) (member.Port, error) { return f.Open(host, name) },
		Software: "test",
	}
	if change != nil {
		change(&c)
	}
	s, err := Listen(c)
	if err != nil {
		tb.Fatal(err)
	}
	go s.Serve()
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

func address(s *Server) string {
	a := s.Addrs()[0]
	return a.Network() + ":" + a.String()
}

// wires are the connections of clients, to cut them.
type wires struct {
	mu    sync.Mutex
	conns map[member.Port]net.Conn
}

// dial connects a client that does not connect again, whose connection is known.
func (w *wires) dial(tb testing.TB, s *Server, name string) member.Port {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), membertest.Patience)
	defer cancel()
	var conn net.Conn
	p, err := client.Dial(ctx, address(s), client.Options{
		Name: name, NoReconnect: true,
		Connect: func(ctx context.Context, network, address string) (net.Conn, error) {
			var err error
			conn, err = new(net.Dialer).DialContext(ctx, network, address)
			return conn, err
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[p] = conn
	return p
}

func (w *wires) cut(p member.Port) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.conns[p].Close()
}

// socketCluster is a fake cluster behind sockets, one for each host.
func socketCluster(tb testing.TB, change func(*Config)) membertest.Cluster {
	f := membertest.NewFake(membertest.Hosts, membertest.FakeOptions{})
	var servers []*Server
	for i := range membertest.Hosts {
		servers = append(servers, serve(tb, f, i, change))
	}
	w := &wires{conns: make(map[member.Port]net.Conn)}
	return membertest.Cluster{
		Open: func(tb testing.TB, host int, name string) member.Port { return w.dial(tb, servers[host], name) },
		Kill: w.cut,
	}
}

func TestConformanceUnix(t *testing.T) {
	membertest.Run(t, func(tb testing.TB) membertest.Cluster { return socketCluster(tb, nil) })
}

func TestConformanceTCP(t *testing.T) {
	membertest.Run(t, func(tb testing.TB) membertest.Cluster {
		return socketCluster(tb, func(c *Config) { c.Listen = []string{"tcp:127.0.0.1:0"} })
	})
}

// With a port that has no Submit, and with windows so small that everything waits.
func TestConformanceNarrow(t *testing.T) {
	membertest.Run(t, func(tb testing.TB) membertest.Cluster {
		return socketCluster(tb, func(c *Config) {
			open := c.Open
			c.Window = 300
			c.Open = func(name string) (member.Port, error) {
				p, err := open(name)
				return &plain{p}, err
			}
		})
	})
}

// plain hides all of a port but member.Port and Abort.
type plain struct{ member.Port }

func (p *plain) Abort() error { return p.Port.(Aborter).Abort() }
