package transfer

import (
	"time"

	"github.com/gmsd/gmsd/views"
)

const (
	// flightFirst is what is let go at the start, in bytes; flightLeast is
	// never gone below, in chunks.
	flightFirst = 64 << 10
	flightLeast = 2
	// heavyLoss: when one in so many is lost in a round trip, less is let go.
	// What is lost less is repaired and not taken for congestion.
	heavyLoss = 8
	// lossSlack is added to what came, for a few are no measure.
	lossSlack = 16
	// queueSlack is how much longer than twice the best a round trip may take.
	queueSlack = time.Millisecond

	// rttUnknown is assumed before the first measurement.
	rttUnknown = 25 * time.Millisecond
	rtoLeast   = 4 * time.Millisecond
	rtoMost    = time.Second
	// gapLeast and gapMost bound how long a chunk may be overtaken before it
	// is called missing: a quarter of a round trip.
	gapLeast = 250 * time.Microsecond
	gapMost  = 50 * time.Millisecond
)

// flight decides how many chunks the joiner lets be under way. It grows fast
// until the way is full, which shows by longer round trips or by heavy loss,
// and keeps the queue on the way short, so that a repair is soon there.
type flight struct {
	// size is in chunks, most its bound: the slots.
	size, most uint64
	// probing: no bound of the way was met yet.
	probing        bool
	srtt, var4     time.Duration
	best           time.Duration
	serial, sample uint64
	sampleAt       views.Instant
	// arrived and lost count chunks since the sample was taken.
	arrived, lost uint64
	// heard is the highest serial the donor echoed.
	heard uint64
}

func newFlight(slots, chunkBytes int) flight {
	return flight{
		most: uint64(slots), size: uint64(min(max(flightFirst/chunkBytes, flightLeast), slots)), //nolint:gosec // positive
		probing: true,
	}
}

// next gives the serial of a message that goes out now. The first after a
// finished sample is measured; urgent begins a new sample at once.
func (f *flight) next(now views.Instant, urgent bool) uint64 {
	f.serial++
	if f.sample <= f.heard || urgent {
		f.sample, f.sampleAt = f.serial, now
		f.arrived, f.lost = 0, 0
	}
	return f.serial
}

// hear takes the echo of a message from the donor, which it had for delay
// microseconds. It reports whether the echo is new.
func (f *flight) hear(now views.Instant, echo, delay uint64) bool {
	if echo <= f.heard || echo > f.serial {
		return false
	}
	f.heard = echo
	if echo < f.sample {
		return true
	}
	var rtt time.Duration
	if echo == f.sample {
		took := now.Sub(f.sampleAt)
		rtt = max(took-time.Duration(min(delay, micros(took)))*time.Microsecond, time.Microsecond) //nolint:gosec // bounded
		f.measure(rtt)
	}
	f.adapt(rtt)
	return true
}

// measure smooths as RFC 6298 does.
func (f *flight) measure(rtt time.Duration) {
	if f.srtt == 0 {
		f.srtt, f.var4, f.best = rtt, 2*rtt, rtt
		return
	}
	f.best = min(f.best, rtt)
	off := max(f.srtt-rtt, rtt-f.srtt)
	f.var4 += off - f.var4/4
	f.srtt += (rtt - f.srtt) / 8
}

// adapt ends a round trip; rtt is zero where it could not be measured.
func (f *flight) adapt(rtt time.Duration) {
	if f.arrived+f.lost == 0 {
		return
	}
	switch heavy := f.lost*heavyLoss > f.arrived+f.lost+lossSlack; {
	case heavy && f.probing:
		// What arrived in a round trip is what the way holds.
		f.probing = false
		f.size = min(f.size/2, f.arrived)
	case heavy:
		f.size -= f.size / 4
	case rtt > 2*f.best+queueSlack:
		f.probing = false
		f.size -= f.size / 8
	case f.probing:
		f.size *= 2
	default:
		f.size += f.size/16 + 1
	}
	f.size = min(max(f.size, min(flightLeast, f.most)), f.most)
}

func (f *flight) round() time.Duration {
	if f.srtt == 0 {
		return rttUnknown
	}
	return f.srtt
}

// rto is how long to wait for an answer.
func (f *flight) rto() time.Duration {
	return min(max(f.round()+f.var4, rtoLeast), rtoMost)
}

// gap is how long to wait for what was overtaken.
func (f *flight) gap() time.Duration {
	return min(max(f.round()/4, gapLeast), gapMost)
}
