package scenario

import (
	"time"

	"github.com/gmsd/gmsd/internal/sim"
	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views/message"
)

// gates decide the fate of frames by what is in them.
type gates struct {
	film  *Film
	rules []*rule
	held  []letter
	// resent keeps what replay rules saw.
	resent []letter
	delay  time.Duration
}

// action is what a rule does with a frame that fits.
type action uint8

const (
	actDrop action = iota
	actHold
	actRemember
	actCrashSender
	actCrashReceiver
)

// rule names frames: on links from a set to a set, holding a type of message.
type rule struct {
	from, to sim.HostSet
	typ      message.Type
	act      action
	// count is how many more frames it takes; below 0 it takes all.
	count int
	// skip is how many it lets pass first.
	skip int
}

// letter is a frame kept for later.
type letter struct {
	from, to int
	bytes    []byte
}

// lettersMax bounds what holds and replays keep.
const lettersMax = 10_000

// holds reports whether frame has a message of the rule's type, also inside a relayed frame.
func (g *gates) holds(frame []byte, typ message.Type) bool {
	if typ == message.TypeNone {
		return true
	}
	var f wire.Frame
	if g.film.w.ReadFrame(frame, &f) != nil {
		return false
	}
	for _, m := range f.Messages {
		if m.Type() == typ {
			return true
		}
		if signed, ok := m.(*message.Signed); ok && signed.Inner == typ {
			return true
		}
		if relay, ok := m.(*message.Relay); ok && g.holds(relay.Frame, typ) {
			return true
		}
	}
	return false
}

// pass is the world's gate: the first rule that fits decides.
func (g *gates) pass(from, to int, frame []byte) sim.Fate {
	for _, r := range g.rules {
		if r.count == 0 || !r.from.Has(from) || !r.to.Has(to) || !g.holds(frame, r.typ) {
			continue
		}
		if r.skip > 0 {
			r.skip--
			continue
		}
		if r.count > 0 {
			r.count--
		}
		return g.act(r, letter{from, to, frame})
	}
	return sim.Pass
}

func (g *gates) act(r *rule, l letter) sim.Fate {
	w := g.film.w
	switch r.act {
	case actHold:
		if len(g.held) < lettersMax {
			g.held = append(g.held, letter{l.from, l.to, append([]byte(nil), l.bytes...)})
		}
		return sim.Hold
	case actRemember:
		if len(g.resent) < lettersMax {
			g.resent = append(g.resent, letter{l.from, l.to, append([]byte(nil), l.bytes...)})
		}
		return sim.Pass
	case actCrashSender:
		// Nothing more leaves the host in this step; it dies before the next.
		g.rules = append([]*rule{{from: 1 << l.from, to: ^sim.HostSet(0), act: actDrop, count: -1}}, g.rules...)
		dead := g.rules[0]
		w.After(0, func() {
			dead.count = 0
			w.Host(l.from).Kill(false)
		})
		return sim.Drop
	case actCrashReceiver:
		w.After(g.delay+1, func() { w.Host(l.to).Kill(false) })
		return sim.Pass
	case actDrop:
	}
	return sim.Drop
}

// release lets held frames arrive.
func (g *gates) release() int {
	held := g.held
	g.held = nil
	for _, l := range held {
		g.film.w.Deliver(l.from, l.to, l.bytes)
	}
	return len(held)
}

// replay sends everything remembered once more.
func (g *gates) replay() int {
	for _, l := range g.resent {
		g.film.w.Deliver(l.from, l.to, l.bytes)
	}
	return len(g.resent)
}

// clear forgets all rules; held frames are lost.
func (g *gates) clear() { g.rules, g.held = nil, nil }

func parseType(name string) (message.Type, bool) {
	if name == "any" {
		return message.TypeNone, true
	}
	for t := message.TypeNone + 1; t < message.TypeEnd; t++ {
		if t.String() == name {
			return t, true
		}
	}
	return 0, false
}
