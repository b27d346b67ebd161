package gms

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/lab"
	"github.com/gmsd/gmsd/transport/router"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// Host is a running member of a group. All methods are safe for concurrent
// use. They answer from memory or post to the host's loop and take a context
// for the waiting; a context that ends abandons the answer, not the deed.
type Host struct {
	start     views.Member // as of the start
	board     board
	ring      *ring
	changes   changes
	listeners listeners
	counts    counts
	outbox    *outbox
	latencies latencies
	believed  believed
	lab       *lab.Lab          // nil: not allowed
	transport transport.Counter // nil: it does not count
	routers   *router.Transport // nil: another transport
	clock     func() views.Instant
	log       *slog.Logger
	begun     views.Instant
	observers atomic.Int32
	window    int    // fixed before the loop starts
	keyFile   string // empty: nothing is sealed
	// inUse are the keys of the group as they are now; nil: there are none.
	inUse atomic.Pointer[transport.Keys]

	commands chan command
	first    chan struct{} // closed at the first view
	closing  chan struct{}
	closed   sync.Once
	done     chan struct{}
	err      error // written before done is closed
}

// Self is this host as its view lists it: bits and attributes are current.
func (h *Host) Self() views.Member {
	if s := h.board.current(); s != nil {
		if r := s.View.RankOf(h.start.Process); r >= 0 {
			return s.View.Members[r]
		}
	}
	return h.start
}

// View is the current view, and after the end the last one. It is never nil.
func (h *Host) View() *Snapshot { return h.board.current() }

// WaitView waits for a view with a seq above above and gives the newest. Views
// in between may have been passed over: History has them. Every caller waiting
// is woken. After the end the error is [ErrClosed].
func (h *Host) WaitView(ctx context.Context, above views.Seq) (*Snapshot, error) {
	s, err := h.board.wait(ctx, above)
	if s == nil && err == nil {
		<-h.done // it is about to close
		err = h.stopped()
	}
	return s, err
}

// History gives the last views, at most HistoryMax, oldest first, each with the
// bits and attributes it ended with.
func (h *Host) History() []*Snapshot { return h.board.all() }

// Events gives the records after number since, from memory, and then those that
// follow, until ctx ends or, with its last record, the host. Since 0 is the
// start. Where records in between are gone, or since is ahead of this
// incarnation, it yields [ErrGap] and ends. A reader need not be fast: it loses
// nothing until it is EventsMax records behind.
func (h *Host) Events(ctx context.Context, since uint64) iter.Seq2[trace.Record, error] {
	return h.ring.follow(ctx, since)
}

// LastEvents gives the records after number since that are still in memory.
func (h *Host) LastEvents(since uint64) []trace.Record { return h.ring.since(since) }

// Changes gives what led to each of the last HistoryMax views, and what came since, as far
// as it may lead to the next: no messages, however many there were. Of one view it is at most
// ChangeEventsMax records; where there were more, or where it is the install before those
// views, a [DropForgotten] event stands first and says how many.
func (h *Host) Changes() []trace.Record { return h.changes.all() }

// Observe calls fn for every record, from the first, in order, in one goroutine
// of its own, until the host has ended. Where fn falls EventsMax records
// behind, the oldest are skipped and counted in [Stats.ObserverSkipped].
func (h *Host) Observe(fn func(trace.Record)) error {
	if h.observers.Add(1) > ObserversMax {
		h.observers.Add(-1)
		return ErrBusy
	}
	go func() {
		defer h.observers.Add(-1)
		h.ring.observe(fn, func(n uint64) { h.counts.observerSkipped.Add(n) })
	}()
	return nil
}

// Listen opens a listener for the messages of a process group and for the views
// and blocks of the host. Its first event is the current view. It must be read
// until it is closed: see [Listener.Next].
func (h *Host) Listen(group string) (*Listener, error) {
	if err := member.CheckGroup(group); err != nil {
		return nil, err
	}
	return h.listeners.add(group)
}

// Receipt says where a message was delivered.
type Receipt struct {
	Msg  trace.MsgID
	View views.ViewID
	// K is its place in the view's agreed order; 0 for FIFO.
	K views.Position
}

// Send multicasts payload to the process group under order, and returns when
// the message has been delivered at this host, under that order's promise. The
// payload is copied; at most views.PayloadMax bytes. While too much waits to be
// sent it waits, too. Errors: views.ErrTooLong, views.ErrGroupName,
// views.ErrLeaving, [ErrClosed]. Where the context or the host ends first the
// message may still be delivered. Who reads a listener should not wait for Send:
// while the listener is far behind, nothing is sent.
func (h *Host) Send(ctx context.Context, group string, order views.Order, payload []byte) (Receipt, error) {
	reply := make(chan answer[Receipt], 1)
	if err := h.post(ctx, group, order, payload, replyTo(reply), true); err != nil {
		return Receipt{}, err
	}
	return await(ctx, h, reply)
}

