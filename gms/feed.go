package gms

import (
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
)

// feedMost is how much the engine is given at a time: what else happens must have
// its turn however much is posted.
const feedMost = 256 << 10

// feed gives the engine what it has room for, once; where it could take more the
// loop comes back to it, after whatever else there is. One submission is not
// bound by the room, so that a message longer than that goes, too.
func (l *loop) feed() {
	o := l.host.outbox
	if l.ended || !o.pending() {
		return
	}
	room := l.engine.Room()
	if room <= 0 {
		return
	}
	turns := o.take(min(room, feedMost))
	o.submit = o.submit[:0]
	for _, t := range turns {
		for i := range t.messages {
			o.submit = append(o.submit, l.accept(&t.messages[i]))
		}
	}
	l.step(o.submit)
	clear(o.submit)
	o.gave(turns)
	for _, t := range turns {
		l.runDelayed(t.lane)
	}
	clear(turns)
	if o.pending() && l.engine.Room() > 0 {
		o.nudge()
	}
}

// accept notes who waits for the fate of a message.
func (l *loop) accept(m *outgoing) engine.Submission {
	if m.at != 0 || m.done != nil {
		l.calls.token++
		m.Token = l.calls.token
		l.calls.sends[m.Token] = sending{m.done, m.Order, m.at}
	}
	return m.Submission
}

// sending is a message under way whose fate somebody wants to know, if done is
// set, and whose latency counts.
type sending struct {
	done  fate
	order views.Order
	at    views.Instant
}

// submitted answers a send.
func (l *loop) submitted(s engine.Submitted) {
	call, ok := l.calls.sends[s.Token]
	if !ok {
		return
	}
	delete(l.calls.sends, s.Token)
	if s.Err == nil {
		l.host.latencies.add(call.order, l.now.Sub(call.at))
	}
	if call.done != nil {
		call.done(Receipt{Msg: s.Msg, View: s.View, K: s.K}, s.Err)
	}
}

// loseSends tells those who wait for a fate that the host has ended before it.
func (l *loop) loseSends(err error) {
	for token, call := range l.calls.sends {
		delete(l.calls.sends, token)
		if call.done != nil {
			call.done(Receipt{}, err)
		}
	}
	l.host.outbox.lost(err)
}

// leave sends what it can of what was posted before, and goes.
func (l *loop) leave() {
	o := l.host.outbox
	o.close(views.ErrLeaving)
	for !l.ended && o.pending() && l.engine.Room() > 0 {
		l.feed()
	}
	l.step(engine.Leave{})
}

// delayed is something the loop does once all that was posted in a lane before
// went to the engine.
type delayed struct {
	after uint64
	do    func(*loop)
}

// afterPosted does so.
func (l *loop) afterPosted(p *Port, do func(*loop)) {
	o := l.host.outbox
	o.mu.Lock()
	after := p.lane.posted
	o.mu.Unlock()
	p.lane.later = append(p.lane.later, delayed{after, do})
	l.runDelayed(&p.lane)
}

func (l *loop) runDelayed(from *lane) {
	for len(from.later) > 0 && from.later[0].after <= from.total {
		do := from.later[0].do
		from.later = from.later[1:]
		do(l)
	}
}
