package engine

import (
	"time"

	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/vsync"
)

// burstFrames is how many multicasts go in a row to see whether something limits their
// rate, rowEvery the time between two: a row that leaves at once travels as one thing in
// places, and is lost as one.
const (
	burstFrames = 32
	rowEvery    = 4 * time.Millisecond
)

// burst is a row of multicasts of another host.
type burst struct {
	token   uint64
	of, got uint16
	at      views.Instant
}

// ownBurst is a row that this host sends.
type ownBurst struct {
	token    uint64
	of, sent uint16
	at       views.Instant // when the next is due
}

// rowTakes is from when on what did not come of a row counts as lost.
const rowTakes = 4 * burstFrames * rowEvery

// sendBurst begins a row of multicasts that nobody answers. One that is under way serves
// who asks for another: cut short it would look as if its end were lost.
func (e *Engine) sendBurst() {
	if b := &e.links.burst; b.sent < b.of {
		return
	}
	e.links.tokens++
	e.links.burst = ownBurst{token: e.links.tokens * e.links.mask, of: burstFrames, at: e.now}
	e.links.at = e.now
}

// advanceBurst sends the next of the row.
func (e *Engine) advanceBurst() {
	b := &e.links.burst
	if b.sent == b.of || e.now < b.at {
		e.links.at = views.Earliest(e.links.at, b.due())
		return
	}
	to := e.core.Others()
	if len(to) == 0 || !e.cfg.Multicast {
		*b = ownBurst{}
		return
	}
	b.sent++
	b.at = e.now.Add(rowEvery)
	e.links.at = views.Earliest(e.links.at, b.due())
	m := &message.Echo{Token: b.token, Seq: uint32(b.sent), First: b.of}
	frame, err := wire.AppendMessage(e.begin(), m)
	if err != nil {
		return
	}
	e.traffic.Out[message.TypeEcho]++
	e.finish(&vsync.Send{Scope: All, To: to, Msg: m}, frame)
}

// due is when the next is to go, 0: there is none.
func (b *ownBurst) due() views.Instant {
	if b.sent == b.of {
		return 0
	}
	return b.at
}

// over reports whether all of a row came that will.
func (b *burst) over(now views.Instant) bool {
	return b.at != 0 && (b.got == b.of || now.Sub(b.at) >= rowTakes)
}

// takeBurst counts a frame of a burst, where multicast brought it.
func (e *Engine) takeBurst(from vsync.Sender, m *message.Echo) {
	l := e.linkOf(from.Process)
	if l == nil || !e.frameMulticast {
		return
	}
	if l.burst.token != m.Token {
		l.burst = burst{token: m.Token, of: m.First, at: e.now}
	}
	l.burst.got = min(l.burst.got+1, l.burst.of)
}
