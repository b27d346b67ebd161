package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
	"github.com/gmsd/gmsd/views"
)

// ask is one frame that has its place in the order of asks.
type ask struct {
	group   string
	payload []byte
	// call, if not nil, gets the word of the token.
	call *call
	// join keeps the group's number in use until the port is parted.
	join bool
	// states: it is of no use at a daemon that carries none.
	states bool
	// frame appends it: a is this, tail what did not go out in parts.
	frame func(b []byte, a *ask, tail []byte) []byte

	// handle, token and parts are filled in.
	handle uint32
	token  uint64
	parts  bool
}

// send puts an ask, and the parts of its payload before it, behind what goes out.
// A nil ctx does not wait for it to begin. What has begun goes out whole, unless
// the link ends.
func (l *link) send(ctx context.Context, a *ask) error {
	if a.parts = len(a.payload) > clientwire.TailMax; a.parts {
		if err := l.takeLong(ctx); err != nil {
			return notSent(err)
		}
		defer func() { <-l.long }()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if a.states && l.features&clientwire.FeatureState == 0 {
		return ErrNoStates
	}
	ready := l.maySend
	if a.call != nil {
		ready = l.mayCall
	}
	if err := l.await(ctx, ready); err != nil {
		return notSent(err)
	}
	h, err := l.handleOf(a.group)
	if err != nil {
		return err
	}
	a.handle = h.number
	h.uses++
	rest, err := l.sendParts(a)
	switch {
	case err == nil && a.parts:
		err = l.await(context.Background(), ready)
	case err == nil:
		err = notSent(l.await(ctx, ready))
	}
	if !a.join || err != nil {
		h.uses--
	}
	if err != nil {
		return err
	}
	if a.call != nil {
		a.token = l.begin(a.call)
	}
	if a.join {
		a.call.joins = h
	}
	at := len(l.pending)
	l.pending = a.frame(l.pending, a, rest)
	l.paid(at)
	return nil
}

// errNotSent: the link ended before any of the ask was on its way.
var errNotSent = fmt.Errorf("not sent: %w", member.ErrLost)

func notSent(err error) error {
	if errors.Is(err, member.ErrLost) {
		return errNotSent
	}
	return err
}

// post takes the short way of a message without a token: it goes out at once, or
// it does not.
func (l *link) post(group string, order views.Order, payload []byte) bool {
	if len(payload) > clientwire.TailMax {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.handles[group]
	if h == nil || l.err != nil || !l.maySend() {
		return false
	}
	at := len(l.pending)
	l.pending = clientwire.AppendSend(l.pending, &clientwire.Send{Order: order, Handle: h.number, Tail: payload})
	l.paid(at)
	return true
}

// sendParts sends, locked, all of a long payload but for its last piece.
func (l *link) sendParts(a *ask) (rest []byte, err error) {
	for rest = a.payload; len(rest) > clientwire.TailMax; {
		if err := l.await(context.Background(), l.maySend); err != nil {
			return nil, err
		}
		at := len(l.pending)
		part := clientwire.Part{Bytes: rest[:clientwire.TailMax]}
		rest = rest[clientwire.TailMax:]
		part.Left = uint32(len(rest)) //nolint:gosec // at most PayloadMax
		l.pending = clientwire.AppendPart(l.pending, clientwire.TypePart, &part)
		l.paid(at)
	}
	return rest, nil
}

// takeLong waits for the turn of a long payload.
func (l *link) takeLong(ctx context.Context) error {
	if ctx == nil {
		select {
		case l.long <- struct{}{}:
			return nil
		default:
			return views.ErrFull
		}
	}
	select {
	case l.long <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-l.over:
		return member.ErrLost
	}
}

func frameSend(order views.Order) func([]byte, *ask, []byte) []byte {
	return frameSends[order]
}

// frameSends are made once, so that a post allocates nothing.
var frameSends = [views.OrderEnd]func([]byte, *ask, []byte) []byte{
	views.FIFO:   func(b []byte, a *ask, tail []byte) []byte { return a.send(b, views.FIFO, tail) },
	views.Agreed: func(b []byte, a *ask, tail []byte) []byte { return a.send(b, views.Agreed, tail) },
	views.Safe:   func(b []byte, a *ask, tail []byte) []byte { return a.send(b, views.Safe, tail) },
}

func (a *ask) send(b []byte, order views.Order, tail []byte) []byte {
	return clientwire.AppendSend(b, &clientwire.Send{Order: order, Parts: a.parts, Handle: a.handle, Token: a.token, Tail: tail})
}
