package relay

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/transport/internal/stream"
	"github.com/gmsd/gmsd/views"
)

func keyOf(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func helloOf(key ed25519.PrivateKey) Hello {
	h := Hello{Use: UseMember}
	copy(h.Key[:], key.Public().(ed25519.PublicKey))
	h.Member = Member{
		Group: 7, Process: views.Process{Host: views.HostIDOf(h.Key[:]), Incarnation: 3},
		Nonce: 9, Addr: netip.MustParseAddrPort("10.0.0.1:7749"),
	}
	return h
}

// A registration is proved by the host's own key, for just what was said, once.
func TestProof(t *testing.T) {
	key := keyOf(1)
	h, c := helloOf(key), Challenge{Random: [32]byte{1}, Router: Number{2}}
	sign := func(change func(h *Hello, c *Challenge)) bool {
		h2, c2 := h, c
		signature := Sign(key, &c, &h)
		change(&h2, &c2)
		return Proves(&c2, &h2, signature)
	}
	if !sign(func(*Hello, *Challenge) {}) {
		t.Fatal("its own signature does not prove it")
	}
	for what, change := range map[string]func(h *Hello, c *Challenge){
		"another challenge":  func(_ *Hello, c *Challenge) { c.Random[5]++ },
		"another router":     func(_ *Hello, c *Challenge) { c.Router[5]++ },
		"another group":      func(h *Hello, _ *Challenge) { h.Member.Group++ },
		"another life":       func(h *Hello, _ *Challenge) { h.Member.Incarnation++ },
		"another nonce":      func(h *Hello, _ *Challenge) { h.Member.Nonce++ },
		"another address":    func(h *Hello, _ *Challenge) { h.Member.Addr = netip.MustParseAddrPort("10.0.0.2:7749") },
		"somebody else's id": func(h *Hello, _ *Challenge) { h.Member.Host[0]++ },
		"another key":        func(h *Hello, _ *Challenge) { copy(h.Key[:], keyOf(2).Public().(ed25519.PublicKey)) },
	} {
		if sign(change) {
			t.Errorf("%s is proved as well", what)
		}
	}
	// Who has a key of his own does not become another host by it.
	thief := helloOf(keyOf(2))
	thief.Member.Host = h.Member.Host
	if Proves(&c, &thief, Sign(keyOf(2), &c, &thief)) {
		t.Error("another host's key proves it")
	}
}

func TestHelloAndChallenge(t *testing.T) {
	for _, h := range []Hello{helloOf(keyOf(1)), {Use: UseRouter, Router: Number{1, 2}}} {
		if got, err := ParseHello(h.Bytes()); err != nil || got != h {
			t.Errorf("%+v became %+v, %v", h, got, err)
		}
	}
	c := Challenge{Refusal: RefusedRate, Random: [32]byte{3}, Router: Number{4}}
	if got, err := ParseChallenge(c.Bytes()); err != nil || got != c {
		t.Errorf("%+v became %+v, %v", c, got, err)
	}
	if ChallengeSize >= HelloSize {
		t.Error("the answer is longer than the question")
	}
	h := helloOf(keyOf(1))
	other := h.Bytes()
	other[7]++
	if _, err := ParseHello(other); !errors.Is(err, ErrVersion) {
		t.Errorf("another version: %v", err)
	}
	for what, change := range map[string]func(h *Hello){
		"no host":        func(h *Hello) { h.Member.Host = views.HostID{} },
		"no incarnation": func(h *Hello) { h.Member.Incarnation = 0 },
		"no address":     func(h *Hello) { h.Member.Addr = netip.AddrPort{} },
		"multicast":      func(h *Hello) { h.Member.Addr = netip.MustParseAddrPort("239.0.0.1:1") },
		"no use":         func(h *Hello) { h.Use = 9 },
		"no number":      func(h *Hello) { *h = Hello{Use: UseRouter} },
	} {
		h := h
		change(&h)
		if _, err := ParseHello(h.Bytes()); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
}

// What is written is read, whatever it is.
func TestPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var prefix []byte
		var hosts []views.HostID
		for i := range rapid.IntRange(1, TargetsMax).Draw(t, "hosts") {
			h := views.HostID{byte(i), 1}
			hosts = append(hosts, h)
			prefix = AppendTarget(prefix, h)
		}
		frame := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "frame")
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, rapid.Byte().Draw(t, "a")}), rapid.Uint16Range(1, 65535).Draw(t, "p"))
		group := rapid.Uint64().Draw(t, "group")

		whole := append(append(AppendForward(nil, group, from), prefix...), frame...)
		g, f, rest, err := CutForward(whole)
		if err != nil || g != group || f != from {
			t.Fatalf("forwarded: %d, %v, %v", g, f, err)
		}
		to, got, err := CutTargets(rest)
		if err != nil || !bytes.Equal(got, frame) || to.Len() != len(hosts) {
			t.Fatalf("targets: %d, %v", to.Len(), err)
		}
		for i, h := range hosts {
			if to.At(i) != h {
				t.Fatalf("target %d is %v, want %v", i, to.At(i), h)
			}
		}
		var once []views.HostID
		append(append(Targets{}, to...), to...).Each(func(h views.HostID) { once = append(once, h) })
		if !slices.Equal(once, hosts) {
			t.Fatalf("named twice: %v, want %v once", once, hosts)
		}
		if f, got, err := CutFrom(append(AppendAddr(nil, from), frame...)); err != nil || f != from || !bytes.Equal(got, frame) {
			t.Fatalf("from: %v, %v", f, err)
		}
	})
}

