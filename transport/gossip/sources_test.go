package gossip

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/transport/transporttest"
	"github.com/gmsd/gmsd/views"
)

// outsider is host n of somebody who draws as many keys as he likes.
func outsider(t *testing.T, n int, group uint64) *client {
	var seed [ed25519.SeedSize]byte
	binary.BigEndian.PutUint64(seed[:], uint64(n)+77_777)
	key := ed25519.NewKeyFromSeed(seed[:])
	h := relay.Hello{Use: relay.UseMember}
	copy(h.Key[:], key.Public().(ed25519.PublicKey))
	h.Member = relay.Member{
		Group: group, Process: views.Process{Host: views.HostIDOf(h.Key[:]), Incarnation: 1}, Nonce: 1,
		Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, byte(n >> 8), byte(n)}), 7749),
	}
	return newClient(t, h, key)
}

// fromElsewhere registers from another address than all other clients.
func (c *client) fromElsewhere(s *Server) error {
	c.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: s.Local().Addr().Next().AsSlice()}}
	conn, err := d.Dial("tcp4", s.Local().String())
	if err != nil {
		c.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(transporttest.Patience))
	c.conn = conn
	return c.register()
}

// A single address does not take all groups of a router: others find places, and so do
// its own members in the groups that are there.
func TestOneAddressTakesFewGroups(t *testing.T) {
	s := start(t, transporttest.LoopbackNet(t)(0), shippedTiming())
	for n := range sourceGroupsMax {
		if err := outsider(t, n, uint64(1000+n)).enter(s); err != nil {
			t.Fatalf("group %d: %v", n, err)
		}
	}
	if err := outsider(t, 100, 1).enter(s); !errors.Is(err, relay.RefusedSource) {
		t.Errorf("one group more: %v", err)
	}
	if err := outsider(t, 101, 1000).enter(s); err != nil {
		t.Errorf("a group that is there: %v", err)
	}
	if err := newClient(t, helloOf(0, 1, 1), transporttest.Identity(0)).fromElsewhere(s); err != nil {
		t.Errorf("a member at another address: %v", err)
	}
	if err := outsider(t, 100, 1).enter(s); err != nil {
		t.Errorf("its own in that group, which is there now: %v", err)
	}
}

func roomFor(s *Server, m *relay.Member) relay.Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room(m, s.Local().Addr())
}

// Nor does it fill a group; who is in it may connect anew.
func TestOneAddressFillsNoGroup(t *testing.T) {
	s := start(t, transporttest.LoopbackNet(t)(0), shippedTiming())
	for n := range sourceGroupMax { // no more than the rate lets through at once
		if err := outsider(t, n, 1).enter(s); err != nil {
			t.Fatalf("host %d: %v", n, err)
		}
	}
	if got := roomFor(s, &outsider(t, sourceGroupMax, 1).hello.Member); got != relay.RefusedSource {
		t.Errorf("one more: %v", got)
	}
	if got := roomFor(s, &outsider(t, 7, 1).hello.Member); got != 0 {
		t.Errorf("one that connects anew: %v", got)
	}
	if err := newClient(t, helloOf(0, 1, 1), transporttest.Identity(0)).fromElsewhere(s); err != nil {
		t.Errorf("a member at another address: %v", err)
	}
}

// One address claims another at most a few times: those who look for the member that is
// there find it among them.
func TestOneAddressClaimsAnotherRarely(t *testing.T) {
	s := start(t, transporttest.LoopbackNet(t)(0), shippedTiming())
	claim := func(n int) *client {
		c := outsider(t, n, 1)
		c.hello.Member.Addr = helloOf(0, 1, 1).Member.Addr
		return c
	}
	var last *client
	for n := range sourceClaimsMax {
		last = claim(n)
		if err := last.enter(s); err != nil {
			t.Fatalf("host %d: %v", n, err)
		}
	}
	if err := claim(100).enter(s); !errors.Is(err, relay.RefusedSource) {
		t.Errorf("one more: %v", err)
	}
	if err := newClient(t, helloOf(0, 1, 1), transporttest.Identity(0)).fromElsewhere(s); err != nil {
		t.Errorf("the member at its own address: %v", err)
	}
	last.write(relay.KindBye, nil, nil)
	last.ends()
	if err := claim(100).enter(s); err != nil {
		t.Errorf("once another has left: %v", err)
	}
}

// What an address has is forgotten with its connections.
func TestSourcesAreForgotten(t *testing.T) {
	s := sources{}
	a := netip.MustParseAddr("10.0.0.1")
	for range 2 {
		s.enter(a)
		s.join(a, 1)
	}
	s.enter(a)
	s.join(a, 2)
	if s.of(a).connections != 3 || len(s.of(a).groups) != 2 || s.of(a).groups[1] != 2 {
		t.Errorf("%d connections, %d groups, %d in the first", s.of(a).connections, len(s.of(a).groups), s.of(a).groups[1])
	}
	for _, group := range []uint64{1, 2, 1} {
		s.leave(a)
		s.part(a, group)
	}
	if len(s) != 0 || s.of(a).connections != 0 || len(s.of(a).groups) != 0 || s.of(a).groups[1] != 0 {
		t.Errorf("left: %v", s)
	}
}
