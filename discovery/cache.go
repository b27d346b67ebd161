package discovery

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/gmsd/gmsd/views"
)

// Record is a host that this one was with in a view.
type Record struct {
	views.Process
	Name string
	Addr netip.AddrPort
	// Seen is when they were together last, as far as this host wrote it down;
	// zero: before that was written.
	Seen time.Time
}

// Cache remembers whom this host was with, the one seen last first. Time takes
// nothing away; where there are too many the one seen longest ago makes room. A
// host has one record, and so has an address: whoever was seen there last.
type Cache struct {
	mu    sync.Mutex
	all   []Record // by Seen, newest first
	found []Found  // the same as addresses; nil: to be made
	most  int
}

var _ Source = (*Cache)(nil)

// NewCache takes what was written down before.
func NewCache(records []Record) *Cache {
	c := &Cache{most: AddressesMax}
	c.all = slices.Clone(records)
	c.settle()
	return c
}

// Meet notes who is in a view with this host.
func (c *Cache) Meet(members []views.Member, self views.HostID, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh := make([]Record, 0, len(members)+len(c.all))
	for i := range members {
		if m := &members[i]; m.Host != self {
			fresh = append(fresh, Record{Process: m.Process, Name: m.Name, Addr: m.Addr, Seen: now})
		}
	}
	c.all = append(fresh, c.all...)
	c.settle()
}

// settle orders the records and drops what is old, strange or too much. The
// caller holds c.mu, or the cache is not yet shared.
func (c *Cache) settle() {
	slices.SortStableFunc(c.all, func(a, b Record) int { return b.Seen.Compare(a.Seen) })
	hosts, addrs := map[views.HostID]bool{}, map[netip.AddrPort]bool{}
	c.all = slices.DeleteFunc(c.all, func(r Record) bool {
		if hosts[r.Host] || addrs[r.Addr] || !usable(r.Addr.Addr()) || r.Addr.Port() == 0 {
			return true
		}
		hosts[r.Host], addrs[r.Addr] = true, true
		return false
	})
	c.all = c.all[:min(len(c.all), c.most)]
	c.found = nil
}

// Forget takes a host out: the operator put it out of the group.
func (c *Cache) Forget(host views.HostID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = slices.DeleteFunc(c.all, func(r Record) bool { return r.Host == host })
	c.found = nil
}

// Records gives all, to be written down; the caller owns them.
func (c *Cache) Records() []Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all)
}

// Name is cache.
func (c *Cache) Name() string { return "cache" }

// Addresses are where the hosts were, the one seen last first.
func (c *Cache) Addresses() []Found {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.found == nil {
		for _, r := range c.all {
			c.found = append(c.found, Found{Addr: r.Addr, Why: r.Name + " (" + r.Host.Short() + ")", At: r.Seen})
		}
	}
	return slices.Clone(c.found)
}

// Trouble is none: what could not be read is told by who read it.
func (c *Cache) Trouble() string { return "" }

// Close does nothing.
func (c *Cache) Close() error { return nil }
