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
			reports = append(reports, Report{Host: hostID(i), Addr: addrN(i), Sections: []Section{PeersOf(list, []netip.AddrPort{addrN(i)})}})
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
