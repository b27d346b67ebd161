package doctor

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Lists that name the same hosts are the same, in whatever order and whether or not a host
// names itself; one that names another host, or one fewer, is held against who has it.
func TestPeersAreComparedWithoutOneself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(4, 9).Draw(t, "hosts")
		named := rapid.IntRange(1, n).Draw(t, "named") // the first ones alone, as seeds
		odd := rapid.IntRange(-1, n-1).Draw(t, "odd")
		more := named < 3 || rapid.Bool().Draw(t, "more")
		var reports []Report
		for i := range n {
			var list []netip.AddrPort
			for j := range named {
				if j != i || rapid.Bool().Draw(t, "itself") {
					list = append(list, addrN(j))
				}
			}
			if i == odd && more {
				list = append(list, addrN(100))
			} else if i == odd {
				list = slices.DeleteFunc(list, func(a netip.AddrPort) bool { return a == addrN((i+1)%named) })
			}
			list = rapid.Permutation(list).Draw(t, "order")
			reports = append(reports, Report{Host: hostID(i), Addr: addrN(i), Sections: []Section{PeersOf(list, []netip.AddrPort{addrN(i)}, addrN(i))}})
		}
		got := Diagnose(reports)
		switch {
		case odd < 0 && len(got) == 0:
		case odd >= 0 && len(got) == 1 && got[0].Cause == "config-differs" && got[0].To.Host == hostID(odd):
		default:
			t.Errorf("odd is %d: %v", odd, got)
		}
	})
}

// A host with several addresses is named by one of them on every list, itself on its own:
// the lists are the same, whichever of them it says that others should use. Who is called
// by loopback on its own list alone is not named there.
func TestPeersNameAHostByAnotherAddress(t *testing.T) {
	const hosts = 4
	loopback := netip.MustParseAddrPort("127.0.0.1:7749")
	list := []netip.AddrPort{addrN(100)}
	for i := 1; i < hosts; i++ {
		list = append(list, addrN(i))
	}
	reports := func(own func(i int) (list, own []netip.AddrPort)) (out []Report) {
		for i := range hosts {
			peers, here := own(i)
			out = append(out, Report{Host: hostID(i), Addr: addrN(i), Sections: []Section{PeersOf(peers, here, addrN(i))}})
		}
		return out
	}
	addrs := func(i int) []netip.AddrPort { return []netip.AddrPort{addrN(i), addrN(100 + i), loopback} }
	for name, lists := range map[string]func(i int) (list, own []netip.AddrPort){
		"one list": func(i int) (peers, own []netip.AddrPort) { return list, addrs(i) },
		"both":     func(i int) (peers, own []netip.AddrPort) { return append(slices.Clone(list), addrN(0)), addrs(i) },
		"loopback": func(i int) (peers, own []netip.AddrPort) {
			peers = []netip.AddrPort{loopback}
			for j := range hosts {
				if j != i {
					peers = append(peers, addrN(j))
				}
			}
			return peers, addrs(i)
		},
	} {
		if got := Diagnose(reports(lists)); len(got) > 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
	odd := func(i int) (peers, own []netip.AddrPort) {
		if i == 2 {
			return list[:2], addrs(i)
		}
		return list, addrs(i)
	}
	if got := Diagnose(reports(odd)); len(got) != 1 || got[0].Cause != "config-differs" || got[0].To.Host != hostID(2) {
		t.Errorf("%v", got)
	}
}
