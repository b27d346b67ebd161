package discovery

import (
	"net/netip"
	"slices"
	"sync"
)

// Given is what somebody else finds out and hands in, whole, whenever it changes.
type Given struct {
	name string

	mu      sync.Mutex
	found   []Found
	trouble string
}

var _ Source = (*Given)(nil)

// NewGiven makes an empty one under the name by which people know its giver.
func NewGiven(name string) *Given { return &Given{name: name} }

// Set replaces the addresses; what cannot be sought is left out. Trouble is what
// keeps the giver from knowing more, empty for nothing.
func (g *Given) Set(found []Found, trouble string) {
	kept := slices.Clone(found)
	for i := range kept {
		kept[i].Addr = netip.AddrPortFrom(kept[i].Addr.Addr().Unmap(), kept[i].Addr.Port())
	}
	kept = slices.DeleteFunc(kept, func(f Found) bool { return !usable(f.Addr.Addr()) || f.Addr.Port() == 0 })
	kept = tidy(kept)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.found, g.trouble = kept, trouble
}

// Name is what its giver is called.
func (g *Given) Name() string { return g.name }

// Addresses are those set last.
func (g *Given) Addresses() []Found {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.found)
}

// Trouble is the giver's.
func (g *Given) Trouble() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.trouble
}

// Close does nothing.
func (g *Given) Close() error { return nil }
