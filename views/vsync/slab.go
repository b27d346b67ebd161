package vsync

// Packets are kept in slabs: one allocation holds many of them, and what is
// delivered points into it. A slab lives as long as anything in it is held.
const (
	slabFirst = 4 << 10
	slabMost  = 256 << 10
)

// slab gives memory in runs.
type slab struct {
	free []byte // its capacity is what is left
	next int    // the size of the next one
}

// reserve gives an empty slice with room for n bytes; keep says how many of
// them are used.
func (s *slab) reserve(n int) []byte {
	if cap(s.free) < n {
		s.next = min(max(2*s.next, slabFirst), slabMost)
		s.free = make([]byte, 0, max(s.next, n))
	}
	return s.free[:0:n]
}

// keep takes b, which came from the last reserve, out of what is free.
func (s *slab) keep(b []byte) []byte {
	s.free = s.free[len(b):cap(s.free)][:0]
	return b[:len(b):len(b)]
}

// alone is from how many bytes on a packet is an allocation of its own: an append
// is not cleared first, as a slab is.
const alone = 8 << 10

// copy keeps a copy of b.
func (s *slab) copy(b []byte) []byte {
	if len(b) >= alone {
		return append([]byte(nil), b...)
	}
	return s.keep(append(s.reserve(len(b)), b...))
}