// Post is Send without waiting for the delivery: it returns when the message
// waits to be sent, which keeps the order in which one goroutine posts. Where
// it was not sent before the host left or ended, nobody is told: who must know
// sends the last one with Send.
func (h *Host) Post(ctx context.Context, group string, order views.Order, payload []byte) error {
	return h.post(ctx, group, order, payload, nil, true)
}

// TryPost is Post for who does not want to wait: while too much waits to be
// sent it gives views.ErrFull.
func (h *Host) TryPost(group string, order views.Order, payload []byte) error {
	return h.post(context.Background(), group, order, payload, nil, false)
}

func (h *Host) post(ctx context.Context, group string, order views.Order, payload []byte, done fate, wait bool) error {
	if err := postable(ctx, group, order, payload); err != nil {
		return err
	}
	return h.outbox.post(ctx, &h.outbox.own, outgoing{
		Submission: engine.Submission{Group: group, Order: order, Payload: payload}, done: done,
	}, wait)
}

// postable checks what does not depend on the moment.
func postable(ctx context.Context, group string, order views.Order, payload []byte) error {
	if err := member.CheckGroup(group); err != nil {
		return err
	}
	if len(payload) > views.PayloadMax {
		return fmt.Errorf("%w: %d bytes, at most %d", views.ErrTooLong, len(payload), views.PayloadMax)
	}
	if order >= views.OrderEnd {
		return fmt.Errorf("gms: order %d does not exist", order)
	}
	return ctx.Err()
}

// SetBits sets this host's bits of mask as in bits, and returns when the change
// was delivered here in view order.
func (h *Host) SetBits(ctx context.Context, mask, bits views.Bits) error {
	if !mask.Valid() || !bits.Valid() {
		return fmt.Errorf("gms: bits %08b of %08b: there are three", uint8(bits), uint8(mask))
	}
	_, err := ask(ctx, h, func(l *loop, reply chan<- answer[struct{}]) {
		l.change(change{mask: mask, bits: bits & mask, waiter: waiter{ctx.Done(), reply}})
	})
	return err
}

// SetAttrs replaces this host's attributes, and returns when the change was
// delivered here in view order. Faults come as *[FieldError]s.
func (h *Host) SetAttrs(ctx context.Context, attrs map[string]string) error {
	if err := checkAttrs(attrs); err != nil {
		return err
	}
	list := attrList(attrs)
	_, err := ask(ctx, h, func(l *loop, reply chan<- answer[struct{}]) {
		l.change(change{setAttrs: true, attrs: list, waiter: waiter{ctx.Done(), reply}})
	})
	return err
}

// Evict removes a member by the operator's word, and returns when a view
// without it is installed here. Where the group is sealed it then gets a fresh key,
// and the evicted host has none until somebody gives it the key file of a member. With
// keepKeys, or without keys, it may come back as another incarnation.
// A host that is no member only loses the keys; where there are none to lose the error is
// [ErrNotMember]. The host that was asked changes the keys: if it ends before it has, ask
// another one.
func (h *Host) Evict(ctx context.Context, host views.HostID, keepKeys bool) error {
	_, err := ask(ctx, h, func(l *loop, reply chan<- answer[struct{}]) { l.evict(host, keepKeys, waiter{ctx.Done(), reply}) })
	return err
}

// Leave goes gracefully: the others complete what this host has sent and
// install a view without it. Calls of Send and Post get views.ErrLeaving. Where ctx ends first the host closes at once and
// the error is ctx's. Leave after the end gives [Host.Err].
func (h *Host) Leave(ctx context.Context) error {
	commands := h.commands
	for {
		select {
		case commands <- (*loop).leave:
			commands = nil // asked; now wait
		case <-h.done:
			return h.err
		case <-ctx.Done():
			_ = h.Close()
			return ctx.Err()
		}
	}
}

// Close ends the host at once, without a word to the others, as a crash would,
// but closes what is open first. It waits for a disk write under way. Err is
// ErrClosed then.
func (h *Host) Close() error {
	h.closed.Do(func() { close(h.closing) })
	<-h.done
	return nil
}

// Done is closed when the host has stopped and everything is closed.
func (h *Host) Done() <-chan struct{} { return h.done }

// Err is nil while the host runs and after it left gracefully. Otherwise it
// says why it stopped: *[DeniedError], *[FatalError], or [ErrClosed] after
// Close.
func (h *Host) Err() error {
	select {
	case <-h.done:
		return h.err
	default:
		return nil
	}
}

// stopped is what a call gets that came too late.
func (h *Host) stopped() error { return stoppedFor(h.Err()) }

// stoppedFor is what a call gets after the host has stopped for err.
func stoppedFor(err error) error {
	if err != nil && err != ErrClosed { //nolint:errorlint // the bare sentinel is meant
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return ErrClosed
}
