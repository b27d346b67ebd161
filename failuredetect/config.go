package failuredetect

import (
	"errors"
	"fmt"
	"time"

	"github.com/gmsd/gmsd/views"
)

// Config is what a detector is made from. Zero durations mean the default,
// which is derived from Beat and Pace where the comment says so. Beat should be
// the same at all members, or those with the shorter one ping the others at each
// beat; everything else may differ.
type Config struct {
	// Self is this process.
	Self views.Process

	// Beat is the time between two heartbeats, sent with a jitter of 5 % of Pace. Default
	// 250 ms, 10 ms to 10 s. Each costs one frame to the view (or one to each
	// of O(log n) observers). Where that frame is one to each member, a longer Beat
	// pays for it, and a silence is noticed later by what it is longer.
	Beat time.Duration
	// Pace is what everything below is measured in that does not wait for a beat:
	// Beat, but at most 250 ms.
	Pace time.Duration
	// LateMin and LateMax clamp the silence after which a member is pinged: a
	// beat and 1.2 or 2 paces (550 and 750 ms). Shorter wastes pings where a beat
	// comes late or, while it is no longer than the pace, is lost; longer leaves
	// fewer pings before SilenceMin.
	LateMin, LateMax time.Duration
	// PingEvery is the time between two pings of a late member: a
	// quarter of a pace (60 ms), at least 5 ms. At 36 % loss each way one in 0.41 comes back, so the 15 that
	// fit between LateMin and SilenceMin all fail once in 3,000 tries.
	PingEvery time.Duration
	// SilenceMin is the silence after which a member on a good link is
	// doubted: a beat and 4.8 paces (1.45 s). It must outlive a pause of 1 s that
	// began a beat after the last frame; each second more is a second more until
	// a black hole is noticed. At least LateMax and three pings.
	SilenceMin time.Duration
	// SilenceMax caps what jitter, round trips, past mistakes and this host's
	// own bad health may make of SilenceMin: a beat and 19 paces (5 s).
	SilenceMax time.Duration

	// AccuseEvery is the time between two sendings of a list of doubts that is
	// not empty: four fifths of a pace (200 ms). The first three follow a change faster.
	AccuseEvery time.Duration
	// AccuseExpiry is how long a list counts after it was last heard: 7
	// AccuseEvery. It bounds how long a doubt that was taken back, unheard,
	// can still harm. At least 4 AccuseEvery, so that loss does not drop it.
	AccuseExpiry time.Duration
	// BandDeadline ends the time in which a member is accused by some, but by
	// too few: 12 paces (3 s). Shorter settles broken links sooner and risks
	// doing so while opinions are still coming in.
	BandDeadline time.Duration

	// PauseAfter is how much later than Deadline a call must come to be taken
	// for a pause of this host: 1.6 paces (400 ms). (A jump of two beats is one, too.)
	PauseAfter time.Duration
	// QuietAfterPause is how long a host that was paused accuses nobody: 4
	// paces (1 s).
	QuietAfterPause time.Duration
	// RTTEvery is the time between two pings that only measure: 20 beats, at
	// least 5 s. One
	// observed member after the other is measured.
	RTTEvery time.Duration

	// AllToAll is the largest group in which everyone observes everyone: 12,
	// 2 to 64.
	AllToAll int
	// ObserversMax bounds the observers of a member in larger groups: 10, at
	// least 6, so that High can be reached.
	ObserversMax int
	// High is the number of accusers that suffices however many observers
	// there are (Rapid's H): 4, at least 2.
	High int

	// HoldFirst, HoldMax and HoldDecay damp a host that is removed again and
	// again: how long it is kept out after the second removal (1 s), at most
	// (60 s), and after how long without one all is forgotten (5 min).
	HoldFirst, HoldMax, HoldDecay time.Duration
	// HoldFree removals hold nobody off: 3, so that a network that parts and heals
	// a few times is whole again at once each time.
	HoldFree int
}

// ErrConfig is what every error of Validate wraps.
var ErrConfig = errors.New("failuredetect: bad config")

// paceMax is how slowly reactions are measured however long the beat is: bars for
// what a pause must be forgiven and how fast a loss is found do not grow with it.
const paceMax = 250 * time.Millisecond

