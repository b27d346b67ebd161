package gossip

import (
	"net/netip"
	"time"
)

// bucket lets so many a second through.
type bucket struct {
	left float64
	at   time.Time
}

func (b *bucket) take(now time.Time, rate float64) bool {
	if b.at.IsZero() {
		b.left = 2 * rate
	} else {
		b.left = min(2*rate, b.left+rate*now.Sub(b.at).Seconds())
	}
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// full reports whether it says nothing that a new one would not.
func (b *bucket) full(now time.Time, rate float64) bool {
	return b.left+rate*now.Sub(b.at).Seconds() >= 2*rate
}

// rates bounds registrations, in all and of each address.
type rates struct {
	all     bucket
	sources map[netip.Addr]*bucket
}

// take takes the source's first, so that one that floods takes nothing from others.
func (r *rates) take(from netip.Addr, now time.Time) bool {
	b := r.sources[from]
	if b == nil {
		if len(r.sources) >= sourcesMax {
			r.forget(now)
		}
		if len(r.sources) >= sourcesMax {
			return false
		}
		b = &bucket{}
		r.sources[from] = b
	}
	return b.take(now, rateSource) && r.all.take(now, rateAll)
}

func (r *rates) forget(now time.Time) {
	for a, b := range r.sources {
		if b.full(now, rateSource) {
			delete(r.sources, a)
		}
	}
}
