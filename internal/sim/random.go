package sim

import (
	"math"
	"math/rand/v2"
	"time"
)

// million is the denominator of every probability here: chances are drawn in
// parts per million, so that no float decides anything.
const million = 1_000_000

// mix64 is the finaliser of SplitMix64: every bit of the input moves every bit
// of the result.
func mix64(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// streamSeed derives the seed of the named sub-stream. Streams are independent,
// so leaving one fault class or host out does not shift what the others draw.
func streamSeed(seed uint64, name string, number int) uint64 {
	x := mix64(seed ^ 0x9e3779b97f4a7c15)
	for i := range len(name) {
		x = mix64(x ^ uint64(name[i]) + 0x9e3779b97f4a7c15)
	}
	return mix64(x ^ uint64(number)<<17)
}

// newStream opens the named sub-stream of seed.
func newStream(seed uint64, name string, number int) *rand.Rand {
	s := streamSeed(seed, name, number)
	return rand.New(rand.NewPCG(s, mix64(s+1)))
}

// chance is true ppm times in a million.
func chance(r *rand.Rand, ppm int64) bool {
	return ppm > 0 && int64(r.Uint32N(million)) < ppm
}

// between draws from lo..hi, both included; hi below lo gives lo.
func between[T ~int | ~int64](r *rand.Rand, lo, hi T) T {
	if hi <= lo {
		return lo
	}
	return lo + T(r.Int64N(int64(hi-lo)+1))
}

// logBetween draws from lo..hi so that each doubling is equally likely: small
// and huge values both occur in a few draws. lo must be above 0.
func logBetween[T ~int | ~int64](r *rand.Rand, lo, hi T) T {
	doublings := 0
	for v := lo; v < hi; v *= 2 {
		doublings++
	}
	if doublings == 0 {
		return lo
	}
	low := lo << r.IntN(doublings)
	return between(r, low, min(2*low, hi))
}

// exponentials are the quantiles of the exponential distribution of mean 1,
// in 1/65536. A table costs one draw and one multiplication a frame.
var exponentials = func() (t [4096]uint32) {
	for i := range t {
		t[i] = uint32(-math.Log((float64(i)+0.5)/float64(len(t))) * 65536)
	}
	return t
}()

// exponential draws a duration with the given mean, at most nine times it.
func exponential(r *rand.Rand, mean time.Duration) time.Duration {
	if mean <= 0 {
		return 0
	}
	return mean * time.Duration(exponentials[r.Uint32()&4095]) >> 16
}
