package membertest

import (
	"context"
	"fmt"
	"slices"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// fakeRequest collects answers.
type fakeRequest struct {
	group string
	need  member.Need
	// want is how many answers end it; waiting are the members that owe one.
	want    int
	waiting []groups.Member
	replies []member.Reply
	// answers counts the replies that are no word of going.
	answers int
	done    chan struct{}
}

// open notes the members at the place where the request is delivered.
func (q *fakeRequest) open(g *fakeGroup) {
	if g != nil {
		q.waiting = values(g.members)
	}
	switch q.need {
	case member.Majority:
		q.want = len(q.waiting)/2 + 1
	case member.First:
		q.want = 1
	case member.All:
		q.want = len(q.waiting)
	}
}

// note takes a reply of a member that owes one.
func (q *fakeRequest) note(r member.Reply) {
	i := slices.IndexFunc(q.waiting, func(m groups.Member) bool { return m.Port == r.From.Port && m.Join == r.From.Join })
	if i < 0 || q.ended() {
		return
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	q.replies = append(q.replies, r)
	if !r.Gone {
		q.answers++
	}
	if q.ended() {
		close(q.done)
	}
}

func (q *fakeRequest) ended() bool { return q.answers >= q.want || len(q.waiting) == 0 }

// forget tells the requests of g that m is gone.
func (f *Fake) forget(g *fakeGroup, m *fakeMember) {
	for _, q := range f.requests {
		if q.group == g.name {
			q.note(member.Reply{From: m.Member, Gone: true})
		}
	}
}

// Request is member.Port's.
func (p *FakePort) Request(ctx context.Context, group string, payload []byte, need member.Need) ([]member.Reply, error) {
	f := p.fake
	f.mu.Lock()
	err := p.checkMember(group)
	if err != nil {
		f.mu.Unlock()
		return nil, err
	}
	f.asked++
	id := f.asked
	q := &fakeRequest{group: group, need: need, done: make(chan struct{})}
	f.requests[id] = q
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.requests, id)
		f.mu.Unlock()
	}()
	if _, err := p.send(ctx, group, views.Agreed, payload, id); err != nil {
		return nil, err
	}
	if err := p.await(ctx, q.done); err != nil {
		return nil, err
	}
	return q.replies, nil
}

func (p *FakePort) checkMember(group string) error {
	if err := p.check(group); err != nil {
		return err
	}
	if g := p.fake.groups[group]; g == nil || g.index(p) < 0 {
		return fmt.Errorf("%w: %d of %q", groups.ErrNotMember, p.self.Port, group)
	}
	return nil
}

// Reply is member.Port's.
func (p *FakePort) Reply(_ context.Context, group string, to *member.Message, payload []byte) error {
	f := p.fake
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := p.checkMember(group); err != nil {
		return err
	}
	if len(payload) > views.PayloadMax {
		return views.ErrTooLong
	}
	if q := f.requests[to.Request]; q != nil && q.group == group {
		g := f.groups[group]
		q.note(member.Reply{From: g.members[g.index(p)].Member, Payload: f.keep(payload)})
	}
	return nil
}
