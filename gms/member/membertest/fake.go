package membertest

import (
	"sync"
	"time"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
	"github.com/gmsd/gmsd/views/trace"
)

// Bounds of what a port of a [Fake] leaves unread, from which on the senders to
// its groups wait.
const (
	fakeEventsMax = 8192
	fakeBytesMax  = 4 << 20
	fakeChunk     = 256 << 10
)

// FakeOptions change a [Fake].
type FakeOptions struct {
	// SlowAfter is how long a full port may hold senders up; 0: ten seconds.
	SlowAfter time.Duration
}

// Fake is a cluster in memory: one sequencer, no network, no failures but those
// one asks for. All methods are for any goroutine.
type Fake struct {
	slowAfter time.Duration

	mu    sync.Mutex
	view  views.ViewID
	k     views.Position
	hosts []fakeHost
	// groups by name; a group is there while it has members or a change.
	groups   map[string]*fakeGroup
	requests map[uint64]*fakeRequest
	// joins, ports and asked count what was given out.
	joins, asked uint64
	ports        uint32
	// room is closed, and made anew, when a port has read.
	room    chan struct{}
	waiting int
	// chunk is where payloads are copied to.
	chunk []byte
}

type fakeHost struct {
	process views.Process
	sent    uint64
	stopped bool
	ports   []*FakePort
}

// NewFake makes a cluster of so many hosts.
func NewFake(hosts int, o FakeOptions) *Fake {
	f := &Fake{
		slowAfter: o.SlowAfter, groups: make(map[string]*fakeGroup), requests: make(map[uint64]*fakeRequest),
		room: make(chan struct{}),
	}
	if f.slowAfter == 0 {
		f.slowAfter = 10 * time.Second
	}
	for i := range hosts {
		id := views.HostID{byte(i + 1)}
		f.hosts = append(f.hosts, fakeHost{process: views.Process{Host: id, Incarnation: 1}})
	}
	f.view = views.ViewID{Seq: 1, Coordinator: f.hosts[0].process.Host, Incarnation: 1}
	return f
}

// Open opens a port on a host. Errors: groups.ErrName, member.ErrClosed.
func (f *Fake) Open(host int, name string) (*FakePort, error) {
	if len(name) > groups.NameMax {
		return nil, groups.ErrName
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	h := &f.hosts[host]
	if h.stopped {
		return nil, member.ErrClosed
	}
	f.ports++
	p := &FakePort{
		fake: f, host: h, self: groups.Member{Process: h.process, Port: f.ports, Name: name},
		wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	h.ports = append(h.ports, p)
	return p, nil
}

// StopHost ends a host without a word: its ports are closed, and the others see
// views without them.
func (f *Fake) StopHost(host int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := &f.hosts[host]
	if h.stopped {
		return
	}
	h.stopped = true
	f.view.Seq++
	f.k = 0
	for _, p := range h.ports {
		f.end(p, member.ErrClosed, groups.HostCrashed)
	}
	h.ports = nil
	for _, g := range f.groups {
		g.change = nil
		f.install(g)
	}
}

// next gives the next place in the agreed order.
func (f *Fake) next() views.Position {
	f.k++
	return f.k
}

// keep copies a payload to where it may stay.
func (f *Fake) keep(payload []byte) []byte {
	n := len(payload)
	if n == 0 {
		return nil
	}
	if n > fakeChunk/4 {
		return append(make([]byte, 0, n), payload...)
	}
	if len(f.chunk) < n {
		f.chunk = make([]byte, fakeChunk)
	}
	kept := f.chunk[:n:n]
	f.chunk = f.chunk[n:]
	copy(kept, payload)
	return kept
}

// deliver gives a message to the members of a group. The lock is held.
func (f *Fake) deliver(p *FakePort, group string, order views.Order, payload []byte, request uint64) member.Receipt {
	p.host.sent++
	r := member.Receipt{ID: trace.MsgID{From: p.self.Process, N: p.host.sent}, View: f.view}
	if order.Placed() {
		r.K = f.next()
	}
	g := f.groups[group]
	if g == nil {
		return r
	}
	e := member.Event{Kind: member.KindMessage, Group: g.name, Msg: member.Message{
		ID: r.ID, Port: p.self.Port, Order: order, K: r.K, Request: request, Payload: f.keep(payload),
	}}
	for i := range g.members {
		g.members[i].push(&e)
	}
	return r
}

// obstacle gives a member of a group whose queue is full, nil for none.
func (f *Fake) obstacle(group string) *FakePort {
	if g := f.groups[group]; g != nil {
		for i := range g.members {
			if p := g.members[i].port; len(p.queue) >= fakeEventsMax || p.bytes+p.waiting >= fakeBytesMax {
				return p
			}
		}
	}
	return nil
}

// makeRoom wakes those who wait to send.
func (f *Fake) makeRoom() {
	if f.waiting > 0 {
		close(f.room)
		f.room = make(chan struct{})
	}
}

// end takes a port out of everything. The lock is held.
func (f *Fake) end(p *FakePort, err error, why groups.Why) {
	if p.err != nil {
		return
	}
	p.err = err
	if p.slow != nil {
		p.slow.Stop()
	}
	close(p.ended)
	for _, g := range f.groups {
		f.part(g, p, why)
	}
	f.makeRoom()
}
