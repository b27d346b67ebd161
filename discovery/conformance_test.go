package discovery_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gmsd/gmsd/discovery"
	"github.com/gmsd/gmsd/discovery/discoverytest"
	"github.com/gmsd/gmsd/views"
)

// service is a name service whose answers a test sets.
type service struct {
	mu    sync.Mutex
	hosts map[string][]netip.Addr
	srv   map[string][]*net.SRV
	hangs bool
	down  bool
	asked map[string]int
	most  int // look-ups at one time
	now   int
}

var errDown = errors.New("server misbehaving")

func newService() *service {
	return &service{hosts: map[string][]netip.Addr{}, srv: map[string][]*net.SRV{}, asked: map[string]int{}}
}

func (s *service) ask(ctx context.Context, name string) error {
	s.mu.Lock()
	s.asked[name]++
	s.now++
	s.most = max(s.most, s.now)
	hangs, down := s.hangs, s.down
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.now--
		s.mu.Unlock()
	}()
	if hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if down {
		return errDown
	}
	return nil
}

// LookupNetIP is that of a resolver.
func (s *service) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	if err := s.ask(ctx, host); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.hosts[strings.TrimSuffix(host, ".")]; ok {
		return a, nil
	}
	return nil, errors.New("no such host")
}

// LookupSRV is that of a resolver.
func (s *service) LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if service != "" || proto != "" {
		return "", nil, errors.New("the name is whole")
	}
	if err := s.ask(ctx, name); err != nil {
		return "", nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.srv[name]; ok {
		return name, r, nil
	}
	return "", nil, errors.New("no such service")
}

// name has one name mean all addresses.
func (s *service) name(host string, addrs []netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangs, s.down = false, false
	s.hosts[host] = nil
	for _, a := range addrs {
		s.hosts[host] = append(s.hosts[host], a.Addr())
	}
}

// serve has a service mean all addresses, a target each.
func (s *service) serve(name string, addrs []netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangs, s.down = false, false
	s.srv[name] = nil
	for i, a := range addrs {
		target := fmt.Sprintf("h%d.example.org", i)
		s.hosts[target] = []netip.Addr{a.Addr()}
		s.srv[name] = append(s.srv[name], &net.SRV{Target: target + ".", Port: a.Port()})
	}
}

func (s *service) fail() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = true
}

func (s *service) hang() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangs = true
}

func TestAddressesConform(t *testing.T) {
	discoverytest.Run(t, func(*testing.T) discoverytest.Factory {
		return discoverytest.Factory{Open: func(t *testing.T, addrs []netip.AddrPort) discovery.Source {
			var peers []string
			for _, a := range addrs {
				peers = append(peers, a.String())
			}
			return list(t, discovery.Options{}, peers...)
		}}
	})
}

func TestNamesConform(t *testing.T) {
	discoverytest.Run(t, func(*testing.T) discoverytest.Factory {
		s := newService()
		return discoverytest.Factory{
			Open: func(t *testing.T, addrs []netip.AddrPort) discovery.Source {
				s.name("all", addrs)
				return list(t, discovery.Options{Resolver: s}, "all")
			},
			Change: func(_ *testing.T, addrs []netip.AddrPort) { s.name("all", addrs) },
			Break:  func(*testing.T) { s.fail() },
			Hang:   func(*testing.T) { s.hang() },
		}
	})
}

func TestDNSConforms(t *testing.T) {
	discoverytest.Run(t, func(*testing.T) discoverytest.Factory {
		s := newService()
		return discoverytest.Factory{
			Open: func(t *testing.T, addrs []netip.AddrPort) discovery.Source {
				s.name("all.example.org", addrs)
				return names(t, s, "all.example.org")
			},
			Change: func(_ *testing.T, addrs []netip.AddrPort) { s.name("all.example.org", addrs) },
			Break:  func(*testing.T) { s.fail() },
			Hang:   func(*testing.T) { s.hang() },
		}
	})
}

func TestServicesConform(t *testing.T) {
	const name = "_gmsd._udp.example.org"
	discoverytest.Run(t, func(*testing.T) discoverytest.Factory {
		s := newService()
		return discoverytest.Factory{
			Open: func(t *testing.T, addrs []netip.AddrPort) discovery.Source {
				s.serve(name, addrs)
				return names(t, s, name)
			},
			Change: func(_ *testing.T, addrs []netip.AddrPort) { s.serve(name, addrs) },
			Break:  func(*testing.T) { s.fail() },
			Hang:   func(*testing.T) { s.hang() },
		}
	})
}

func TestFileConforms(t *testing.T) {
	discoverytest.Run(t, func(t *testing.T) discoverytest.Factory {
		path := filepath.Join(t.TempDir(), "peers")
		write := func(t *testing.T, addrs []netip.AddrPort) {
			t.Helper()
			var text strings.Builder
			for _, a := range addrs {
				fmt.Fprintf(&text, "%v # a host\n", a)
			}
			fill(t, path, text.String())
		}
		return discoverytest.Factory{
			Open: func(t *testing.T, addrs []netip.AddrPort) discovery.Source {
				write(t, addrs)
				return discovery.OpenFile(path, discovery.Options{})
			},
			Change: func(t *testing.T, addrs []netip.AddrPort) { write(t, addrs[:min(len(addrs), discovery.AddressesMax)]) },
			Break: func(t *testing.T) {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}

func TestCacheConforms(t *testing.T) {
	discoverytest.Run(t, func(*testing.T) discoverytest.Factory {
		var c *discovery.Cache
		change := func(_ *testing.T, addrs []netip.AddrPort) {
			for _, r := range c.Records() {
				c.Forget(r.Host)
			}
			c.Meet(members(addrs), views.HostID{}, time.Now())
		}
		return discoverytest.Factory{
			Open: func(t *testing.T, addrs []netip.AddrPort) discovery.Source {
				c = discovery.NewCache(nil)
				change(t, addrs)
				return c
			},
			Change: change,
		}
	})
}

func TestGivenConforms(t *testing.T) {
	discoverytest.Run(t, func(*testing.T) discoverytest.Factory {
		g := discovery.NewGiven("router")
		change := func(_ *testing.T, addrs []netip.AddrPort) {
			var found []discovery.Found
			for _, a := range addrs {
				found = append(found, discovery.Found{Addr: a, Why: "a router"}, discovery.Found{Addr: a, Why: "another"})
			}
			g.Set(found, "")
		}
		return discoverytest.Factory{
			Open: func(t *testing.T, addrs []netip.AddrPort) discovery.Source {
				change(t, addrs)
				return g
			},
			Change: change,
		}
	})
}

func list(t *testing.T, o discovery.Options, peers ...string) *discovery.List {
	t.Helper()
	l, err := discovery.NewList(peers, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func names(t *testing.T, s *service, names ...string) *discovery.DNS {
	t.Helper()
	d, err := discovery.NewDNS(names, discovery.Options{Resolver: s})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// members gives a host to each address.
func members(addrs []netip.AddrPort) []views.Member {
	out := make([]views.Member, len(addrs))
	for i, a := range addrs {
		out[i] = views.Member{Process: views.Process{Host: views.HostID{1, byte(i >> 8), byte(i)}, Incarnation: 1}, Name: fmt.Sprintf("h%d", i), Addr: a}
	}
	return out
}

// fill writes a file as a program does that replaces it.
func fill(t *testing.T, path, text string) {
	t.Helper()
	fresh := path + ".new"
	if err := os.WriteFile(fresh, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, path); err != nil {
		t.Fatal(err)
	}
}
