package failuredetect

import (
	"time"

	"github.com/gmsd/gmsd/views"
)

// flapsMax bounds the memory of removals; the longest quiet goes first.
const flapsMax = 256

// flap is what is remembered of one host that was removed.
type flap struct {
	host  views.HostID
	count int
	last  views.Instant
	until views.Instant
	// link: it goes because a link of it is broken, so it would fail again at once.
	link bool
}

// linkCounts is for how many removals one for a broken link counts: the first
// such is held off for 8 s, the next for HoldMax.
const linkCounts = 4

func (d *Detector) flapOf(now views.Instant, host views.HostID) *flap {
	if f := d.findFlap(now, host); f != nil {
		return f
	}
	return d.newFlap(now, host)
}

// Removed tells that a view without host was installed because it crashed or
// was cut off, not because it left. It feeds HoldOff.
func (d *Detector) Removed(now views.Instant, host views.HostID) {
	f := d.flapOf(now, host)
	f.count++
	if f.link {
		f.count, f.link = max(f.count, d.cfg.HoldFree+linkCounts), false
	}
	f.last = now
	f.until = 0
	if f.count > d.cfg.HoldFree {
		hold := d.cfg.HoldFirst
		for i := d.cfg.HoldFree + 1; i < f.count && hold < d.cfg.HoldMax; i++ {
			hold *= 2
		}
		f.until = now.Add(min(hold, d.cfg.HoldMax))
	}
}

// HoldOff gives the time until which a host that was removed again and again
// should not be let in; zero: it may come. HoldFree removals are free, then it
// doubles from HoldFirst to HoldMax; HoldDecay without a removal forgets.
func (d *Detector) HoldOff(now views.Instant, host views.HostID) views.Instant {
	f := d.findFlap(now, host)
	if f == nil || f.until <= now {
		return 0
	}
	return f.until
}

func (d *Detector) findFlap(now views.Instant, host views.HostID) *flap {
	for i := range d.flaps {
		f := &d.flaps[i]
		if f.host != host {
			continue
		}
		if now.Sub(f.last) >= d.holdMemory(f) {
			f.count = 0
		}
		return f
	}
	return nil
}

// holdMemory never ends before the hold itself does.
func (d *Detector) holdMemory(f *flap) time.Duration {
	return max(d.cfg.HoldDecay, f.until.Sub(f.last))
}

func (d *Detector) newFlap(now views.Instant, host views.HostID) *flap {
	fresh := flap{host: host, last: now}
	if len(d.flaps) < flapsMax {
		d.flaps = append(d.flaps, fresh)
		return &d.flaps[len(d.flaps)-1]
	}
	oldest := 0
	for i := range d.flaps {
		if d.flaps[i].last < d.flaps[oldest].last {
			oldest = i
		}
	}
	d.flaps[oldest] = fresh
	return &d.flaps[oldest]
}
