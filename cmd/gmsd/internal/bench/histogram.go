package bench

import (
	"math/bits"
	"time"
)

// linear values of each power of two have a bucket: a quantile is true to 1.6 %.
const linear = 32

// histogram counts durations in a fixed room.
type histogram struct {
	n      uint64
	counts [(64 - 4) * linear]uint64
}

func (h *histogram) add(d time.Duration) {
	h.n++
	h.counts[bucketOf(uint64(max(0, d)))]++
}

func bucketOf(v uint64) int {
	if v < linear {
		return int(v)
	}
	shift := bits.Len64(v) - bits.Len64(linear)
	return shift*linear + int(v>>shift)
}

// middleOf is the middle of a bucket.
func middleOf(bucket int) time.Duration {
	if bucket < 2*linear {
		return time.Duration(bucket)
	}
	shift := bucket/linear - 1
	return time.Duration(uint64(linear+bucket%linear)<<shift + 1<<shift/2)
}

// quantile gives the value below which the share p of all lies; 0 for none.
func (h *histogram) quantile(p float64) time.Duration {
	left := uint64(p * float64(max(h.n, 1)-1))
	for bucket, n := range h.counts {
		if n > left {
			return middleOf(bucket)
		}
		left -= n
	}
	return 0
}
