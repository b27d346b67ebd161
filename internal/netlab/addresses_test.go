package netlab_test

import (
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/netlab"
)

// Two hosts whose addresses are swapped are neither taken for each other nor let in
// as what they are not; both are members again when each has its own.
func TestSwappedAddresses(t *testing.T) { onEach(t, swappedOn) }

func swappedOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 4)
	s.changes(6)
	swap := &netlab.Swapped{A: 2, B: 3}
	s.impose(swap)
	s.settle(without(4, 2, 3))
	s.flow(usual)
	s.lift(swap)
	s.serves(netlab.All(4))
	for _, i := range netlab.All(4) {
		if n := len(s.View(i).Members); n != 4 {
			s.Errorf("%s sees %d members", netlab.Name(i), n)
		}
	}
}

// A host whose address changes under it is missed; started anew with the address that it
// has it is the same host, and so when it has its old one again.
func TestAddressChanges(t *testing.T) { onEach(t, addressChangesOn) }

func addressChangesOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 4)
	s.changes(8)
	const elsewhere = 40
	before := s.Self(4)
	moved := &netlab.Moved{Host: 4, To: elsewhere}
	s.impose(moved)
	s.settle(without(4, 4))
	s.says(4, netlab.Addr(4).String())
	s.restarts(4, "--bind", netlab.Addr(elsewhere).String())
	s.serves(netlab.All(4))
	s.lift(moved)
	s.settle(without(4, 4))
	s.restarts(4)
	s.serves(netlab.All(4))
	if after := s.Self(4); after.Host != before.Host || after.Incarnation <= before.Incarnation {
		s.Errorf("%v is %v after its address changed", before, after)
	}
}

// restarts kills a daemon and starts it again.
func (s *stage) restarts(host int, flags ...string) {
	s.Helper()
	_, err := s.Restart(host, flags...)
	s.must(err)
}

// A host that bears the address of a member beside its own harms at most these two.
func TestStolenAddress(t *testing.T) { onEach(t, stolenOn) }

func stolenOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 5)
	s.must(s.Healthy(true, 1, 2, 3))
	stolen := &netlab.Stolen{By: 5, From: 4}
	began := s.impose(stolen)
	s.must(s.Hold(8 * time.Second))
	s.must(s.Healthy(false, 1, 2, 3))
	for _, r := range s.removals(began) {
		s.Logf("%s put out after %s, for %s", netlab.Name(r.host), r.at.Sub(began).Round(time.Millisecond), r.away)
		if r.host < 4 {
			s.Errorf("%s was put out, whose address nobody else has", netlab.Name(r.host))
		}
	}
	s.lift(stolen)
	s.serves(netlab.All(5))
}

// A NAT before a host that has it come from other ports, and forgets now and then what
// it knew, costs no view: sessions are of hosts, not of ports.
func TestNATRebinds(t *testing.T) { onEach(t, natRebindsOn) }

func natRebindsOn(t *testing.T, transport string) {
	s := stageOn(t, transport, 4)
	s.livesBehindNAT(2 * time.Second)
}

// livesBehindNAT forms a group of four, the last one behind a NAT that forgets what it
// knows three times and has so long to be found again: no view changes.
func (s *stage) livesBehindNAT(each time.Duration) {
	s.Helper()
	nat := &netlab.NAT{Host: 4, Ports: 40_000}
	s.impose(nat)
	s.form(4)
	s.flow(usual)
	for range 3 {
		began := s.Now()
		s.must(nat.Forget(s.Lab))
		s.must(s.Hold(each))
		s.flow(usual)
		s.undisturbed(4, began, "after the NAT forgot its connections")
	}
}

// Peers that are this host itself, or that nobody is, make no group of one that takes
// itself for whole without a word; with one that is right it is in.
func TestWrongPeers(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) { wrongPeersOn(t, transport) })
	}
}

func wrongPeersOn(t *testing.T, transport string) {
	s := stageOn(t, transport, 4)
	_, err := s.StartAll(netlab.All(2), "--peers", netlab.Peers(2))
	s.must(err)
	s.serves(netlab.All(2))
	self, nobody := netlab.Addr(3).String(), netlab.Addr(99).String()
	_, err = s.Start(3, "--peers", self)
	s.must(err)
	_, err = s.Start(4, "--peers", nobody+","+netlab.Addr(4).String())
	s.must(err)
	s.settle(netlab.All(2), []int{3}, []int{4})
	s.says(3, "it knows no address but its own")
	s.says(4, nobody)
	s.restarts(4, "--peers", nobody+","+netlab.Addr(2).String())
	s.serves(without(4, 3), []int{3})
}
