package admin

import (
	"context"
	"net/http"
	"sync"

	"github.com/gmsd/gmsd/gms"
)

func (s *Server) handleGroupEvents(w http.ResponseWriter, r *http.Request) error {
	name, err := groupName(r)
	if err != nil {
		return err
	}
	listener, err := s.group.Listen(name)
	if err != nil {
		return err
	}
	defer listener.Close()
	ctx, cancel := s.streamContext(r)
	defer cancel()
	widen(w, writeTimeout)
	out := newLineWriter(w)
	defer out.close()
	u := &unread{ready: make(chan struct{}, 1)}
	go u.fill(ctx, listener)
	u.write(ctx, out)
	return nil
}

// unreadMax bounds the bytes that wait for a client of a group's events, beside as
// many that are being written. One batch of the listener's may pass it.
const unreadMax = 2 << 20

// unreadCost is what an event takes beside its payload.
const unreadCost = 160

// unread is what a client of a group's events was not sent yet. The group does
// not wait for such a client, who may be anybody that can connect: one that is
// too far behind is cut instead.
type unread struct {
	mu     sync.Mutex
	events []gms.GroupEvent
	bytes  int
	err    error         // why there will be no more
	ready  chan struct{} // capacity 1
}

// fill takes the listener's events until it ends, ctx does, or it is too much.
func (u *unread) fill(ctx context.Context, l Listener) {
	for {
		events, err := l.Next(ctx)
		if !u.add(events, err) {
			return
		}
	}
}

// add takes events, or why there are no more, and reports whether it can go on.
func (u *unread) add(events []gms.GroupEvent, err error) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	before := u.bytes
	for i := range events {
		u.bytes += len(events[i].Msg.Payload) + unreadCost
	}
	switch {
	case err != nil:
		u.err = err
	case before > 0 && u.bytes > unreadMax:
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

// take gives what there is, or why there will be nothing more.
func (u *unread) take() ([]gms.GroupEvent, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	events := u.events
	u.events, u.bytes = nil, 0
	if len(events) > 0 {
		return events, nil
	}
	return nil, u.err
}

// write sends the client what there is, until there is no more, ctx ends, or the
// client is gone. A client that was cut is told so.
func (u *unread) write(ctx context.Context, out *lineWriter) {
	for {
		events, err := u.take()
		if err != nil {
			if ctx.Err() == nil {
				out.fail(err)
			}
			return
		}
		for i := range events {
			if !out.json(groupEvent(&events[i])) {
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
