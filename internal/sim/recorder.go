package sim

import (
	"math/rand/v2"
	"slices"

	"github.com/gmsd/gmsd/internal/engine"
)

// recorder is an attacker without keys who hears all that is sent, keeps some of it,
// and sends it again: at once or much later, to anybody, in the name of its sender or
// of another.
type recorder struct {
	w    *World
	r    *rand.Rand
	kept []recorded
	met  uint64
}

type recorded struct {
	from int
	// to is the machine to which it was sent, 0 for many.
	to    int
	frame []byte
}

const (
	// recordedMax bounds what is kept: of these recordedLast are of the last that were
	// sent, the others of all so far.
	recordedMax  = 256
	recordedLast = 64
	// burstAgain is the most that goes at a time.
	burstAgain = 16
)

func newRecorder(w *World) recorder {
	return recorder{w: w, r: newStream(w.opts.Seed, "recorder", 0)}
}

// begin starts the attack; it goes on to the end of the run.
func (c *recorder) begin() {
	if c.w.opts.Sealed != 0 && c.w.opts.ReplayEvery > 0 {
		c.w.after(exponential(c.r, c.w.opts.ReplayEvery)+1, func() {
			c.act()
			c.begin()
		})
	}
}

// note keeps a frame by chance.
func (c *recorder) note(from int, p *engine.Packet) {
	if c.w.opts.ReplayEvery == 0 {
		return
	}
	one := recorded{from: from}
	if p.Scope == engine.Direct && len(p.To) > 0 {
		one.to = c.w.net.machineAt(p.To[0])
	}
	c.met++
	if len(c.kept) < recordedMax {
		one.frame = slices.Clone(p.Frame)
		c.kept = append(c.kept, one)
		return
	}
	i := int(c.met % recordedLast)
	if chance(c.r, 500_000) {
		if i = int(c.r.Uint64N(c.met)); i < recordedLast || i >= recordedMax {
			return
		}
	}
	one.frame = append(c.kept[i].frame[:0], p.Frame...)
	c.kept[i] = one
}

// act sends some of what is kept to one machine.
func (c *recorder) act() {
	if len(c.kept) == 0 {
		return
	}
	machines := len(c.w.hosts) - 1
	to := 1 + c.r.IntN(machines)
	for range logBetween(c.r, 1, burstAgain) {
		one := c.kept[c.r.IntN(len(c.kept))]
		if c.w.operator.off && c.w.net.link(one.from, to).cuts > 0 {
			continue // who is cut off for good is not to be heard by this way
		}
		if chance(c.r, 200_000) {
			one.from = 1 + c.r.IntN(machines)
		}
		c.w.cover.hit(coverReplays)
		f := c.w.net.inject(one.from, to, one.frame)
		f.multicast, f.bent = one.to == 0 && c.w.opts.Multicast != 0, one.to != 0 && one.to != to
	}
}
