package check

import "github.com/gmsd/gmsd/views"

// span is a fault window in ticks; until is 0 while it is open.
type span struct{ from, until uint64 }

// Fault opens or closes a fault window of a host: from here to there something
// was done to it or to its links that excuses what P15 says. The zero host is
// the whole network: loss, delay, a partition. Windows of one host nest.
func (c *Checker) Fault(id views.HostID, open bool) {
	c.tick++
	spans := &c.net
	if !id.IsZero() {
		spans = &c.hostOf(id).faults
	}
	if open {
		*spans = append(*spans, span{from: c.tick})
		return
	}
	for i := len(*spans) - 1; i >= 0; i-- {
		if s := &(*spans)[i]; s.until == 0 {
			s.until = c.tick
			return
		}
	}
}

// overlaps reports whether any window lay open at some time of from..until.
func overlaps(spans []span, from, until uint64) bool {
	for i := len(spans) - 1; i >= 0; i-- {
		if s := spans[i]; s.from <= until && (s.until == 0 || s.until >= from) {
			return true
		}
	}
	return false
}

// faulty reports whether something was done to a life between two ticks, its
// own end included.
func (c *Checker) faulty(l *life, from, until uint64) bool {
	return l.ended && l.endAt <= until || overlaps(c.net, from, until) || overlaps(l.proc.host.faults, from, until)
}

// disturbed reports whether any of some hosts was faulty between two ticks.
func (c *Checker) disturbed(members []*proc, from, until uint64) bool {
	if overlaps(c.net, from, until) {
		return true
	}
	for _, m := range members {
		if overlaps(m.host.faults, from, until) {
			return true
		}
		for _, l := range m.lives {
			if l.ended && l.endAt >= from && l.endAt <= until {
				return true
			}
		}
	}
	return false
}