func TestEntriesAndGone(t *testing.T) {
	h := helloOf(keyOf(1))
	want := Entry{Member: h.Member, Via: Number{5}, Age: 77 * time.Second}
	body := AppendEntry(AppendEntry(nil, &want), &want)
	count := 0
	if err := EachEntry(body, func(e *Entry) {
		count++
		if *e != want {
			t.Errorf("%+v, want %+v", *e, want)
		}
	}); err != nil || count != 2 || !Sizes(KindEntries, len(body)) {
		t.Errorf("%d entries, %v", count, err)
	}
	gone := AppendGone(nil, 7, h.Member.Life())
	EachGone(gone, func(group uint64, l Life) {
		if group != 7 || l != h.Member.Life() {
			t.Errorf("%d, %+v are gone", group, l)
		}
	})
	if !Sizes(KindGone, len(gone)) || Sizes(KindGone, len(gone)-1) || Sizes(KindEntries, 0) {
		t.Error("sizes are wrong")
	}
}

func TestPlace(t *testing.T) {
	for _, bad := range []string{"", "a", "a:", ":1", "a:0", "a:70000", "[::1]:7", "0.0.0.0:1", "239.1.1.1:1", "a:b:c"} {
		if _, err := ParsePlace(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	p, err := ParsePlace("127.0.0.1:7751")
	if err != nil {
		t.Fatal(err)
	}
	if a, err := p.Resolve(t.Context()); err != nil || a.String() != "127.0.0.1:7751" || !p.IsAt(a.Addr()) || p.IsAt(netip.MustParseAddr("127.0.0.2")) {
		t.Errorf("%v, %v", a, err)
	}
}

// FuzzPieces: whatever comes, nothing panics, and what is taken is within its bounds.
func FuzzPieces(f *testing.F) {
	h := helloOf(keyOf(1))
	hello, entry := h.Bytes(), Entry{Member: h.Member}
	f.Add(hello[:])
	f.Add(AppendEntry([]byte{KindEntries, 0, 0, byte(entrySize)}, &entry))
	f.Add(append(AppendTarget([]byte{}, h.Member.Host), "frame"...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= HelloSize {
			_, _ = ParseHello([HelloSize]byte(b)) // that it does not panic
		}
		if len(b) >= ChallengeSize {
			_, _ = ParseChallenge([ChallengeSize]byte(b)) // the same
		}
		if to, frame, err := CutTargets(b); err == nil && (to.Len() < 1 || to.Len() > TargetsMax || len(frame) > views.DatagramMax) {
			t.Errorf("%d targets, %d bytes", to.Len(), len(frame))
		}
		if _, frame, err := CutFrom(b); err == nil && len(frame) > views.DatagramMax {
			t.Errorf("a frame of %d bytes", len(frame))
		}
		if _, _, rest, err := CutForward(b); err == nil {
			_, _, _ = CutTargets(rest) // the same
		}
		for len(b) > 0 {
			kind, body, rest, err := stream.Cut(b, Sizes)
			if err != nil || body == nil {
				return
			}
			if kind == KindEntries {
				_ = EachEntry(body, func(e *Entry) { // an error is as good
					if e.Host.IsZero() || !e.Addr.IsValid() {
						t.Errorf("an entry of nobody: %+v", e)
					}
				})
			}
			if kind == KindGone {
				EachGone(body, func(uint64, Life) {})
			}
			b = rest
		}
	})
}
