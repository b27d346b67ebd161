package clients

import (
	"errors"
	"fmt"
	"sync"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
)

// Faults of streams.
var (
	errNoStream = errors.New("there is no such stream")
	errGone     = fmt.Errorf("%w: the program that gave it is gone", member.ErrState)
)

// gifts are the states that the port was asked for, and the client gives or may
// still give.
type gifts struct {
	out  *outbox
	mu   sync.Mutex
	open map[uint64]*gift
	// known: the client can speak of states.
	known   bool
	stopped bool
}

// gift is one such state, as the port reads it. All waits are the port's.
type gift struct {
	gifts  *gifts
	number uint64

	mu   sync.Mutex
	come sync.Cond
	in   clientwire.Incoming
	// told: the client was asked, so that words about the state have something to be
	// about; unwanted: it was closed before.
	told, unwanted bool
	// answered: the client said that it gives the state.
	answered bool
}

func (a *gifts) init(o *outbox) { a.out, a.open = o, make(map[uint64]*gift) }

// add begins one; nil where the client cannot, gives enough already, or has gone.
func (a *gifts) add(number uint64) *gift {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped || !a.known || len(a.open) >= clientwire.GiftsMax {
		return nil
	}
	g := &gift{gifts: a, number: number}
	g.come.L = &g.mu
	a.open[number] = g
	return g
}

// change is what the client says of one.
func (a *gifts) change(number uint64, say func(*gift) error) error {
	a.mu.Lock()
	g := a.open[number]
	a.mu.Unlock()
	if g == nil {
		return errNoStream
	}
	g.mu.Lock()
	err := say(g)
	over := g.in.Over()
	g.come.Broadcast()
	g.mu.Unlock()
	if over {
		a.forget(number)
	}
	return err
}

func (a *gifts) forget(number uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, number)
}

// stop ends all: the client has gone.
func (a *gifts) stop() {
	a.mu.Lock()
	a.stopped = true
	open := a.open
	a.open = nil
	a.mu.Unlock()
	for _, g := range open {
		g.mu.Lock()
		g.told = true
		_ = g.in.End(errGone) // unless it is whole
		g.come.Broadcast()
		g.mu.Unlock()
	}
}

// tell says that the donate frame stands among those to be written: what waited for
// it goes behind it.
func (g *gift) tell() {
	g.mu.Lock()
	g.told = true
	unwanted := g.unwanted
	g.come.Broadcast()
	g.mu.Unlock()
	if unwanted {
		g.sayStop()
	}
}

func (g *gift) sayStop() {
	g.gifts.out.append(func(b []byte) []byte { return clientwire.AppendStop(b, g.number) })
}

// Read waits for some of the state. The port reads at once, maybe before the client
// was asked.
func (g *gift) Read(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for !g.told && !g.unwanted {
		g.come.Wait()
	}
	for {
		n, grant, err := g.in.Read(p)
		if grant > 0 {
			g.gifts.out.append(func(b []byte) []byte {
				return clientwire.AppendMore(b, &clientwire.More{Number: g.number, Bytes: uint64(grant)}) //nolint:gosec // positive
			})
		}
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		g.come.Wait()
	}
}

// Close tells the client that no more is wanted.
func (g *gift) Close() error {
	g.mu.Lock()
	first, over := g.in.Stop(), g.in.Over()
	g.unwanted = g.unwanted || first && !g.told
	now := first && g.told
	g.come.Broadcast()
	g.mu.Unlock()
	if now {
		g.sayStop()
	}
	if over {
		g.gifts.forget(g.number)
	}
	return nil
}

// stream takes a frame of the client about a state.
func (ss *session) stream(t clientwire.Type, body []byte) error {
	switch t {
	case clientwire.TypePiece:
		p, err := clientwire.ParsePiece(body)
		return orElse(err, func() error {
			return ss.gifts.change(p.Number, func(g *gift) error { return g.take(p.Bytes) })
		})
	case clientwire.TypeGive:
		x, err := clientwire.ParseGive(body)
		return orElse(err, func() error { return ss.gifts.change(x.Number, (*gift).answer) })
	case clientwire.TypeEnd:
		e, err := clientwire.ParseEnd(body)
		return orElse(err, func() error {
			return ss.gifts.change(e.Number, func(g *gift) error { return g.in.End(endOf(&e)) })
		})
	case clientwire.TypeMore:
		m, err := clientwire.ParseMore(body)
		return orElse(err, func() error {
			return ss.shelf.change(m.Number, func(o *clientwire.Outgoing) error { return o.More(m.Bytes) })
		})
	case clientwire.TypeStop:
		n, err := clientwire.ParseStop(body)
		return orElse(err, func() error { return ss.shelf.change(n, (*clientwire.Outgoing).Stop) })
	default:
		return errNoStream
	}
}

// answer is the client's word that the state comes.
func (g *gift) answer() error {
	if g.answered {
		return clientwire.ErrOver
	}
	g.answered = true
	return nil
}

func (g *gift) take(piece []byte) error {
	if !g.answered {
		return errNoStream
	}
	return g.in.Take(piece)
}

func orElse(err error, do func() error) error {
	if err != nil {
		return err
	}
	return do()
}

// endOf gives why a state ends; nil where it is whole.
func endOf(e *clientwire.End) error {
	if e.Code == clientwire.CodeNone {
		return nil
	}
	return fmt.Errorf("%w: %s", member.ErrState, e.Text)
}
