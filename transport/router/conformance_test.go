package router

import (
	"net/netip"
	"testing"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/gossip"
	"github.com/gmsd/gmsd/transport/tcp"
	"github.com/gmsd/gmsd/transport/transporttest"
	"github.com/gmsd/gmsd/views"
)

// The suite runs with one router and with two, with members that reach each other and
// with members that do not.
func TestConformance(t *testing.T) {
	for name, c := range map[string]struct {
		routers int
		relayed bool
	}{"One": {1, false}, "Two": {2, false}, "OneRelays": {1, true}, "TwoRelay": {2, true}} {
		t.Run(name, func(t *testing.T) {
			transporttest.Run(t, func(t *testing.T) transporttest.Factory {
				return newField(t, c.routers, c.relayed).factory()
			})
		})
	}
}

// field is some routers and the members that use them.
type field struct {
	*testing.T
	net     func(i int) netip.AddrPort
	relayed bool
	routers []*gossip.Server
	at      []string
	times   timing
	open    []*Transport
	news    chan struct{} // capacity 1: somebody found something
}

// The routers have the addresses 100 and up of the net.
func newField(t *testing.T, routers int, relayed bool) *field {
	f := &field{T: t, net: transporttest.LoopbackNet(t), relayed: relayed, times: shippedTiming(), news: make(chan struct{}, 1)}
	for i := range routers {
		f.at = append(f.at, f.net(100+i).String())
		f.routers = append(f.routers, nil)
	}
	for i := range routers {
		f.startRouter(i)
	}
	return f
}

func (f *field) startRouter(i int) {
	f.Helper()
	var others []string
	for k, at := range f.at {
		if k != i {
			others = append(others, at)
		}
	}
	r, err := gossip.Open(gossip.Config{Bind: f.net(100 + i), Peers: others})
	if err != nil {
		f.Fatal(err)
	}
	f.routers[i] = r
	f.Cleanup(func() { _ = r.Close() })
}

func (f *field) factory() transporttest.Factory {
	return transporttest.Factory{
		Tethered: !f.relayed, Blind: true, Settled: func() { f.until("all members to know of each other", f.known) },
		Open: func(_ *testing.T, i int, self views.Process, nonce uint64) (transport.Transport, error) {
			return f.member(i, self, nonce), nil
		},
	}
}

// member opens a transport. Relayed ones say that they are where nobody is.
func (f *field) member(i int, self views.Process, nonce uint64) *Transport {
	f.Helper()
	d := tcp.Config{Bind: f.net(i), GroupHash: 1, Self: self, Nonce: nonce}
	if f.relayed {
		d.Advertise = f.net(i + 200)
	}
	t, err := openWith(Config{
		Direct: d, Routers: f.at, Identity: transporttest.Identity(i),
		Found: func([]netip.AddrPort, string) {
			select {
			case f.news <- struct{}{}:
			default:
			}
		},
	}, f.times)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = t.Close() })
	f.open = append(f.open, t)
	return t
}

// known reports whether every member knows all others at every router.
func (f *field) known() bool {
	var alive []*Transport
	for _, t := range f.open {
		t.mu.Lock()
		if !t.closed {
			alive = append(alive, t)
		}
		t.mu.Unlock()
	}
	for _, t := range alive {
		if !t.knows(alive) {
			return false
		}
	}
	return true
}

func (t *Transport) knows(all []*Transport) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.lines {
		if l.up == nil {
			return false
		}
		for _, o := range all {
			if e, ok := l.up.entries[o.self.Member.Life()]; o != t && (!ok || e.Via != l.up.number) {
				return false
			}
		}
		if len(l.up.entries) != len(all)-1 {
			return false
		}
	}
	return true
}

// until waits for news until a condition holds.
func (f *field) until(what string, holds func() bool) {
	f.Helper()
	late := time.NewTimer(transporttest.Patience)
	defer late.Stop()
	for !holds() {
		select {
		case <-f.news:
		case <-late.C:
			f.Fatalf("waited in vain for %s", what)
		}
	}
}
