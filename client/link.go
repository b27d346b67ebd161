package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
	"github.com/gmsd/gmsd/internal/straight"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// outboxMax is from where on senders wait for the flusher.
const outboxMax = 64 << 10

// link is one connection.
type link struct {
	client *Client
	conn   net.Conn
	self   groups.Member
	// names are the groups by their number, for the reader.
	names [clientwire.HandlesMax]atomic.Pointer[string]
	// over is closed when err is set.
	over chan struct{}
	// long is held while the parts of one payload go out.
	long chan struct{}

	mu sync.Mutex
	// room: there is room, credit, a token, or the end.
	room    sync.Cond
	work    sync.Cond
	pending []byte
	spare   []byte
	// straight writes what comes after a while without anything, nil where it
	// cannot; flushing: flush is at it.
	straight *straight.Writer
	flushing bool
	// credit is how many bytes of asks the daemon takes; owed is what of its
	// events was read and not granted anew.
	credit, owed int
	// handles are the groups with a number; next is the number to try next.
	handles map[string]*handle
	numbers []*handle
	next    int
	calls   map[uint64]*call
	token   uint64
	tokens  int
	err     error
	// features are the bits that both know.
	features uint64
	// states are those that come, gifts those that go, by their number.
	states map[uint64]*incoming
	gifts  map[uint64]*donation
}

// handle is a group's number. It may be given to another while uses is 0.
type handle struct {
	group  string
	number uint32
	// uses counts joins and their calls.
	uses int
}

// call waits for the word of a token.
type call struct {
	done    chan struct{}
	err     error
	receipt member.Receipt
	replies []member.Reply
	// joins is set for a join.
	joins *handle
	// then, if not nil, is called with the error before anybody stops waiting.
	then func(error)
}

func newLink(c *Client, conn net.Conn, hello []byte) *link {
	l := &link{
		client: c, conn: conn, pending: hello, over: make(chan struct{}), long: make(chan struct{}, 1),
		handles: make(map[string]*handle), calls: make(map[uint64]*call), tokens: 1,
		states: make(map[uint64]*incoming), gifts: make(map[uint64]*donation),
		straight: straight.NewWriter(conn),
	}
	l.room.L, l.work.L = &l.mu, &l.mu
	go l.flush()
	return l
}

// flush writes what is pending, all at once, until the end of the link.
func (l *link) flush() {
	for {
		l.mu.Lock()
		if l.flushing {
			l.flushing = false
			l.straight.Wrote()
		}
		for len(l.pending) == 0 && l.err == nil {
			l.work.Wait()
		}
		if l.err != nil {
			l.mu.Unlock()
			return
		}
		l.flushing = true
		b := l.pending
		l.pending, l.spare = l.spare[:0], b
		l.room.Broadcast()
		l.mu.Unlock()
		if _, err := l.conn.Write(b); err != nil {
			// The reader may still find the daemon's last word.
			l.conn.SetReadDeadline(time.Now().Add(handshakeTimeout))
			return
		}
	}
}

// goOut sends what is pending on its way, locked: to the kernel at once where nothing
// went for a while and as far as it takes that, and else by flush.
func (l *link) goOut() {
	if !l.flushing && l.err == nil && l.straight.Due() {
		if len(l.pending) >= outboxMax {
			l.room.Broadcast() // as flush does
		}
		n := l.straight.Write(l.pending)
		l.pending = l.pending[:copy(l.pending, l.pending[n:])]
	}
	if len(l.pending) > 0 {
		l.work.Signal()
	}
}

// end is the end of the link: all calls get err.
func (l *link) end(err error) {
	l.mu.Lock()
	if l.err != nil {
		l.mu.Unlock()
		return
	}
	l.err = err
	calls, states := l.calls, l.states
	l.calls, l.states, l.gifts = nil, nil, nil
	l.room.Broadcast()
	l.work.Broadcast()
	l.mu.Unlock()
	close(l.over)
	_ = l.conn.Close()
	for _, c := range calls {
		c.finish(member.ErrLost)
	}
	for _, s := range states {
		s.lost()
	}
}

