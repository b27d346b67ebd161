package check

import "github.com/gmsd/gmsd/views"

// span is a fault window in ticks; until is 0 while it is open.
type span struct{ from, until uint64 }

// Fault opens or closes a fault window of a host: from here to there something
// was done to it or to its links that excuses what P15 says. The zero host is
// the whole network: loss, delay, a partition. Windows of one host nest.
func (c *Checker) Fault(id views.HostID, open bool) {
	c.tick++
	if open {
		c.faultsOpen++
	} else {
		c.faultsOpen--
	}
	c.lastFault = c.tick
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

// disturbed reports whether a fault was open anywhere, or a process ended, since
// some tick.
func (c *Checker) disturbed(since uint64) bool {
	return c.faultsOpen > 0 || c.lastFault >= since
}
