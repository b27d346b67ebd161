package membertest

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync/atomic"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views/groups"
)

// fakeStateMax bounds a state, which is kept in memory.
const fakeStateMax = 64 << 20

// fakeState is what a membership has to do with the application's state. It is
// under the lock of the fake.
type fakeState struct {
	// wants it; has it, so that others may be given it.
	wants, has bool
	// donor is who gives it, nil where nobody does; failed are those that did not;
	// transfer counts the attempts.
	donor    *FakePort
	failed   []*FakePort
	transfer int
	// list is what waits behind it.
	list []member.Event
	// cut is why it is taken out.
	cut error
}

// push gives a member an event of its group, behind the state that it waits for.
func (m *fakeMember) push(e *member.Event) {
	if m.state.donor == nil {
		m.port.push(e)
		return
	}
	m.state.list = append(m.state.list, *e)
	m.port.waiting += len(e.Msg.Payload)
}

// flush gives what waited, or all of it but the messages.
func (m *fakeMember) flush(messages bool) {
	list := m.state.list
	m.state.list, m.state.donor = nil, nil
	for i := range list {
		m.port.waiting -= len(list[i].Msg.Payload)
		if messages || list[i].Kind != member.KindMessage {
			m.port.push(&list[i])
		}
	}
}

// settleStates does what a view brings about: those who came get a donor, and so do
// those whose donor is gone.
func (f *Fake) settleStates(g *fakeGroup, joined []fakeMember) {
	has := func(m fakeMember) bool { return m.state.has }
	if len(joined) > 0 && !slices.ContainsFunc(g.members, has) {
		joined[0].state.has = true
		joined[0].port.push(&member.Event{Kind: member.KindState, Group: g.name})
	}
	var lost []*fakeMember
	for i := range g.members {
		m := &g.members[i]
		isNew := m.state.transfer == 0
		if m.state.wants && !m.state.has && (isNew || m.state.donor != nil && g.index(m.state.donor) < 0) && !f.newDonor(g, m) {
			lost = append(lost, m)
		}
	}
	for _, m := range lost {
		f.noDonor(g, m)
	}
}

// newDonor asks the oldest that can give the state, at this place. It gives false
// where there is none.
func (f *Fake) newDonor(g *fakeGroup, m *fakeMember) bool {
	if m.state.donor != nil {
		m.state.failed = append(m.state.failed, m.state.donor)
		m.flush(false)
	}
	m.state.transfer++
	for i := range g.members {
		d := &g.members[i]
		if d.state.has && !g.leaving(d) && !slices.Contains(m.state.failed, d.port) {
			m.state.donor = d.port
			d.push(&member.Event{Kind: member.KindDonate, Group: g.name, Donation: &fakeOffer{
				fake: f, group: g, to: m.port, state: m.state, transfer: m.state.transfer,
			}})
			return true
		}
	}
	return false
}

func (f *Fake) noDonor(g *fakeGroup, m *fakeMember) {
	m.state.cut = member.ErrNoDonor
	f.part(g, m.port, groups.Cut)
}

// fakeOffer is a KindDonate.
type fakeOffer struct {
	fake     *Fake
	group    *fakeGroup
	to       *FakePort
	state    *fakeState
	transfer int
	taken    atomic.Bool
}

// Donate is member.Donation's.
func (o *fakeOffer) Donate(r io.Reader, size int64) {
	if r != nil && !o.taken.Swap(true) {
		go o.run(r, size) // an application's reader may hang
	}
}

// run reads the state and gives it.
func (o *fakeOffer) run(r io.Reader, size int64) {
	if c, ok := r.(io.Closer); ok {
		defer func() { _ = c.Close() }() // the application's own
	}
	var b bytes.Buffer
	for {
		n, err := io.CopyN(&b, r, fakeChunk)
		switch {
		case errors.Is(err, io.EOF):
			o.finish(b.Bytes(), max(size, int64(b.Len())))
			return
		case err != nil || b.Len() > fakeStateMax:
			o.fail()
			return
		case !o.progress(n == int64(b.Len()), member.Progress{Bytes: n, Total: size}):
			return
		}
	}
}

// joiner gives who waits for it, nil where nobody does any more. The lock is held.
func (o *fakeOffer) joiner() *fakeMember {
	i := o.group.index(o.to)
	if i < 0 || o.group.members[i].state != o.state || o.state.transfer != o.transfer || o.state.donor == nil {
		return nil
	}
	return &o.group.members[i]
}

// progress tells how far it is, the first time. It gives false where nobody waits.
func (o *fakeOffer) progress(first bool, p member.Progress) bool {
	o.fake.mu.Lock()
	defer o.fake.mu.Unlock()
	m := o.joiner()
	if m != nil && first {
		m.port.push(&member.Event{Kind: member.KindProgress, Group: o.group.name, Progress: p})
	}
	return m != nil && !o.group.leaving(m)
}

func (o *fakeOffer) finish(b []byte, total int64) {
	o.fake.mu.Lock()
	defer o.fake.mu.Unlock()
	m := o.joiner()
	if m == nil {
		return
	}
	n := int64(len(b))
	m.port.push(&member.Event{Kind: member.KindProgress, Group: o.group.name, Progress: member.Progress{Bytes: n, Total: total}})
	m.port.push(&member.Event{Kind: member.KindState, Group: o.group.name, State: &member.State{
		ReadCloser: &fakeReader{Reader: bytes.NewReader(b), fake: o.fake, state: o.state}, Size: n,
	}})
	m.flush(true)
}

// fail asks the next one.
func (o *fakeOffer) fail() {
	o.fake.mu.Lock()
	defer o.fake.mu.Unlock()
	if m := o.joiner(); m != nil && !o.fake.newDonor(o.group, m) {
		o.fake.noDonor(o.group, m)
	}
}

// refuse fails unless a reader was given.
func (o *fakeOffer) refuse() {
	if !o.taken.Swap(true) {
		o.fail()
	}
}

// fakeReader is a state as the application reads it.
type fakeReader struct {
	Reader *bytes.Reader
	fake   *Fake
	state  *fakeState
}

// Read gives what is left, until Close.
func (r *fakeReader) Read(p []byte) (int, error) {
	r.fake.mu.Lock()
	defer r.fake.mu.Unlock()
	if r.state.has {
		return 0, io.ErrClosedPipe
	}
	return r.Reader.Read(p)
}

// Close says that its member has the state.
func (r *fakeReader) Close() error {
	r.fake.mu.Lock()
	defer r.fake.mu.Unlock()
	r.state.has = true
	return nil
}
