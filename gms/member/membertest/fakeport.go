package membertest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// FakePort is a port of a [Fake]; a member.Port, and what the daemon may want
// beside it.
type FakePort struct {
	fake *Fake
	host *fakeHost
	self groups.Member
	wake chan struct{}
	// ended is closed when err is set.
	ended chan struct{}

	// Below is under the lock of the fake.
	err   error
	queue []member.Event
	bytes int
	// waiting are the bytes of messages behind states that come.
	waiting int
	given   []member.Event
	slow    *time.Timer
}

var _ member.Port = (*FakePort)(nil)

// Self is this port.
func (p *FakePort) Self() groups.Member { return p.self }

// push adds an event. The lock is held.
func (p *FakePort) push(e *member.Event) {
	if p.err != nil {
		return
	}
	p.queue = append(p.queue, *e)
	p.bytes += len(e.Msg.Payload)
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// check gives the fault of a group's name or of a port that has ended.
func (p *FakePort) check(group string) error {
	if p.err != nil {
		return p.err
	}
	return member.CheckGroup(group)
}

// Join is member.Port's.
func (p *FakePort) Join(ctx context.Context, group string, o member.Options) error {
	in, err := p.startJoin(group, o)
	if err != nil {
		return err
	}
	return p.await(ctx, in)
}

func (p *FakePort) startJoin(group string, o member.Options) (chan struct{}, error) {
	f := p.fake
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := p.check(group); err != nil {
		return nil, err
	}
	g := f.groups[group]
	if g == nil {
		g = &fakeGroup{name: group}
		f.groups[group] = g
	}
	if g.isMember(p) || g.index(p) >= 0 {
		return nil, fmt.Errorf("%w: %d in %q", groups.ErrMember, p.self.Port, group)
	}
	f.joins++
	m := fakeMember{Member: p.self, port: p, blockFor: o.BlockFor, in: make(chan struct{})}
	m.state = &fakeState{wants: o.State, has: !o.State}
	m.Join, m.Block = f.joins, o.Block
	if m.blockFor == 0 {
		m.blockFor = time.Second
	}
	g.joining = append(g.joining, m)
	f.begin(g)
	return m.in, nil
}

func (p *FakePort) await(ctx context.Context, c chan struct{}) error {
	select {
	case <-c:
		return nil
	case <-p.ended:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Leave is member.Port's.
func (p *FakePort) Leave(ctx context.Context, group string) error {
	f := p.fake
	f.mu.Lock()
	if err := p.check(group); err != nil {
		f.mu.Unlock()
		return err
	}
	g := f.groups[group]
	if g == nil || !g.isMember(p) {
		f.mu.Unlock()
		return fmt.Errorf("%w: %d of %q", groups.ErrNotMember, p.self.Port, group)
	}
	out := make(chan struct{})
	g.out = append(g.out, out)
	f.part(g, p, groups.Left)
	f.mu.Unlock()
	return p.await(ctx, out)
}

// Send is member.Port's.
func (p *FakePort) Send(ctx context.Context, group string, order views.Order, payload []byte) (member.Receipt, error) {
	return p.send(ctx, group, order, payload, 0)
}

// Post is member.Port's.
func (p *FakePort) Post(ctx context.Context, group string, order views.Order, payload []byte) error {
	_, err := p.send(ctx, group, order, payload, 0)
	return err
}

// Submit is Send that gives its receipt later: here at once.
func (p *FakePort) Submit(ctx context.Context, group string, order views.Order, payload []byte, done func(member.Receipt, error)) error {
	r, err := p.send(ctx, group, order, payload, 0)
	if err == nil {
		done(r, nil)
	}
	return err
}

// TryPost is member.Port's.
func (p *FakePort) TryPost(group string, order views.Order, payload []byte) error {
	_, err := p.trySend(group, order, payload, 0)
	return err
}

func (p *FakePort) trySend(group string, order views.Order, payload []byte, request uint64) (member.Receipt, error) {
	f := p.fake
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := p.check(group); err != nil {
		return member.Receipt{}, err
	}
	if len(payload) > views.PayloadMax {
		return member.Receipt{}, views.ErrTooLong
	}
	if full := f.obstacle(group); full != nil {
		full.startSlow()
		return member.Receipt{}, views.ErrFull
	}
	if q := f.requests[request]; q != nil {
		q.open(f.groups[group])
	}
	return f.deliver(p, group, order, payload, request), nil
}

// send waits where trySend would not.
func (p *FakePort) send(ctx context.Context, group string, order views.Order, payload []byte, request uint64) (member.Receipt, error) {
	r, err := p.trySend(group, order, payload, request)
	f := p.fake
	for errors.Is(err, views.ErrFull) {
		f.mu.Lock()
		f.waiting++
		room := f.room
		f.mu.Unlock()
		if r, err = p.trySend(group, order, payload, request); errors.Is(err, views.ErrFull) {
			select {
			case <-room:
			case <-p.ended:
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		f.mu.Lock()
		f.waiting--
		f.mu.Unlock()
	}
	return r, err
}

// startSlow begins to count how long p holds others up. The lock is held.
func (p *FakePort) startSlow() {
	if p.slow != nil {
		return
	}
	p.slow = time.AfterFunc(p.fake.slowAfter, func() {
		p.fake.mu.Lock()
		defer p.fake.mu.Unlock()
		if p.slow != nil {
			p.fake.end(p, member.ErrSlow, groups.Cut)
		}
	})
}

// Ready is member.Port's.
func (p *FakePort) Ready(group string) {
	p.fake.mu.Lock()
	defer p.fake.mu.Unlock()
	if g := p.fake.groups[group]; g != nil {
		p.fake.answered(g, p)
	}
}

// Next is member.Port's.
func (p *FakePort) Next(ctx context.Context) ([]member.Event, error) {
	for {
		if events, err := p.take(); events != nil || err != nil {
			return events, err
		}
		select {
		case <-p.wake:
		case <-p.ended:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (p *FakePort) take() ([]member.Event, error) {
	p.refuse()
	f := p.fake
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.err != nil {
		return nil, p.err
	}
	if len(p.queue) == 0 {
		return nil, nil
	}
	clear(p.given)
	p.given, p.queue, p.bytes = p.queue, p.given[:0], 0
	if p.slow != nil {
		p.slow.Stop()
		p.slow = nil
	}
	f.makeRoom()
	return p.given, nil
}

// refuse gives up what the port was asked for and has not given.
func (p *FakePort) refuse() {
	for i := range p.given {
		if o, ok := p.given[i].Donation.(*fakeOffer); ok {
			o.refuse()
		}
	}
}

// Ended is closed at the end of the port.
func (p *FakePort) Ended() <-chan struct{} { return p.ended }

// Close is member.Port's.
func (p *FakePort) Close() error { return p.close(groups.Left) }

// Abort ends the port as one whose program is gone.
func (p *FakePort) Abort() error { return p.close(groups.Crashed) }

func (p *FakePort) close(why groups.Why) error {
	p.fake.mu.Lock()
	defer p.fake.mu.Unlock()
	p.fake.end(p, member.ErrClosed, why)
	return nil
}
