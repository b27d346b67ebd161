package admin

import (
	"context"
	"net/http"
	"sync"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/views"
)

func (s *Server) handleGroupEvents(w http.ResponseWriter, r *http.Request) error {
	name, err := groupName(r)
	if err != nil {
		return err
	}
	if r.URL.Query().Has("join") {
		return s.streamJoined(w, r, name)
	}
	listener, err := s.group.Listen(name)
	if err != nil {
		return err
	}
	stream(s, w, r, source[gms.GroupEvent]{listener.Next, listener.Close, costOfListened, listenedLine})
	return nil
}

// source is where the events of a stream come from.
type source[E any] struct {
	next  func(context.Context) ([]E, error)
	close func()
	// cost is what an event takes in memory.
	cost func(*E) int
	// line is an event as the client gets it, and whether it is the last.
	line func(*E) (line GroupEvent, last bool)
}

func costOfListened(e *gms.GroupEvent) int { return len(e.Msg.Payload) + unreadCost }

// stream writes what src gives, a line each, until it ends, the client or the
// server does, or the client is too slow; then it closes src.
func stream[E any](s *Server, w http.ResponseWriter, r *http.Request, src source[E]) {
	ctx, cancel := s.streamContext(r)
	defer cancel()
	widen(w, writeTimeout)
	out := newLineWriter(w)
	defer out.close()
	if r.Method == http.MethodHead {
		src.close()
		return
	}
	u := newUnread(&s.unread, src)
	defer u.drop()
	go u.fill(ctx)
	u.write(ctx, out)
}

const (
	// unreadMax bounds what waits for a client of a group's events, beside as much
	// that is being written. A message counts with at most a quarter of it, so that
	// four long ones may wait. One batch of the listener's may pass it.
	unreadMax = 2 << 20
	// unreadCost is what an event takes beside its payload.
	unreadCost = 160
	// unreadTotal bounds what waits for all clients together beyond unreadMax for
	// each.
	unreadTotal = 4 * views.PayloadMax
)

// unread is what a client of a group's events was not sent yet. The group does
// not wait for such a client, who may be anybody that can connect: one that is
// too far behind is cut instead.
type unread[E any] struct {
	source[E]
	// pool is what all clients have beyond unreadMax each.
	pool *allowance

	mu     sync.Mutex
	events []E
	// bytes are those of events, counted what they count for, drawn what was taken
	// from the pool for them.
	bytes, counted, drawn int
	err                   error         // why there will be no more
	ready                 chan struct{} // capacity 1
}

func newUnread[E any](pool *allowance, src source[E]) *unread[E] {
	return &unread[E]{source: src, pool: pool, ready: make(chan struct{}, 1)}
}

// fill takes events until they end, ctx does, or it is too much. Then the source is
// closed at once, whatever is still being written: what it holds unread would slow
// the group down.
func (u *unread[E]) fill(ctx context.Context) {
	defer u.close()
	for {
		events, err := u.next(ctx)
		if !u.add(events, err) {
			return
		}
	}
}

// add takes events, or why there are no more, and reports whether it can go on.
func (u *unread[E]) add(events []E, err error) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err != nil {
		return false
	}
	before := u.bytes
	for i := range events {
		n := u.cost(&events[i])
		u.bytes += n
		u.counted += min(n, unreadMax/4)
	}
	switch {
	case err != nil:
		u.err = err
	case before > 0 && (u.counted > unreadMax || !u.draw()):
		u.events, u.err = nil, gms.ErrSlow
	default:
		u.events = append(u.events, events...)
	}
	select {
	case u.ready <- struct{}{}:
	default:
	}
	return u.err == nil
}

// draw takes from the pool what is beyond unreadMax.
func (u *unread[E]) draw() bool {
	more := max(0, u.bytes-unreadMax) - u.drawn
	if more > 0 && !u.pool.take(more, unreadTotal) {
		return false
	}
	u.drawn += max(0, more)
	return true
}

// take gives what there is, or why there will be nothing more.
func (u *unread[E]) take() ([]E, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	events := u.events
	u.pool.give(u.drawn)
	u.events, u.bytes, u.counted, u.drawn = nil, 0, 0, 0
	if len(events) > 0 {
		return events, nil
	}
	return nil, u.err
}

// drop gives back what was drawn; nothing is read or drawn any more.
func (u *unread[E]) drop() {
	_ = u.add(nil, gms.ErrClosed)
	_, _ = u.take()
}

// write sends the client what there is, until there is no more, ctx ends, or the
// client is gone. A client that was cut is told so.
func (u *unread[E]) write(ctx context.Context, out *lineWriter) {
	for {
		events, err := u.take()
		if err != nil {
			if ctx.Err() == nil {
				out.fail(err)
			}
			return
		}
		for i := range events {
			if l, last := u.line(&events[i]); !out.json(l) || last {
				return
			}
		}
		if len(events) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-u.ready:
		}
	}
}

// streamContext ends with the request or with the server, whichever is first.
func (s *Server) streamContext(r *http.Request) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(s.closing, cancel)
	return ctx, func() { stop(); cancel() }
}
