package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// Client is a member.Port over the socket of a daemon. Make it with [Dial].
type Client struct {
	options          Options
	network, address string
	queue            eventQueue
	self             atomic.Pointer[groups.Member]
	// link is the connection, nil without one.
	link atomic.Pointer[link]
	// ctx ends with Close; ended is closed when err is set.
	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{}
	closed atomic.Bool
	// offers counts the KindDonate events that Next has not given; offered are those
	// that it gave last.
	offers  atomic.Int32
	offered []*donation

	// granting orders credit given back against a new connection.
	granting sync.Mutex
	grants   *link

	mu  sync.Mutex
	err error
	// joined are the groups to join again.
	joined map[string]member.Options
	// current is the connection that run reads, usable or not yet.
	current *link
	// changed is closed, and made anew, when link changes.
	changed chan struct{}
}

var _ member.Port = (*Client)(nil)

// Self is this port; Join of the result is 0. It changes with every connection.
func (c *Client) Self() groups.Member { return *c.self.Load() }

// usable gives the connection, and waits for one. A nil ctx does not wait.
func (c *Client) usable(ctx context.Context) (*link, error) {
	for {
		if c.closed.Load() {
			return nil, member.ErrClosed
		}
		if l := c.link.Load(); l != nil {
			return l, nil
		}
		c.mu.Lock()
		changed, err := c.changed, c.err
		c.mu.Unlock()
		switch {
		case err != nil:
			return nil, err
		case c.link.Load() != nil:
			continue
		case c.options.FailWhileDown:
			return nil, member.ErrLost
		case ctx == nil:
			return nil, views.ErrFull
		}
		select {
		case <-changed:
		case <-c.ended:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// check refuses what the daemon would.
func check(group string, order views.Order, payload []byte) error {
	if err := member.CheckGroup(group); err != nil {
		return err
	}
	switch {
	case len(payload) > views.PayloadMax:
		return fmt.Errorf("%w: %d bytes, at most %d", views.ErrTooLong, len(payload), views.PayloadMax)
	case order >= views.OrderEnd:
		return fmt.Errorf("client: unknown order %d", order)
	}
	return nil
}

// ask sends one ask, and waits for its word if it has a call. Where the connection
// was lost before the ask was on its way, the next one gets it.
func (c *Client) ask(ctx context.Context, a *ask, cancels bool) error {
	for {
		l, err := c.usable(ctx)
		if err != nil {
			return err
		}
		switch err := l.send(ctx, a); {
		case errors.Is(err, errNotSent):
			continue
		case err != nil:
			return c.lost(err)
		case a.call == nil:
			return nil
		}
		return c.lost(l.wait(ctx, a.call, a.token, cancels))
	}
}

// lost gives ErrClosed for a loss that Close made.
func (c *Client) lost(err error) error {
	if errors.Is(err, member.ErrLost) && c.closed.Load() {
		return member.ErrClosed
	}
	return err
}

func newCall() *call { return &call{done: make(chan struct{})} }

// Join enters a group and returns when its first view is on its way to Next. Error
// beside those of member.Port: [ErrNoStates].
func (c *Client) Join(ctx context.Context, group string, o member.Options) error {
	if err := check(group, 0, nil); err != nil {
		return err
	}
	a := joinAsk(group, o)
	a.call.then = func(err error) {
		if err == nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.joined[group] = o
		}
	}
	return c.ask(ctx, a, true)
}

func joinAsk(group string, o member.Options) *ask {
	ms := uint32(min((o.BlockFor+time.Millisecond-1)/time.Millisecond, 1<<31)) //nolint:gosec // bounded
	return &ask{group: group, join: true, states: o.State, call: newCall(), frame: func(b []byte, a *ask, _ []byte) []byte {
		return clientwire.AppendJoin(b, &clientwire.Join{Block: o.Block, State: o.State, BlockFor: ms, Handle: a.handle, Token: a.token})
	}}
}

// forget takes a group off those to join again.
func (c *Client) forget(group string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.joined, group)
}

// Leave goes out of a group and returns when all agree.
func (c *Client) Leave(ctx context.Context, group string) error {
	if err := check(group, 0, nil); err != nil {
		return err
	}
	c.forget(group)
	return c.ask(ctx, &ask{group: group, call: newCall(), frame: func(b []byte, a *ask, _ []byte) []byte {
		return clientwire.AppendLeave(b, &clientwire.Leave{Handle: a.handle, Token: a.token})
	}}, true)
}

// Send multicasts and returns when the message has been delivered at this host.
func (c *Client) Send(ctx context.Context, group string, order views.Order, payload []byte) (member.Receipt, error) {
	if err := check(group, order, payload); err != nil {
		return member.Receipt{}, err
	}
	a := &ask{group: group, payload: payload, call: newCall(), frame: frameSend(order)}
	if err := c.ask(ctx, a, false); err != nil {
		return member.Receipt{}, err
	}
	return a.call.receipt, nil
}

// Post is Send without waiting for the delivery. Without an error the message is
// on its way to the daemon; it is lost if the connection is.
func (c *Client) Post(ctx context.Context, group string, order views.Order, payload []byte) error {
	if err := check(group, order, payload); err != nil {
		return err
	}
	if c.post(group, order, payload) {
		return nil
	}
	return c.ask(ctx, &ask{group: group, payload: payload, frame: frameSend(order)}, false)
}

// TryPost is Post, but gives views.ErrFull rather than wait.
func (c *Client) TryPost(group string, order views.Order, payload []byte) error {
	if err := check(group, order, payload); err != nil {
		return err
	}
	if c.post(group, order, payload) {
		return nil
	}
	return c.ask(nil, &ask{group: group, payload: payload, frame: frameSend(order)}, false) //nolint:staticcheck // nil says: do not wait
}

// post is link.post, where there is a link.
func (c *Client) post(group string, order views.Order, payload []byte) bool {
	l := c.link.Load()
	return l != nil && !c.closed.Load() && l.post(group, order, payload)
}

// Request sends to all members of a group and collects their answers.
func (c *Client) Request(ctx context.Context, group string, payload []byte, need member.Need) ([]member.Reply, error) {
	if err := check(group, 0, payload); err != nil {
		return nil, err
	}
	if !need.Valid() {
		return nil, fmt.Errorf("client: unknown need %d", need)
	}
	x := &ask{group: group, payload: payload, call: newCall(), frame: func(b []byte, a *ask, tail []byte) []byte {
		return clientwire.AppendRequest(b, &clientwire.Request{
			Need: uint8(need), Parts: a.parts, Handle: a.handle, Token: a.token, Tail: tail,
		})
	}}
	if err := c.ask(ctx, x, true); err != nil {
		return nil, err
	}
	return x.call.replies, nil
}

// Reply answers a message whose Request is not 0.
func (c *Client) Reply(ctx context.Context, group string, to *member.Message, payload []byte) error {
	if err := check(group, 0, payload); err != nil {
		return err
	}
	m := *to
	return c.ask(ctx, &ask{group: group, payload: payload, call: newCall(), frame: func(b []byte, a *ask, tail []byte) []byte {
		return clientwire.AppendReply(b, &clientwire.Reply{
			Parts: a.parts, Handle: a.handle, Token: a.token, From: m.ID.From, Port: m.Port, N: m.ID.N, Request: m.Request, Tail: tail,
		})
	}}, false)
}

// Ready says that the port has stopped sending to a group.
func (c *Client) Ready(group string) {
	c.mu.Lock()
	l := c.current
	c.mu.Unlock()
	if l != nil && check(group, 0, nil) == nil {
		_ = l.send(c.ctx, &ask{group: group, frame: func(b []byte, a *ask, _ []byte) []byte {
			return clientwire.AppendReady(b, a.handle)
		}})
	}
}

// Next waits for events and gives all there are.
func (c *Client) Next(ctx context.Context) ([]member.Event, error) {
	c.endOffers()
	for {
		if c.closed.Load() {
			return nil, member.ErrClosed
		}
		if events := c.take(); events != nil {
			return events, nil
		}
		select {
		case <-c.queue.wake:
			continue
		default:
		}
		select {
		case <-c.queue.wake:
		case <-c.ended:
			if events := c.take(); events != nil && !c.closed.Load() {
				return events, nil
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			return nil, c.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take gives what waits, and the daemon its credit for what was read.
func (c *Client) take() []member.Event {
	c.granting.Lock()
	defer c.granting.Unlock()
	events, back := c.queue.take()
	c.noteOffers(events)
	if back > 0 && c.grants != nil {
		c.grants.grant(back)
	}
	return events
}

// Close says goodbye, so that the port leaves its groups, and ends Next.
func (c *Client) Close() error {
	if c.closed.Swap(true) {
		<-c.ended
		return nil
	}
	if l := c.link.Load(); l != nil {
		l.free(clientwire.AppendBye)
		timer := time.NewTimer(byeTimeout)
		defer timer.Stop()
		select {
		case <-l.over:
		case <-timer.C:
			l.end(member.ErrClosed)
		}
	}
	c.cancel()
	c.finish(member.ErrClosed)
	<-c.ended
	return nil
}

// finish is the end of the client; the first error stays.
func (c *Client) finish(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		close(c.ended)
	}
}
