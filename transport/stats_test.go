package transport

import "testing"

func TestStatsNamesEveryCount(t *testing.T) {
	var tally Tally
	tally.In(Unicast, 1, 10)
	tally.Out(Unicast, 2, 20)
	tally.In(Multicast, 3, 30)
	tally.Out(Multicast, 4, 40)
	for r := range dropEnd {
		tally.Drop(r, int(r)+1)
	}
	stats := tally.Stats()

	got := map[string]Traffic{}
	stats.Each(func(dir, kind string, t Traffic) { got[dir+" "+kind] = t })
	want := map[string]Traffic{
		"in unicast": {1, 10}, "out unicast": {2, 20}, "in multicast": {3, 30}, "out multicast": {4, 40},
	}
	if len(got) != len(want) {
		t.Errorf("Each named %d counts, want %d", len(got), len(want))
	}
	for k, w := range want {
		if got[k] != w {
			t.Errorf("%s: %+v, want %+v", k, got[k], w)
		}
	}

	names := map[string]bool{}
	stats.EachDropped(func(r Drop, n uint64) {
		if n != uint64(r)+1 {
			t.Errorf("%v: %d, want %d", r, n, r+1)
		}
		names[r.String()] = true
	})
	if len(names) != int(dropEnd) || names["unknown"] {
		t.Errorf("reasons without a name of their own: %v", names)
	}
}
