package udp

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// names is a name service whose answers a test sets.
type names struct {
	mu     sync.Mutex
	answer map[string][]netip.Addr
	hang   map[string]bool
	asked  map[string]int
}

func (n *names) resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	n.mu.Lock()
	n.asked[name]++
	hang, a := n.hang[name], n.answer[name]
	n.mu.Unlock()
	if hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if a != nil {
		return a, nil
	}
	return nil, errors.New("no such host")
}

func newNames() *names {
	return &names{answer: map[string][]netip.Addr{}, hang: map[string]bool{}, asked: map[string]int{}}
}

func addrs(s ...string) (out []netip.Addr) {
	for _, a := range s {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func open(t *testing.T, n *names, log *bytes.Buffer, list ...string) *peers {
	t.Helper()
	p, err := newPeers(Config{Peers: list, Resolve: n.resolve, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	p.start()
	return p
}

func wantAddresses(t *testing.T, p *peers, want ...string) {
	t.Helper()
	got := p.addresses(netip.MustParseAddrPort("10.0.0.99:7749"))
	var s []string
	for _, a := range got {
		s = append(s, a.String())
	}
	if strings.Join(s, " ") != strings.Join(want, " ") {
		t.Errorf("seeks at %v, want %v", s, want)
	}
}

func TestPeersAreReadOnce(t *testing.T) {
	for s, want := range map[string]string{
		"h1": "h1:7749", "h1:80": "h1:80", "10.0.0.1": "10.0.0.1:7749", "10.0.0.1:1": "10.0.0.1:1",
		"": "", ":7": "", "h:0": "", "h:65536": "", "h:x": "", "[::1]:7": "", "::1": "", "a b": "", "h:1:2": "",
	} {
		host, port, err := splitPeer(s)
		if got := netipString(host, port); (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q: %s, %v, want %q", s, got, err, want)
		}
	}
	_, err := newPeers(Config{Peers: []string{"0.0.0.0", "ok", "h:x", "239.1.1.1"}})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("want all three faults at once, got: %v", err)
	}
}

func netipString(host string, port uint16) string {
	return host + strings.TrimPrefix(netip.AddrPortFrom(netip.IPv4Unspecified(), port).String(), "0.0.0.0")
}

func TestNamesFollowTheNameService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, log := newNames(), new(bytes.Buffer)
		n.answer["h1"] = addrs("10.0.0.1")
		n.answer["h2"] = addrs("10.0.0.2", "::ffff:10.0.0.3", "2001:db8::1", "10.0.0.2", "0.0.0.0")
		p := open(t, n, log, "h1", "h2:9", "10.0.0.4", "10.0.0.99")
		defer p.close()
		wantAddresses(t, p, "10.0.0.1:7749", "10.0.0.2:9", "10.0.0.3:9", "10.0.0.4:7749")

		n.answer["h1"] = addrs("10.0.0.7")
		wantAddresses(t, p, "10.0.0.1:7749", "10.0.0.2:9", "10.0.0.3:9", "10.0.0.4:7749")
		time.Sleep(resolveEvery)
		p.addresses() // asks again
		synctest.Wait()
		wantAddresses(t, p, "10.0.0.2:9", "10.0.0.3:9", "10.0.0.4:7749", "10.0.0.7:7749")
		if n.asked["h1"] != 2 {
			t.Errorf("asked %d times, want twice", n.asked["h1"])
		}
	})
}

func TestLastGoodAnswerStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, log := newNames(), new(bytes.Buffer)
		n.answer["h1"] = addrs("10.0.0.1")
		p := open(t, n, log, "h1")
		defer p.close()
		delete(n.answer, "h1")
		for range 5 {
			time.Sleep(resolveEvery)
			wantAddresses(t, p, "10.0.0.1:7749")
			synctest.Wait()
		}
		if got := strings.Count(log.String(), "cannot resolve"); got != 1 {
			t.Errorf("complained %d times, want once:\n%s", got, log)
		}
		n.answer["h1"] = addrs("10.0.0.1")
		time.Sleep(resolveEvery)
		p.addresses()
		synctest.Wait()
		if got := strings.Count(log.String(), "resolved a peer"); got != 2 {
			t.Errorf("said %d times that it resolves, want at first and again:\n%s", got, log)
		}
	})
}

// A name service that hangs delays neither the start much, nor a seek at all,
// nor the names that come behind.
func TestHangingNamesHinderNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, log := newNames(), new(bytes.Buffer)
		list := []string{"10.0.0.4"}
		for i := range resolvingMax {
			name := "slow" + string(rune('a'+i))
			n.hang[name] = true
			list = append(list, name)
		}
		n.answer["quick"] = addrs("10.0.0.1")
		began := time.Now()
		p := open(t, n, log, append(list, "quick")...)
		if took := time.Since(began); took != firstAnswers {
			t.Errorf("the start took %v, want %v", took, firstAnswers)
		}
		began = time.Now()
		wantAddresses(t, p, "10.0.0.4:7749")
		if took := time.Since(began); took != 0 {
			t.Errorf("a seek took %v", took)
		}
		time.Sleep(resolveTimeout)
		synctest.Wait()
		wantAddresses(t, p, "10.0.0.1:7749", "10.0.0.4:7749")
		p.close()
	})
}

func TestCloseEndsLookUps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNames()
		n.hang["slow"] = true
		p := open(t, n, new(bytes.Buffer), "slow")
		began := time.Now()
		p.close()
		p.close()
		if took := time.Since(began); took != 0 {
			t.Errorf("closing took %v", took)
		}
	})
}