// EnsureDefaults fills in what is zero.
func (c *Config) EnsureDefaults() {
	setDefault(&c.Beat, 250*time.Millisecond)
	setDefault(&c.Pace, min(c.Beat, paceMax))
	setDefault(&c.LateMin, c.Beat+c.Pace*12/10)
	setDefault(&c.LateMax, c.Beat+c.Pace*2)
	setDefault(&c.PingEvery, max(c.Pace*6/25, 5*time.Millisecond))
	setDefault(&c.SilenceMin, c.Beat+c.Pace*48/10)
	setDefault(&c.SilenceMax, c.Beat+c.Pace*19)
	setDefault(&c.AccuseEvery, c.Pace*4/5)
	setDefault(&c.AccuseExpiry, c.AccuseEvery*7)
	setDefault(&c.BandDeadline, c.Pace*12)
	setDefault(&c.PauseAfter, c.Pace*8/5)
	setDefault(&c.QuietAfterPause, c.Pace*4)
	setDefault(&c.RTTEvery, max(c.Beat*20, 5*time.Second))
	setDefault(&c.AllToAll, 12)
	setDefault(&c.ObserversMax, 10)
	setDefault(&c.High, 4)
	setDefault(&c.HoldFirst, time.Second)
	setDefault(&c.HoldMax, 10*time.Second)
	setDefault(&c.HoldDecay, 2*time.Minute)
	setDefault(&c.HoldFree, 3)
}

func setDefault[T ~int | ~int64](v *T, to T) {
	if *v == 0 {
		*v = to
	}
}

// Validate reports every fault at once, each with its bound; all wrap
// [ErrConfig]. Call EnsureDefaults first.
func (c *Config) Validate() error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
		}
	}
	check(!c.Self.Host.IsZero(), "Self names no host")
	check(c.Beat >= 10*time.Millisecond && c.Beat <= 10*time.Second, "Beat %v outside 10ms..10s", c.Beat)
	check(c.Pace >= 10*time.Millisecond && c.Pace <= c.Beat, "Pace %v outside 10ms..Beat %v", c.Pace, c.Beat)
	check(c.LateMin >= c.Beat+c.Pace/2, "LateMin %v below Beat %v and half a Pace %v", c.LateMin, c.Beat, c.Pace)
	check(c.LateMax >= c.LateMin, "LateMax %v below LateMin %v", c.LateMax, c.LateMin)
	check(c.PingEvery >= 5*time.Millisecond, "PingEvery %v below 5ms", c.PingEvery)
	check(c.SilenceMin >= c.LateMax+3*c.PingEvery, "SilenceMin %v leaves no three pings after LateMax %v", c.SilenceMin, c.LateMax)
	check(c.SilenceMax >= c.SilenceMin, "SilenceMax %v below SilenceMin %v", c.SilenceMax, c.SilenceMin)
	check(c.AccuseEvery >= 5*time.Millisecond, "AccuseEvery %v below 5ms", c.AccuseEvery)
	check(c.AccuseExpiry >= 4*c.AccuseEvery, "AccuseExpiry %v below four AccuseEvery %v", c.AccuseExpiry, c.AccuseEvery)
	check(c.BandDeadline >= 2*c.AccuseEvery, "BandDeadline %v below two AccuseEvery %v", c.BandDeadline, c.AccuseEvery)
	check(c.PauseAfter > 0, "PauseAfter %v not positive", c.PauseAfter)
	check(c.QuietAfterPause > 0 && c.QuietAfterPause < c.SilenceMin, "QuietAfterPause %v outside 0..SilenceMin", c.QuietAfterPause)
	check(c.RTTEvery >= c.Beat, "RTTEvery %v below Beat %v", c.RTTEvery, c.Beat)
	check(c.AllToAll >= 2 && c.AllToAll <= 64, "AllToAll %d outside 2..64", c.AllToAll)
	check(c.ObserversMax >= observersMin && c.ObserversMax <= 64, "ObserversMax %d outside %d..64", c.ObserversMax, observersMin)
	check(c.High >= 2 && c.High <= 64, "High %d outside 2..64", c.High)
	check(c.HoldFirst > 0 && c.HoldMax >= c.HoldFirst, "HoldFirst %v not in 0..HoldMax %v", c.HoldFirst, c.HoldMax)
	check(c.HoldDecay > 0, "HoldDecay %v not positive", c.HoldDecay)
	return errors.Join(faults...)
}