func (c *call) finish(err error) {
	c.err = err
	if c.then != nil {
		c.then(err)
	}
	close(c.done)
}

// await waits, locked, until ok, or gives why not: the end of the link or of ctx. A
// nil ctx does not wait at all.
func (l *link) await(ctx context.Context, ok func() bool) error {
	var stop func() bool
	for {
		switch {
		case l.err != nil:
			return member.ErrLost
		case ok():
			return nil
		case ctx == nil:
			return views.ErrFull
		case ctx.Err() != nil:
			return ctx.Err()
		case stop == nil:
			stop = context.AfterFunc(ctx, l.wake)
			defer stop()
		}
		l.work.Signal()
		l.room.Wait()
	}
}

func (l *link) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.room.Broadcast()
}

// maySend says, locked, whether an ask may go out.
func (l *link) maySend() bool { return l.credit > 0 && len(l.pending) < outboxMax }

// mayCall says the same of an ask with a token.
func (l *link) mayCall() bool { return l.maySend() && len(l.calls) < l.tokens }

// paid takes the frames behind at from the credit, and has them flushed. Locked.
func (l *link) paid(at int) {
	l.credit -= len(l.pending) - at
	l.goOut()
}

// free appends a frame that costs nothing.
func (l *link) free(frame func([]byte) []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = frame(l.pending)
	l.goOut()
}

// grant gives credit back, when there is enough of it.
func (l *link) grant(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owed += n; l.owed < l.client.options.Credit/4 {
		return
	}
	l.pending = clientwire.AppendCredit(l.pending, l.owed)
	l.owed = 0
	l.goOut()
}

// handleOf gives a group's number, locked; it appends the bind where there was none.
func (l *link) handleOf(group string) (*handle, error) {
	if h := l.handles[group]; h != nil {
		return h, nil
	}
	h := &handle{group: group}
	if len(l.numbers) < clientwire.HandlesMax {
		h.number = uint32(len(l.numbers)) //nolint:gosec // below HandlesMax
		l.numbers = append(l.numbers, h)
	} else if !l.replace(h) {
		return nil, fmt.Errorf("%w: %d groups on one connection", groups.ErrFull, clientwire.HandlesMax)
	}
	l.handles[group] = h
	l.names[h.number].Store(&h.group)
	at := len(l.pending)
	l.pending = clientwire.AppendBind(l.pending, &clientwire.Bind{Handle: h.number, Group: group})
	l.paid(at)
	return h, nil
}

// replace gives h the number of a group that is not in use.
func (l *link) replace(h *handle) bool {
	for range l.numbers {
		old := l.numbers[l.next]
		h.number = old.number
		l.next = (l.next + 1) % len(l.numbers)
		if old.uses == 0 {
			delete(l.handles, old.group)
			l.numbers[h.number] = h
			return true
		}
	}
	return false
}

// begin opens a call, locked, and gives its token.
func (l *link) begin(c *call) uint64 {
	l.token++
	l.calls[l.token] = c
	return l.token
}

// word ends the call of a token.
func (l *link) word(token uint64, set func(*call), err error) bool {
	l.mu.Lock()
	c := l.calls[token]
	delete(l.calls, token)
	if c != nil && c.joins != nil && err != nil && !errors.Is(err, context.Canceled) {
		c.joins.uses-- // one that was taken back may still come about, and ends by parted
	}
	l.room.Broadcast()
	l.mu.Unlock()
	if c == nil {
		return false
	}
	if set != nil {
		set(c)
	}
	c.finish(err)
	return true
}

// wait waits for a call. One that is given up is taken back at the daemon.
func (l *link) wait(ctx context.Context, c *call, token uint64, cancels bool) error {
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		if cancels {
			go l.takeBack(token)
		}
		return ctx.Err()
	}
}

// takeBack tells the daemon that nobody waits for a token any more.
func (l *link) takeBack(token uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.await(context.Background(), l.maySend) != nil {
		return
	}
	at := len(l.pending)
	l.pending = clientwire.AppendCancel(l.pending, token)
	l.paid(at)
}
