package seal

// windowBits is how far behind the highest counter of its row a frame may come. A
// burst fills a receive buffer of a megabyte with some thousand frames.
const windowBits = 4096

const wordBits = 64

// window knows which counters of a row have been met.
type window struct {
	top  uint64
	bits [windowBits / wordBits]uint64
}

// fresh reports whether n was not met and is not too far behind.
func (w *window) fresh(n uint64) bool {
	switch {
	case n == 0:
		return false
	case n > w.top:
		return true
	case w.top-n >= windowBits-wordBits:
		return false // its word may be the one that is written for the highest
	}
	word, bit := place(n)
	return w.bits[word]&bit == 0
}

// note says that n, which is fresh, was met.
func (w *window) note(n uint64) {
	if n > w.top {
		from, to := w.top/wordBits, n/wordBits
		for i := from + 1; i <= min(to, from+uint64(len(w.bits))); i++ {
			w.bits[i%uint64(len(w.bits))] = 0
		}
		w.top = n
	}
	word, bit := place(n)
	w.bits[word] |= bit
}

func place(n uint64) (word int, bit uint64) {
	return int(n / wordBits % (windowBits / wordBits)), 1 << (n % wordBits) //nolint:gosec // bounded by the length
}
