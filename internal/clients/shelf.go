package clients

import (
	"sync"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
)

// shelf holds the states that the client was given and has not closed. One
// goroutine reads them, as far as the client's credit goes: a piece of each in turn.
type shelf struct {
	out    *outbox
	mu     sync.Mutex
	work   sync.Cond
	states map[uint64]*given
	// turn are those with something to do.
	turn    []*given
	stopped bool
}

// given is one state.
type given struct {
	number uint64
	state  *member.State
	end    clientwire.Outgoing
	queued bool
}

func (h *shelf) init(o *outbox) {
	h.out, h.work.L, h.states = o, &h.mu, make(map[uint64]*given)
}

// add gives a state its place. It gives false where there are too many.
func (h *shelf) add(number uint64, s *member.State) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.states) >= clientwire.StatesMax {
		return false
	}
	h.states[number] = &given{number: number, state: s}
	return true
}

// change is what the client says of a state.
func (h *shelf) change(number uint64, say func(*clientwire.Outgoing) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.states[number]
	if g == nil {
		return errNoStream
	}
	if err := say(&g.end); err != nil {
		return err
	}
	h.queue(g)
	return nil
}

// queue notes that there may be something to do.
func (h *shelf) queue(g *given) {
	if g.queued || !g.end.May() && !g.end.Stopped() {
		return
	}
	g.queued = true
	h.turn = append(h.turn, g)
	h.work.Signal()
}

// next waits for something to do; nil at the end.
func (h *shelf) next() (g *given, closed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.turn) == 0 && !h.stopped {
		h.work.Wait()
	}
	if h.stopped {
		return nil, false
	}
	g = h.turn[0]
	h.turn = h.turn[1:]
	g.queued = false
	return g, g.end.Stopped()
}

// serve does what there is to do, until stop.
func (h *shelf) serve() {
	var piece []byte
	for {
		g, closed := h.next()
		switch {
		case g == nil:
			return
		case closed:
			h.finish(g)
			continue
		case piece == nil:
			piece = make([]byte, clientwire.TailMax)
		}
		n, err := clientwire.ReadPiece(g.state, piece)
		h.send(g, piece[:n], err)
	}
}

// send writes what was read of a state.
func (h *shelf) send(g *given, piece []byte, err error) {
	o := h.out
	o.lock()
	if len(piece) > 0 && o.room() {
		o.pending = clientwire.AppendPiece(o.pending, &clientwire.Piece{Number: g.number, Bytes: piece})
		o.frames++
	}
	o.unlock()
	h.mu.Lock()
	g.end.Sent(len(piece))
	last := err != nil && g.end.End()
	h.queue(g)
	h.mu.Unlock()
	if last {
		o.end(g.number, err)
	}
}

// finish closes a state: its member has it now.
func (h *shelf) finish(g *given) {
	_ = g.state.Close() // what stays of the file, the host removes
	h.mu.Lock()
	delete(h.states, g.number)
	last := g.end.End()
	h.mu.Unlock()
	if last {
		h.out.end(g.number, clientwire.ErrStopped)
	}
}

// stop wakes serve, so that it ends.
func (h *shelf) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	h.work.Signal()
}

// close closes what is left, once nobody else does anything.
func (h *shelf) close() {
	for _, g := range h.states {
		_ = g.state.Close() // as in finish
	}
}

// end writes the last word of a stream.
func (o *outbox) end(number uint64, why error) {
	o.append(func(b []byte) []byte { return clientwire.AppendEnd(b, clientwire.EndOf(number, why)) })
}
