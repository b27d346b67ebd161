package gms

import (
	"context"
	"slices"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
)

// command is a call that the loop carries out.
type command func(*loop)

// answer is what comes back.
type answer[T any] struct {
	value T
	err   error
}

// order hands a command to the loop, or says at once that it cannot.
func (h *Host) order(c command) error {
	select {
	case <-h.done:
		return h.stopped()
	default:
	}
	select {
	case h.commands <- c:
		return nil
	default:
		h.counts.busy.Add(1)
		return ErrBusy
	}
}

// orderPatiently is order that waits for its turn.
func (h *Host) orderPatiently(ctx context.Context, c command) error {
	select {
	case <-h.done:
		return h.stopped()
	default:
	}
	select {
	case h.commands <- c:
		return nil
	case <-h.done:
		return h.stopped()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// askPatiently is ask for callers of whom there may be many at once.
func askPatiently[T any](ctx context.Context, h *Host, do func(l *loop, reply chan<- answer[T])) (T, error) {
	var none T
	reply := make(chan answer[T], 1)
	if err := h.orderPatiently(ctx, func(l *loop) { do(l, reply) }); err != nil {
		return none, err
	}
	return await(ctx, h, reply)
}

// ask posts do and waits for its answer. Do must keep reply, which takes one
// answer without blocking.
func ask[T any](ctx context.Context, h *Host, do func(l *loop, reply chan<- answer[T])) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	reply := make(chan answer[T], 1)
	if err := h.order(func(l *loop) { do(l, reply) }); err != nil {
		return none, err
	}
	return await(ctx, h, reply)
}

// await waits for the answer to what the loop was asked.
func await[T any](ctx context.Context, h *Host, reply <-chan answer[T]) (T, error) {
	var none T
	select {
	case a := <-reply:
		return a.value, a.err
	case <-ctx.Done():
		return none, ctx.Err()
	case <-h.done:
	}
	select {
	case a := <-reply: // both were ready: it was answered before the end
		return a.value, a.err
	default:
		return none, h.stopped()
	}
}

// calls are those that wait for the group. They belong to the loop; replies
// never block it.
type calls struct {
	token   uint64
	sends   map[uint64]sending
	changes []change
	evicts  []eviction
	keys    *keyChange
}

// waiter is a caller who is told when it has happened, unless its context was
// done before: then its place is given to the next who needs one.
type waiter struct {
	gone  <-chan struct{}
	reply chan<- answer[struct{}]
}

func (w waiter) tell(err error) { w.reply <- answer[struct{}]{err: err} }

func (w waiter) isGone() bool {
	select {
	case <-w.gone:
		return true
	default:
		return false
	}
}

// change waits until this host's record shows it.
type change struct {
	mask, bits views.Bits
	setAttrs   bool
	attrs      []views.Attr
	waiter
}

func (c *change) shownBy(m *views.Member) bool {
	return m.Bits&c.mask == c.bits && (!c.setAttrs || slices.Equal(m.Attrs, c.attrs))
}

// eviction waits for a view without that process.
type eviction struct {
	of views.Process
	waiter
}

// change asks for the change unless it is so already and nothing under way
// could undo it.
func (l *loop) change(c change) {
	if me := l.host.Self(); len(l.calls.changes) == 0 && c.shownBy(&me) {
		c.tell(nil)
		return
	}
	if len(l.calls.changes) >= ChangesMax {
		l.calls.changes = slices.DeleteFunc(l.calls.changes, func(c change) bool { return c.isGone() })
	}
	if len(l.calls.changes) >= ChangesMax {
		l.host.counts.busy.Add(1)
		c.tell(ErrBusy)
		return
	}
	l.calls.changes = append(l.calls.changes, c)
	l.step(engine.SetState{Mask: c.mask, Bits: c.bits, SetAttrs: c.setAttrs, Attrs: c.attrs})
}

// changed answers the changes that this host's record shows. They were made in
// order, so one that shows answers those before it: they were overtaken.
func (l *loop) changed() {
	me := l.host.Self()
	shown := 0
	for i := range l.calls.changes {
		if l.calls.changes[i].shownBy(&me) {
			shown = i + 1
		}
	}
	for _, c := range l.calls.changes[:shown] {
		c.tell(nil)
	}
	l.calls.changes = slices.Delete(l.calls.changes, 0, shown)
}

func (l *loop) evict(host views.HostID, keepKeys bool, w waiter) {
	view := l.view()
	rank := view.Rank(host)
	if len(l.calls.evicts) >= ChangesMax {
		l.calls.evicts = slices.DeleteFunc(l.calls.evicts, func(e eviction) bool { return e.isGone() })
	}
	switch {
	case host == l.self.Host:
		w.tell(ErrOneself)
	case rank < 0 && !keepKeys && l.host.keyFile != "":
		l.step(engine.Evict{Host: host, At: time.Now().Unix()})
		l.forget(host)
		w.tell(nil)
	case rank < 0:
		w.tell(ErrNotMember)
	case len(l.calls.evicts) >= ChangesMax:
		l.host.counts.busy.Add(1)
		w.tell(ErrBusy)
	default:
		l.calls.evicts = append(l.calls.evicts, eviction{of: view.Members[rank].Process, waiter: w})
		l.step(engine.Evict{Host: host, KeepKeys: keepKeys, At: time.Now().Unix()})
	}
}

// evicted answers the evictions that view shows.
func (l *loop) evicted(view *views.View) {
	l.calls.evicts = slices.DeleteFunc(l.calls.evicts, func(e eviction) bool {
		done := view.RankOf(e.of) < 0
		if done {
			e.tell(nil)
		}
		return done
	})
}
