package failuredetect

import "math/bits"

// observersMin keeps High reachable in the smallest group that is not all-to-all.
const observersMin = 6

// ring says who observes whom in a view of n members: the observers of rank r
// are r+offsets[0], r+offsets[1], … (mod n), the first k that whoever computes
// does not doubt. Powers of two come first: they make the graph of observers an
// expander, so that no set of failures hides behind itself.
type ring struct {
	n, k    int
	offsets []uint16
}

func newRing(n int, cfg *Config) ring {
	r := ring{n: n, k: n - 1, offsets: make([]uint16, 0, max(0, n-1))}
	if n > cfg.AllToAll {
		r.k = min(max(bits.Len(uint(n)), observersMin), cfg.ObserversMax)
	}
	for o := 1; o < n; o *= 2 {
		r.offsets = append(r.offsets, uint16(o))
	}
	for o := 3; o < n; o++ {
		if o&(o-1) != 0 {
			r.offsets = append(r.offsets, uint16(o))
		}
	}
	return r
}

// everyone reports whether all members observe each other.
func (r *ring) everyone() bool { return r.k == r.n-1 }

// observer gives the i-th candidate for observing the member of that rank.
func (r *ring) observer(rank uint16, i int) uint16 {
	return uint16((int(rank) + int(r.offsets[i])) % r.n)
}

// subject gives the member whose i-th candidate has that rank.
func (r *ring) subject(rank uint16, i int) uint16 {
	return uint16((int(rank) + r.n - int(r.offsets[i])) % r.n)
}

// eachObserver calls visit with the first k observers of rank that skip does
// not exclude, until visit says false.
func (r *ring) eachObserver(rank uint16, skip func(uint16) bool, visit func(uint16) bool) {
	left := r.k
	for i := 0; i < len(r.offsets) && left > 0; i++ {
		o := r.observer(rank, i)
		if skip(o) {
			continue
		}
		left--
		if !visit(o) {
			return
		}
	}
}

// observes reports whether the member of rank who is among the first k
// candidates of rank subject once those that skip excludes are gone.
func (r *ring) observes(who, subject uint16, skip func(uint16) bool) bool {
	found := false
	r.eachObserver(subject, func(o uint16) bool { return o != who && skip(o) }, func(o uint16) bool {
		found = o == who
		return !found
	})
	return found
}
