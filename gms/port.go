package gms

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// Port is a client of this host, and a [member.Port]: it joins light groups,
// sends in them and reads what happens there.
type Port struct {
	host    *Host
	number  uint32
	name    string
	box     *mailbox[member.Event]
	lane    lane
	closing sync.Once
	closed  atomic.Bool
	// offers counts the KindDonate events that Next has not given; offered are
	// those that it gave last.
	offers  atomic.Int32
	offered []*offer
}

var _ member.Port = (*Port)(nil)

// OpenPort makes a port. Name is for people, up to groups.NameMax bytes. Errors:
// groups.ErrName, [ErrBusy], [ErrClosed].
func (h *Host) OpenPort(name string) (*Port, error) {
	if len(name) > groups.NameMax {
		return nil, fmt.Errorf("%w: %d bytes", groups.ErrName, len(name))
	}
	return askPatiently(context.Background(), h, func(l *loop, reply chan<- answer[*Port]) {
		p, err := l.openPort(name)
		reply <- answer[*Port]{value: p, err: err}
	})
}

// Self is this port.
func (p *Port) Self() groups.Member {
	return groups.Member{Process: p.host.start.Process, Port: p.number, Name: p.name}
}

// Join is described at [member.Port], as are the following.
func (p *Port) Join(ctx context.Context, group string, o member.Options) error {
	if err := member.CheckGroup(group); err != nil {
		return err
	}
	_, err := askPatiently(ctx, p.host, func(l *loop, reply chan<- answer[struct{}]) { l.join(p, group, o, reply) })
	return p.errorOf(err)
}

// Leave goes out of a group.
func (p *Port) Leave(ctx context.Context, group string) error {
	_, err := askPatiently(ctx, p.host, func(l *loop, reply chan<- answer[struct{}]) { l.part(p, group, reply) })
	return p.errorOf(err)
}

// Send multicasts and waits for the delivery here.
func (p *Port) Send(ctx context.Context, group string, order views.Order, payload []byte) (member.Receipt, error) {
	reply := make(chan answer[Receipt], 1)
	if err := p.post(ctx, group, order, 0, payload, replyTo(reply), true); err != nil {
		return member.Receipt{}, err
	}
	r, err := await(ctx, p.host, reply)
	return member.Receipt{ID: r.Msg, View: r.View, K: r.K}, p.errorOf(err)
}

// Submit is Send that returns once the message has its place behind what was sent
// before. Unless it gives an error, done is called once, by the host's loop: it
// must not wait.
func (p *Port) Submit(ctx context.Context, group string, order views.Order, payload []byte, done func(member.Receipt, error)) error {
	return p.post(ctx, group, order, 0, payload, func(r Receipt, err error) {
		done(member.Receipt{ID: r.Msg, View: r.View, K: r.K}, p.errorOf(err))
	}, true)
}

// Post multicasts.
func (p *Port) Post(ctx context.Context, group string, order views.Order, payload []byte) error {
	return p.post(ctx, group, order, 0, payload, nil, true)
}

// TryPost multicasts or gives views.ErrFull.
func (p *Port) TryPost(group string, order views.Order, payload []byte) error {
	return p.post(context.Background(), group, order, 0, payload, nil, false)
}

// Ready answers a block.
func (p *Port) Ready(group string) {
	_ = p.host.orderPatiently(context.Background(), func(l *loop) { l.ready(p, group) }) // the host has ended, or it is cut in time
}

// Next gives the events.
func (p *Port) Next(ctx context.Context) ([]member.Event, error) {
	p.endOffers()
	events, err := p.box.next(ctx)
	p.noteOffers(events)
	return events, err
}

// Close leaves all groups, after what was sent before, and ends Next.
func (p *Port) Close() error { return p.end(groups.Left) }

// Abort ends the port as one whose program died: the groups see it as crashed.
func (p *Port) Abort() error { return p.end(groups.Crashed) }

// Ended is closed once the port was closed or cut, and what it had not read is gone.
func (p *Port) Ended() <-chan struct{} { return p.box.quit }

func (p *Port) end(why groups.Why) error {
	p.closing.Do(func() {
		p.closed.Store(true)
		_ = p.host.orderPatiently(context.Background(), func(l *loop) { l.closePort(p, why, member.ErrClosed) })
		p.box.end(member.ErrClosed)
		p.box.drop()
	})
	return nil
}

func (p *Port) post(ctx context.Context, group string, order views.Order, tag uint64, payload []byte, done fate, wait bool) error {
	if err := postable(ctx, group, order, payload); err != nil {
		return err
	}
	if p.closed.Load() {
		return member.ErrClosed
	}
	return p.errorOf(p.host.outbox.post(ctx, &p.lane, outgoing{
		Submission: engine.Submission{Port: p.number, Tag: tag, Group: group, Order: order, Payload: payload}, done: done,
	}, wait))
}

// errorOf gives the errors of a host as those of a port.
func (p *Port) errorOf(err error) error {
	if errors.Is(err, ErrClosed) {
		return fmt.Errorf("%w: %w", member.ErrClosed, err)
	}
	return err
}

// blockFor is how long a port may take to answer where it does not say.
const blockFor = time.Second
