package vsync

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// grantMax is how many places one member may hold unused.
const grantMax = 8192

// ledger is what the coordinator granted to one member: the places first+1,
// first+2, … of that member's own count, as ranges of the order.
type ledger struct {
	first, total uint64
	ranges       []message.PlaceRange
}

// grant gives n places to a member.
func (o *order) grant(l *ledger, n uint64) {
	if n == 0 {
		return
	}
	l.total += n
	if k := len(l.ranges); k > 0 && l.ranges[k-1].K+views.Position(l.ranges[k-1].Count) == o.slot {
		l.ranges[k-1].Count += uint32(n)
	} else {
		l.ranges = append(l.ranges, message.PlaceRange{K: o.slot, Count: uint32(n)})
	}
	o.slot += views.Position(n)
}

// forget drops the places the member says it has.
func (l *ledger) forget(have uint64) {
	for len(l.ranges) > 0 && l.first < have {
		r := &l.ranges[0]
		n := min(have-l.first, uint64(r.Count))
		l.first += n
		if n == uint64(r.Count) {
			l.ranges = l.ranges[1:]
			continue
		}
		r.K += views.Position(n)
		r.Count -= uint32(n)
	}
}

// usePlaces notes that n places were used: the coordinator's next, or the first
// of those that were granted.
func (c *Core) usePlaces(class message.Class, n int) {
	q := &c.sender
	switch {
	case class != message.ClassPlaced:
	case c.rank == 0:
		c.order.slot += views.Position(n)
	case uint32(n) == q.places[0].Count: //nolint:gosec // at most what was granted
		q.places = q.places[1:]
	default:
		q.places[0].K += views.Position(n)
		q.places[0].Count -= uint32(n) //nolint:gosec // as above
	}
}

// placeable is how many messages could be sent now if they had places.
func (c *Core) placeable() (n int) {
	out := &c.sender.out[message.ClassPlaced]
	free := c.credit()
	n = out.first.len()
	if free > 0 {
		n += out.ending(c.fits(), free, c.held)
	}
	n = min(n, grantMax)
	if c.held {
		return n
	}
	for i := 0; i < out.short.len() && n < grantMax && free > 0; i++ {
		free -= len(out.short.at(i).payload) + recordMax
		n++
	}
	return n
}

// maybeRequest asks for places where something waits for them and no request is under
// way.
func (c *Core) maybeRequest() {
	q := &c.sender
	if c.rank != 0 && q.requestAt == 0 && q.out[message.ClassPlaced].ready(c.held) {
		c.requestPlaces()
	}
}

// requestPlaces asks the coordinator for as many places as can be used now.
// Both counts run from the beginning of the view, so a repetition asks for
// nothing twice.
func (c *Core) requestPlaces() {
	q := &c.sender
	if c.phase != Operational || c.rank == 0 {
		return
	}
	unused := 0
	for _, r := range q.places {
		unused += int(r.Count)
	}
	if n := c.placeable(); n > unused {
		q.asked = max(q.asked, q.granted+uint64(n-unused)) //nolint:gosec // positive
	}
	if q.asked == q.granted {
		return
	}
	c.sendTo(c.base.Members[0].Addr, &message.Request{View: c.view.ID, Have: q.granted, Want: q.asked})
	q.requestAt = c.after(backoff(c.t.NakRetry, q.requestTries, c.t.RetryMax))
	q.requestTries++
}

// handleRequest grants places, also once this host has stopped sending for a change
// of the view: who has not may have to say something yet.
func (c *Core) handleRequest(from Sender, m *message.Request) {
	r := c.rankOf(from.Process)
	if m.View != c.view.ID || r < 0 || c.rank != 0 {
		return
	}
	l := c.order.ledgers[r]
	if l == nil {
		l = &ledger{}
		c.order.ledgers[r] = l
	}
	if m.Have > l.total || m.Want > m.Have+grantMax {
		c.drop(from.Host, "bad-request")
		return
	}
	l.forget(m.Have)
	if m.Want > l.total {
		c.order.grant(l, min(m.Want-l.total, c.order.grantable()))
	}
	if len(l.ranges) > 0 && l.first == m.Have {
		c.sendTo(from.Addr, &message.Grant{View: c.view.ID, First: l.first, Ranges: append([]message.PlaceRange(nil), l.ranges...)})
	}
}

func (c *Core) handleGrant(from Sender, m *message.Grant) {
	q := &c.sender
	if m.View != c.view.ID || c.rankOf(from.Process) != 0 || c.phase != Operational || m.First > q.granted {
		return
	}
	skip := q.granted - m.First
	for _, r := range m.Ranges {
		known := min(skip, uint64(r.Count))
		skip -= known
		n := min(uint64(r.Count)-known, q.asked-q.granted)
		if n == 0 {
			continue
		}
		q.places = append(q.places, message.PlaceRange{K: r.K + views.Position(known), Count: uint32(n)}) //nolint:gosec // at most r.Count
		q.granted += n
	}
	if q.granted == q.asked {
		q.requestAt, q.requestTries = 0, 0
	}
	c.pump()
}
