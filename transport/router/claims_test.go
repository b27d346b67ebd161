package router

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/views"
)

// told is a transport that is registered at some routers, of which a test says what they
// tell.
func told(routers int) *Transport {
	t := &Transport{
		watched: map[netip.AddrPort]views.HostID{}, members: map[netip.AddrPort][]views.HostID{},
		past: map[netip.AddrPort]views.HostID{}, times: shippedTiming(),
	}
	for n := range routers {
		l := &line{t: t}
		l.up = &wire{
			line: l, number: relay.Number{byte(n + 1)}, entries: map[relay.Life]relay.Entry{},
			at: map[netip.AddrPort][]claim{}, hosts: map[views.HostID]presence{},
		}
		t.lines = append(t.lines, l)
	}
	return t
}

var claimed = netip.MustParseAddrPort("10.0.0.5:7749")

// claimant is host n, which says that an address is its own, and is registered at a router.
func claimant(n int, via byte) *relay.Entry {
	e := &relay.Entry{Via: relay.Number{via}, Member: relay.Member{Group: 1, Nonce: 1, Addr: claimed}}
	binary.BigEndian.PutUint32(e.Host[:], uint32(n))
	e.Incarnation = 1
	return e
}

// Outsiders who register hosts of their own with the address of a member, as many as they
// like and at whichever router, get nothing that is for it, and put it out neither when it
// registers again nor while it is not registered.
func TestClaimsOfAMembersAddress(t *testing.T) {
	tr := told(2)
	fakes, second := tr.lines[0].up, tr.lines[1].up
	for n := range 100 {
		fakes.enter(claimant(10+n, 1)) // nearer, and all told before the member
	}
	member := claimant(1, 2)
	second.enter(member)
	tr.SetMembers([]transport.Target{{Process: member.Process, Addr: claimed}})
	for _, again := range []func(){
		func() {}, func() { second.enter(member) }, func() { second.leave(member.Life()); second.enter(member) },
	} {
		again()
		if hosts := tr.addressees(claimed); !slices.Equal(hosts, []views.HostID{member.Host}) {
			t.Errorf("a frame for it is for %v", hosts)
		}
		if w := tr.wireTo(member.Host, second.begun); w != second {
			t.Error("it goes to the router where it is not registered")
		}
	}
	second.leave(member.Life())
	if hosts := tr.addressees(claimed); len(hosts) > 0 || tr.leads(claimed) {
		t.Errorf("while it is not registered a frame for it is for %v, and does not wait", hosts)
	}
	tr.SetMembers(nil)
	second.enter(member)
	for range 5 {
		if hosts := tr.addressees(claimed); hosts[0] != member.Host || len(hosts) != claimsMax {
			t.Errorf("after it left the view a frame for its address is for %v, want it first", hosts)
		}
	}
}

// Two members that say the same address both get what goes there.
func TestMembersOfOneAddress(t *testing.T) {
	tr := told(1)
	a, b := claimant(1, 1), claimant(2, 1)
	tr.lines[0].up.enter(a)
	tr.lines[0].up.enter(b)
	tr.SetMembers([]transport.Target{{Process: a.Process, Addr: claimed}, {Process: b.Process, Addr: claimed}})
	if hosts := tr.addressees(claimed); !slices.Equal(hosts, []views.HostID{a.Host, b.Host}) {
		t.Errorf("it is for %v", hosts)
	}
}

// Of those whom nobody knows each has its turn, within as many frames as there are others
// when it came, however many come and are told again meanwhile, and at whichever router.
func TestClaimsHaveTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := told(2)
		n := 0
		crowd := func(most int) {
			for range rapid.IntRange(0, most).Draw(t, "crowd") {
				n++
				via := rapid.IntRange(0, 1).Draw(t, "router")
				tr.lines[via].up.enter(claimant(100+n, byte(via+1)))
			}
		}
		crowd(60)
		before := len(tr.claimants(claimed))
		late := claimant(rapid.SampledFrom([]int{1, 1 << 30}).Draw(t, "host"), 2)
		tr.lines[1].up.enter(late)
		for sent := 0; ; sent++ {
			if sent > before/claimsMax {
				t.Fatalf("%d frames, %d others before it, and it had no turn", sent, before)
			}
			if slices.Contains(tr.addressees(claimed), late.Host) {
				break
			}
			crowd(20)
			tr.lines[1].up.enter(late) // told again
		}
	})
}
