package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
	"github.com/gmsd/gmsd/internal/straight"
	"github.com/gmsd/gmsd/views/groups"
)

// Dial connects to a daemon: "unix:PATH", a path, or "tcp:HOST:PORT". It makes one
// attempt. Errors: [ErrAddress], groups.ErrName, [ErrRefused], or the socket's.
func Dial(ctx context.Context, address string, o Options) (*Client, error) {
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	network, where, err := splitAddress(address)
	if err != nil {
		return nil, err
	}
	c := &Client{
		options: o, network: network, address: where, ended: make(chan struct{}),
		joined: make(map[string]member.Options), changed: make(chan struct{}),
	}
	c.queue.init()
	c.ctx, c.cancel = context.WithCancel(context.Background())
	l, r, err := c.connect(ctx)
	if err != nil {
		c.cancel()
		return nil, err
	}
	c.adopt(l)
	c.publish(l)
	go c.run(l, r)
	return c, nil
}

// connect makes a link and exchanges hello and welcome.
func (c *Client) connect(ctx context.Context) (*link, *reader, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	conn, err := c.options.Connect(ctx, c.network, c.address)
	if err != nil {
		return nil, nil, fmt.Errorf("client: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	c.granting.Lock()
	hello := clientwire.AppendHello(nil, &clientwire.Hello{
		Low: clientwire.Version, High: clientwire.Version, Name: c.options.Name,
		Features: clientwire.FeaturesKnown, Credit: max(0, c.options.Credit-c.queue.held()),
	})
	l := newLink(c, conn, hello)
	c.grants = l
	c.granting.Unlock()
	r := &reader{link: l, in: straight.NewReader(l.conn)}
	if err := r.welcome(); err != nil {
		l.end(err)
		stop()
		return nil, nil, fmt.Errorf("client: %w", errors.Join(ctx.Err(), err))
	}
	if !stop() {
		l.end(ctx.Err())
		return nil, nil, fmt.Errorf("client: %w", ctx.Err())
	}
	return l, r, nil
}

// welcome reads the daemon's first frame.
func (r *reader) welcome() error {
	t, body, _, err := r.frame()
	switch {
	case err != nil:
		return err
	case t == clientwire.TypeError:
		return r.word(t, body)
	case t != clientwire.TypeWelcome:
		return broken(t, "no welcome")
	}
	w, err := clientwire.ParseWelcome(body)
	if err == nil && w.Version != clientwire.Version {
		err = clientwire.ErrEnum
	}
	if err != nil {
		return broken(t, err)
	}
	l := r.link
	l.self = groups.Member{Process: w.Self, Port: w.Port, Name: l.client.options.Name}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.credit += w.Credit
	l.tokens = int(w.Tokens)
	l.features = w.Features & clientwire.FeaturesKnown
	return nil
}

// adopt makes a link the current one, nil for none; calls wait until publish.
func (c *Client) adopt(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = l
	c.link.Store(nil)
	if l != nil {
		c.self.Store(&l.self)
	}
}

// publish lets calls use a link, if it is still the current one.
func (c *Client) publish(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == l {
		c.link.Store(l)
		close(c.changed)
		c.changed = make(chan struct{})
	}
}

// run reads, and connects again, until Close or a fault that another attempt does
// not cure.
func (c *Client) run(l *link, r *reader) {
	for l != nil {
		stop := context.AfterFunc(c.ctx, func() { l.end(member.ErrClosed) })
		err := r.read()
		stop()
		c.adopt(nil)
		l.end(err)
		c.queue.signal()
		if c.closed.Load() {
			return
		}
		c.options.Logger.Warn("client: connection lost", "address", c.address, "err", err)
		if c.options.NoReconnect || !curable(err) {
			c.finish(final(err))
			return
		}
		l, r = c.again()
	}
}

// curable reports whether another attempt may do better.
func curable(err error) bool {
	var f *fault
	return !errors.As(err, &f) || passes(f.code)
}

// final gives the error of the end: the daemon's reason, or ErrLost.
func final(err error) error {
	var f *fault
	if errors.As(err, &f) {
		return f.err
	}
	return fmt.Errorf("%w: %w", member.ErrLost, err)
}

// again connects until that succeeds. It gives nil at the end.
func (c *Client) again() (*link, *reader) {
	pause := c.options.BackoffMin
	for {
		l, r, err := c.connect(c.ctx)
		if err == nil {
			c.adopt(l)
			c.queue.push(&member.Event{Kind: member.KindGap}, 0)
			c.queue.signal()
			go c.rejoin(l)
			return l, r
		}
		if c.ctx.Err() == nil && !curable(err) {
			c.finish(final(err))
			return nil, nil
		}
		c.options.Logger.Debug("client: cannot connect", "address", c.address, "err", err, "pause", pause)
		timer := time.NewTimer(pause + rand.N(pause/2+1)) //nolint:gosec // only to spread clients
		select {
		case <-timer.C:
		case <-c.ctx.Done():
			timer.Stop()
			return nil, nil
		}
		pause = min(2*pause, c.options.BackoffMax)
	}
}

// rejoin joins the groups of the last connection, and then lets calls use the
// link: what waited to be sent comes back to its sender, too.
func (c *Client) rejoin(l *link) {
	c.mu.Lock()
	joined := maps.Clone(c.joined)
	c.mu.Unlock()
	var calls []*call
	for _, group := range slices.Sorted(maps.Keys(joined)) {
		a := joinAsk(group, joined[group])
		a.call.then = func(err error) { c.rejoined(group, err) }
		switch err := l.send(c.ctx, a); {
		case errors.Is(err, ErrNoStates):
			c.rejoined(group, err)
			continue
		case err != nil:
			return
		}
		calls = append(calls, a.call)
	}
	for _, x := range calls {
		<-x.done // at the end of the link at the latest
	}
	c.publish(l)
}

// rejoined parts from a group that cannot be joined again.
func (c *Client) rejoined(group string, err error) {
	if err == nil || errors.Is(err, member.ErrLost) {
		return
	}
	c.forget(group)
	c.queue.push(&member.Event{Kind: member.KindParted, Group: group, Why: groups.Cut, Err: err}, 0)
	c.queue.signal()
}
