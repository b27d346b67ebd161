package clients

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/gms/member/membertest"
	"github.com/gmsd/gmsd/internal/clientwire"
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

// held gives a server, and a member of "g" at its host that lets nobody in until it
// closes.
func held(t *testing.T) (s *Server, guard *gms.Port) {
	h := hosts(t, 1)[0]
	s = serve(t, nil, 0, func(c *Config) {
		c.Open = func(name string) (member.Port, error) { return h.OpenPort(name) }
	})
	guard, err := h.OpenPort("guard")
	if err != nil {
		t.Fatal(err)
	}
	if err := guard.Join(t.Context(), "g", member.Options{Block: true, BlockFor: time.Hour}); err != nil {
		t.Fatal(err)
	}
	return s, guard
}

// untilBlock waits until a port is asked to stop.
func untilBlock(t *testing.T, p *gms.Port) {
	for asked := false; !asked; {
		events, err := p.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		asked = slices.ContainsFunc(events, func(e member.Event) bool { return e.Kind == member.KindBlock })
	}
}

// A join that was taken back comes about all the same, once the others agree: only
// parted makes its number free.
func TestJoinTakenBack(t *testing.T) {
	s, guard := held(t)
	r := greet(t, s, 1<<20)
	r.write(bind(0, "g"), join(0, 1))
	untilBlock(t, guard)
	r.write(clientwire.AppendCancel(nil, 1))
	if f, err := clientwire.ParseFailed(r.await(clientwire.TypeFailed)); err != nil || f.Code != clientwire.CodeCanceled {
		t.Errorf("%+v, %v", f, err)
	}
	if err := guard.Close(); err != nil { // now nobody holds the join up
		t.Fatal(err)
	}
	r.await(clientwire.TypeView)
	r.write(clientwire.AppendLeave(nil, &clientwire.Leave{Token: 2}))
	r.await(clientwire.TypeParted)
	r.write(bind(0, "other"), join(0, 3))
	r.await(clientwire.TypeView)
}

// The client in Go knows that, too, when it is short of numbers.
func TestNumberOfAJoinTakenBack(t *testing.T) {
	s, guard := held(t)
	w := &wires{conns: make(map[member.Port]net.Conn)}
	p := w.dial(t, s, "go")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.Join(ctx, "g", member.Options{}) }()
	untilBlock(t, guard)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for i := range clientwire.HandlesMax {
		if _, err := p.Send(t.Context(), fmt.Sprint(i), views.FIFO, nil); err != nil {
			t.Fatalf("group %d: %v", i, err)
		}
	}
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
