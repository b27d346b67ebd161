package discovery_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/gmsd/gmsd/discovery"
	"github.com/gmsd/gmsd/discovery/discoverytest"
)

// given makes a source of some addresses.
func given(name string, addrs ...netip.AddrPort) *discovery.Given {
	g := discovery.NewGiven(name)
	var found []discovery.Found
	for _, a := range addrs {
		found = append(found, discovery.Found{Addr: a, Why: name + " says so"})
	}
	g.Set(found, "")
	return g
}

func TestLayersJoin(t *testing.T) {
	a := discoverytest.Addrs(4)
	second := given("second", a[2], a[1], a[3])
	l := discovery.Join(a[3:], given("first", a[1], a[0]), second)
	got := l.Addresses()
	if len(got) != 3 || got[0].Addr != a[1] || got[1].Addr != a[0] || got[2].Addr != a[2] {
		t.Fatalf("%v, want 1, 0, 2: each once, without our own", got)
	}
	places := l.Places(a[:0:0])
	if len(places) != 3 || places[0] != a[1] || places[1] != a[0] || places[2] != a[2] {
		t.Errorf("places %v", places)
	}
	by := got[0].By
	if len(by) != 2 || by[0].Source != "first" || by[1].Source != "second" || by[1].Why != "second says so" {
		t.Errorf("named by %v, want first and second with their reasons", by)
	}
	second.Set(nil, "the router is silent")
	if got := l.Addresses(); len(got) != 2 || len(got[0].By) != 1 {
		t.Errorf("after one layer fell silent: %v", got)
	}
	if s := l.Status(); len(s) != 2 || s[0].Addresses != 2 || s[1].Trouble != "the router is silent" {
		t.Errorf("status %v", s)
	}
}

// broken cannot be closed.
type broken struct{ *discovery.Given }

var errBroken = errors.New("broken")

// Close fails.
func (*broken) Close() error { return errBroken }

func TestLayersCloseAll(t *testing.T) {
	n := newService()
	p := list(t, discovery.Options{Resolver: n}, "h1")
	l := discovery.Join(nil, &broken{given("x")}, p)
	if err := l.Close(); !errors.Is(err, errBroken) {
		t.Errorf("Close: %v", err)
	}
	if err := p.Close(); err != nil { // it has ended: nothing hangs
		t.Error(err)
	}
}

func BenchmarkLayers1000(b *testing.B) {
	all := discoverytest.Addrs(1000)
	l := discovery.Join(nil, given("list", all[:500]...), discovery.NewCache(recordsOf(all)))
	var got []netip.AddrPort
	for b.Loop() {
		if got = l.Places(got[:0]); len(got) != 1000 {
			b.Fatal(len(got))
		}
	}
}

func recordsOf(all []netip.AddrPort) []discovery.Record {
	var out []discovery.Record
	for _, m := range members(all) {
		out = append(out, discovery.Record{Process: m.Process, Name: m.Name, Addr: m.Addr, Seen: noon})
	}
	return out
}
