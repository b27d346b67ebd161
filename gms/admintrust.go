package gms

import (
	"sync"

	"github.com/gmsd/gmsd/internal/adminca"
	"github.com/gmsd/gmsd/internal/keys"
)

// believed makes of the ring what the admin interface needs, when it needs it. The loop
// says when the ring changes; any goroutine asks.
type believed struct {
	mu    sync.Mutex
	who   adminca.Host
	ring  keys.Ring
	stale chan struct{}  // closed by the next change
	made  *adminca.Trust // of ring; nil until somebody asks
}

func (b *believed) begin(who adminca.Host, ring keys.Ring) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.who, b.ring, b.stale = who, ring, make(chan struct{})
}

// change takes a ring as it is now.
func (b *believed) change(ring keys.Ring) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ring.Digest() == b.ring.Digest() {
		return
	}
	close(b.stale)
	b.ring, b.stale, b.made = ring, make(chan struct{}), nil
}

func (b *believed) trust() (*adminca.Trust, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ring.IsZero() {
		return nil, ErrNoKeys
	}
	if b.made == nil {
		t, err := adminca.NewTrust(b.ring, b.who, b.stale)
		if err != nil {
			return nil, err
		}
		b.made = t
	}
	return b.made, nil
}

// AdminTrust gives what the daemon's admin interface needs of the keys of the group as
// they are now: certificates, and no key of the group. It is for the daemon; its type is
// internal. Where nothing is sealed the error is [ErrNoKeys].
func (h *Host) AdminTrust() (*adminca.Trust, error) { return h.believed.trust() }
