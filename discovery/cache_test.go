package discovery_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/discovery"
	"github.com/gmsd/gmsd/discovery/discoverytest"
	"github.com/gmsd/gmsd/views"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestCacheIsNeverForgottenByTime(t *testing.T) {
	all := members(discoverytest.Addrs(3))
	c := discovery.NewCache(nil)
	c.Meet(all, all[0].Host, noon)
	c.Meet(all[1:2], all[0].Host, noon.AddDate(10, 0, 0))
	got := discovery.NewCache(c.Records()).Addresses() // as after a restart
	if len(got) != 2 || got[0].Addr != all[1].Addr || got[1].Addr != all[2].Addr || !got[1].At.Equal(noon) {
		t.Errorf("%v, want the one seen last, and the one of ten years ago", got)
	}
	c.Forget(all[1].Host)
	if left := c.Records(); len(left) != 1 || left[0].Host != all[2].Host {
		t.Errorf("after the operator put one out: %v", left)
	}
}

// A host that comes from another address has one record, and so has an address that
// another host has now.
func TestCacheFollowsWhoMoves(t *testing.T) {
	all := members(discoverytest.Addrs(3))
	c := discovery.NewCache(nil)
	c.Meet(all[:2], views.HostID{}, noon)
	moved := all[0]
	moved.Addr, moved.Incarnation = all[2].Addr, 2
	heir := all[2]
	heir.Addr = all[1].Addr
	c.Meet([]views.Member{moved, heir}, views.HostID{}, noon.Add(time.Hour))
	got := c.Records()
	if len(got) != 2 || got[0].Addr != moved.Addr || got[0].Incarnation != 2 || got[1].Host != heir.Host {
		t.Errorf("%v", got)
	}
}

// The one seen longest ago makes room, whatever the order in which they came.
func TestCacheIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const most = discovery.AddressesMax
		all := members(discoverytest.Addrs(most + 300))
		c := discovery.NewCache(nil)
		seen := map[views.HostID]time.Time{}
		for i := range rapid.IntRange(1, 6).Draw(t, "views") {
			from := rapid.IntRange(0, len(all)-1).Draw(t, "from")
			to := rapid.IntRange(from, min(len(all), from+most)).Draw(t, "to")
			now := noon.Add(time.Duration(i) * time.Hour)
			c.Meet(all[from:to], views.HostID{}, now)
			for _, m := range all[from:to] {
				seen[m.Host] = now
			}
		}
		kept := c.Records()
		if want := min(most, len(seen)); len(kept) != want {
			t.Fatalf("%d records, want %d of %d", len(kept), want, len(seen))
		}
		oldest := noon.AddDate(1, 0, 0)
		for _, r := range kept {
			if r.Seen != seen[r.Host] {
				t.Fatalf("%v was seen at %v, not %v", r.Host, seen[r.Host], r.Seen)
			}
			if r.Seen.Before(oldest) {
				oldest = r.Seen
			}
			delete(seen, r.Host)
		}
		for _, at := range seen {
			if at.After(oldest) {
				t.Fatalf("one seen at %v made room for one of %v", at, oldest)
			}
		}
	})
}

func TestRecordsThatAreNoneAreLeftOut(t *testing.T) {
	good := discovery.Record{Process: views.Process{Host: views.HostID{1}}, Addr: netip.MustParseAddrPort("10.0.0.1:7749")}
	bad := good
	bad.Host = views.HostID{2}
	var all []discovery.Record
	for _, a := range []string{"0.0.0.0:1", "239.1.1.1:1", "10.0.0.3:0", "[2001:db8::1]:7749"} {
		bad.Addr = netip.MustParseAddrPort(a)
		all = append(all, bad)
	}
	if got := discovery.NewCache(append(all, good)).Records(); !slices.Equal(got, []discovery.Record{good}) {
		t.Errorf("%v", got)
	}
}
