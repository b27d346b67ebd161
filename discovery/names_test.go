package discovery_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/discovery"
)

func addrs(s ...string) (out []netip.Addr) {
	for _, a := range s {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

// wantAddresses looks once the background is at rest.
func wantAddresses(t *testing.T, s discovery.Source, want ...string) {
	t.Helper()
	synctest.Wait()
	var got []string
	for _, f := range s.Addresses() {
		got = append(got, f.Addr.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s names %v, want %v", s.Name(), got, want)
	}
}

func logTo(b *bytes.Buffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func TestPeersAsWritten(t *testing.T) {
	for s, good := range map[string]bool{
		"h1": true, "h1:80": true, "10.0.0.1": true, "10.0.0.1:1": true, "a-b.example.org.": true, "_gmsd._udp.example.org": true,
		"": false, ":7": false, "h:0": false, "h:65536": false, "h:x": false, "[::1]:7": false, "::1": false, "a b": false, "h:1:2": false,
		"0.0.0.0": false, "239.1.1.1": false, "h,g": false, "h#1": false, "h\x00": false, "h:+1": false,
	} {
		if err := discovery.CheckPeer(s); (err == nil) != good || err != nil && !errors.Is(err, discovery.ErrPeer) {
			t.Errorf("%q: %v, want good: %v", s, err, good)
		}
	}
	for s, good := range map[string]bool{
		"h1": true, "all.example.org:80": true, "_gmsd._udp.example.org": true,
		"10.0.0.1": false, "_gmsd._udp.example.org:80": false, "": false,
	} {
		if err := discovery.CheckName(s); (err == nil) != good || err != nil && !errors.Is(err, discovery.ErrPeer) {
			t.Errorf("name %q: %v, want good: %v", s, err, good)
		}
	}
	_, err := discovery.NewList([]string{"0.0.0.0", "ok", "h:x", "239.1.1.1"}, discovery.Options{})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("want all three faults at once, got: %v", err)
	}
	if _, err := discovery.NewList(make([]string, discovery.AddressesMax+1), discovery.Options{}); err == nil {
		t.Error("too many peers are taken")
	}
}

// A list that names a host twice names the same hosts as one that names it once.
func TestLiterals(t *testing.T) {
	for _, c := range []struct {
		peers []string
		want  int
	}{{[]string{"10.0.0.1", "10.0.0.2:1", "10.0.0.1:7749"}, 2}, {[]string{"10.0.0.1", "h1"}, 0}, {nil, 0}} {
		l := list(t, discovery.Options{Resolver: newService()}, c.peers...)
		if got := l.Literals(); len(got) != c.want {
			t.Errorf("of %v it gives %v", c.peers, got)
		}
		_ = l.Close()
	}
}

func TestNamesFollowTheNameService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newService()
		n.hosts["h1"] = addrs("10.0.0.1")
		n.hosts["h2"] = addrs("10.0.0.2", "::ffff:10.0.0.3", "2001:db8::1", "10.0.0.2", "0.0.0.0")
		p := list(t, discovery.Options{Resolver: n}, "h1", "h2:9", "10.0.0.4")
		defer p.Close()
		wantAddresses(t, p, "10.0.0.4:7749", "10.0.0.1:7749", "10.0.0.2:9", "10.0.0.3:9")

		n.hosts["h1"] = addrs("10.0.0.7")
		wantAddresses(t, p, "10.0.0.4:7749", "10.0.0.1:7749", "10.0.0.2:9", "10.0.0.3:9")
		time.Sleep(3 * time.Second)
		p.Addresses() // asks again
		wantAddresses(t, p, "10.0.0.4:7749", "10.0.0.7:7749", "10.0.0.2:9", "10.0.0.3:9")
		if n.asked["h1"] != 2 {
			t.Errorf("asked %d times, want twice", n.asked["h1"])
		}
	})
}

func TestFaultsAreSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, log := newService(), new(bytes.Buffer)
		n.hosts["h1"] = addrs("10.0.0.1")
		p := list(t, discovery.Options{Resolver: n, Logger: logTo(log)}, "h1")
		defer p.Close()
		wantAddresses(t, p, "10.0.0.1:7749")
		n.fail()
		for range 5 {
			time.Sleep(3 * time.Second)
			wantAddresses(t, p, "10.0.0.1:7749")
		}
		if got := strings.Count(log.String(), "cannot resolve"); got != 1 || !strings.Contains(p.Trouble(), "misbehaving") {
			t.Errorf("said %d times, want once:\n%s\nin trouble: %q", got, log, p.Trouble())
		}
		n.name("h1", []netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:1")})
		time.Sleep(3 * time.Second)
		p.Addresses()
		wantAddresses(t, p, "10.0.0.1:7749")
		if got := strings.Count(log.String(), "resolved a peer"); got != 2 || p.Trouble() != "" {
			t.Errorf("said %d times that it resolves, want at first and when it does again:\n%s", got, log)
		}
	})
}

// A slow resolver delays nobody: who is known at once is named at once, and the
// names take turns, few at a time.
func TestASlowResolverDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newService()
		n.hang()
		var peers []string
		for i := range 30 {
			peers = append(peers, fmt.Sprintf("h%d", i))
		}
		p := list(t, discovery.Options{Resolver: n}, append(peers, "10.0.0.4")...)
		defer p.Close()
		wantAddresses(t, p, "10.0.0.4:7749")
		time.Sleep(41 * time.Second) // four times the time that a look-up may take
		wantAddresses(t, p, "10.0.0.4:7749")
		if n.most != 8 || len(n.asked) != 30 {
			t.Errorf("%d look-ups at one time of %d names, want 8 of 30", n.most, len(n.asked))
		}
	})
}

// A host that was taken down must not hide those that are up.
func TestAServiceWithOneHostGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const service = "_gmsd._udp.example.org"
		n := newService()
		n.hosts["up.example.org"] = addrs("10.0.0.1", "10.0.0.2")
		n.srv[service] = []*net.SRV{
			{Target: "gone.example.org.", Port: 1},
			{Target: "up.example.org.", Port: 9, Priority: 7},
			{Target: ".", Port: 1},
			{Target: "up.example.org.", Port: 0},
		}
		d := names(t, n, service)
		defer d.Close()
		wantAddresses(t, d, "10.0.0.1:9", "10.0.0.2:9")
	})
}

// stuck answers for nobody until it is let go.
type stuck struct{ service }

// LookupNetIP waits.
func (*stuck) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestCloseEndsLookUps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := list(t, discovery.Options{Resolver: &stuck{}}, "a", "b", "c")
		began := time.Now()
		if err := p.Close(); err != nil || time.Since(began) != 0 {
			t.Errorf("Close: %v after %v", err, time.Since(began))
		}
		p.Addresses() // begins nothing: the bubble would not end
	})
}

// Whatever a file or a setting holds: it is a peer or a fault.
func FuzzPeer(f *testing.F) {
	for _, s := range []string{"h", "h:1", "10.0.0.1:7749", "_a._b.c", "[::1]:1", "a:b:c", "#", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		err := discovery.CheckPeer(s)
		if err != nil && !errors.Is(err, discovery.ErrPeer) {
			t.Errorf("%q: %v", s, err)
		}
		if discovery.CheckName(s) == nil && err != nil {
			t.Errorf("%q is a name and no peer: %v", s, err)
		}
	})
}
