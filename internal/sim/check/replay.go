package check

import (
	"errors"
	"io"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// Source is one log to be replayed: a stream and its records in the order in
// which they were written. Next gives io.EOF at the end.
type Source struct {
	Stream Stream
	Next   func() (trace.Record, error)
}

// Fact is something the harness did, at a time of the clock that the records
// of all sources carry.
type Fact struct {
	At    views.Instant
	Apply func(*Checker) error
}

// Replay feeds several logs in an order that keeps each log's own and has every
// message sent before it is delivered. Of a run that the checker can accept such
// an order exists; where it does not, the delivery is fed as it stands and P10
// says so.
//
// Without facts no time is compared: a log runs until it needs a message that
// was not sent yet, and the log that is furthest behind in views goes first, so
// that few views are open at a time. With facts all sources and facts share one
// clock (processes on one machine do), and records follow it.
func (c *Checker) Replay(sources []Source, facts []Fact) error {
	m := &merge{c: c, facts: facts, oneClock: len(facts) > 0, sent: map[views.Process]*bitmap{}}
	for _, s := range sources {
		m.heads = append(m.heads, &head{source: s})
	}
	for _, h := range m.heads {
		if err := m.advance(h); err != nil {
			return err
		}
		if e, starts := h.next.Event.(trace.Start); starts {
			// Facts may name a host before it speaks.
			c.name(c.hostOf(h.next.Host), e.HostName)
		}
	}
	return m.run()
}

type merge struct {
	c        *Checker
	heads    []*head
	facts    []Fact
	oneClock bool
	sent     map[views.Process]*bitmap
}

// head is a source and its next record.
type head struct {
	source Source
	next   trace.Record
	done   bool
	// seq is that of the view it is in.
	seq views.Seq
}

func (m *merge) advance(h *head) error {
	r, err := h.source.Next()
	if errors.Is(err, io.EOF) {
		h.done = true
		return nil
	}
	h.next = r
	return err
}

func (m *merge) run() error {
	for {
		h := m.pick()
		if h == nil {
			return m.applyFacts(0, true)
		}
		if err := m.applyFacts(h.next.T, false); err != nil {
			return err
		}
		if err := m.feed(h); err != nil {
			return err
		}
	}
}

func (m *merge) applyFacts(now views.Instant, all bool) error {
	for len(m.facts) > 0 && (all || m.facts[0].At <= now) {
		if err := m.facts[0].Apply(m.c); err != nil {
			return err
		}
		m.facts = m.facts[1:]
	}
	return nil
}

// feed hands over the next record of h and, where no clock says otherwise, all
// up to its next install or the first that must wait.
func (m *merge) feed(h *head) error {
	for {
		m.note(h)
		m.c.ObserveIn(h.source.Stream, h.next)
		if err := m.advance(h); err != nil || h.done || m.oneClock {
			return err
		}
		if _, installs := h.next.Event.(trace.Install); installs || m.mustWait(h) {
			return nil
		}
	}
}

func (m *merge) note(h *head) {
	switch e := h.next.Event.(type) {
	case trace.Send:
		b := m.sent[e.Msg.From]
		if b == nil {
			b = &bitmap{}
			m.sent[e.Msg.From] = b
		}
		b.set(e.Msg.N)
	case trace.Install:
		h.seq = e.View.Seq
	}
}

// mustWait reports whether the next record delivers what was not sent yet.
func (m *merge) mustWait(h *head) bool {
	e, ok := h.next.Event.(trace.Deliver)
	return ok && !m.sent[e.Msg.From].has(e.Msg.N)
}

// pick chooses the head to go on with: of those that need not wait the first
// by time or by view. Where all wait, one whose sender has nothing more to say
// goes on: that message will never come.
func (m *merge) pick() *head {
	var best, stuck *head
	for _, h := range m.heads {
		switch {
		case h.done:
		case m.mustWait(h):
			if stuck == nil || !m.willSpeak(h) && m.willSpeak(stuck) {
				stuck = h
			}
		case best == nil || m.before(h, best):
			best = h
		}
	}
	if best == nil {
		return stuck
	}
	return best
}

func (m *merge) before(a, b *head) bool {
	if m.oneClock {
		return a.next.T < b.next.T
	}
	return a.seq < b.seq
}

// willSpeak reports whether the log of the sender that h waits for goes on.
func (m *merge) willSpeak(h *head) bool {
	from := h.next.Event.(trace.Deliver).Msg.From.Host
	for _, o := range m.heads {
		if !o.done && o != h && o.next.Host == from {
			return true
		}
	}
	return false
}

// bitmap is a set of message numbers. Numbers beyond what a log can reach are
// taken for present, so that they never hold anything up.
type bitmap struct{ words []uint64 }

const bitmapMax = 1 << 28

func (b *bitmap) set(n uint64) {
	if n >= bitmapMax {
		return
	}
	for uint64(len(b.words)) <= n/64 {
		b.words = append(b.words, 0)
	}
	b.words[n/64] |= 1 << (n % 64)
}

func (b *bitmap) has(n uint64) bool {
	if n >= bitmapMax {
		return true
	}
	return b != nil && n/64 < uint64(len(b.words)) && b.words[n/64]>>(n%64)&1 == 1
}
