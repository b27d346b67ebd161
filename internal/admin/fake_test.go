package admin

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"sync"
	"time"

	"github.com/gmsd/gmsd/discovery"
	"github.com/gmsd/gmsd/failuredetect"
	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/gms/member/membertest"
	"github.com/gmsd/gmsd/internal/adminca"
	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
	"github.com/gmsd/gmsd/views/vsync"
)

// fakeGroup is a Group in memory: views are installed by hand, commands are
// noted, events and listeners are fed by the test.
type fakeGroup struct {
	mu        sync.Mutex
	self      views.Process
	history   []*gms.Snapshot
	installed chan struct{} // closed by the next install
	records   []trace.Record
	appended  chan struct{} // closed by the next record
	listener  *fakeListener
	calls     []string
	fail      error
	sent      struct {
		group   string
		order   views.Order
		payload string
	}
	// programs are those of light groups; groups is what Groups gives.
	programs *membertest.Fake
	groups   []gms.GroupStatus
	attrs    map[string]string
	ring     keys.Ring
	stale    chan struct{}
	cut      []netip.AddrPort
}

func host(b byte) views.HostID { return views.HostID{0: b, 15: b} }

func hostMember(b byte, name string, bits views.Bits) views.Member {
	return views.Member{
		Process: views.Process{Host: host(b), Incarnation: views.Incarnation(b)}, Name: name, Bits: bits, Version: "0.1.0",
		Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 77, 0, b}), 7749),
	}
}

// newFake is host 1 of a view {h1 h2}, seq 2.
func newFake() *fakeGroup {
	f := &fakeGroup{self: views.Process{Host: host(1), Incarnation: 1}, installed: make(chan struct{}), appended: make(chan struct{}), programs: membertest.NewFake(1, membertest.FakeOptions{})}
	one, two := hostMember(1, "h1", views.Started), hostMember(2, "h2", 0)
	two.Attrs = []views.Attr{{Key: "rack", Value: "r1"}}
	first := views.ViewID{Seq: 1, Coordinator: host(1), Incarnation: 1}
	f.install(&gms.Snapshot{
		View:  &views.View{ID: first, Reason: views.ReasonStart, Members: []views.Member{one}},
		State: gms.StateZombie, Installed: time.Unix(1_700_000_000, 0),
	})
	f.install(&gms.Snapshot{
		View: &views.View{
			ID: views.ViewID{Seq: 2, Coordinator: host(1), Incarnation: 1}, Reason: views.ReasonJoin, Members: []views.Member{one, two},
			Subgroups: []views.Subgroup{{ID: first, Members: []views.HostID{host(1)}}},
		},
		Prev: first, Trans: []views.HostID{host(1)}, State: gms.StateZombie, Installed: time.Unix(1_700_000_001, 0),
	})
	return f
}

func (f *fakeGroup) install(s *gms.Snapshot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.history = append(f.history, s)
	close(f.installed)
	f.installed = make(chan struct{})
}

func (f *fakeGroup) happen(events ...trace.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range events {
		n := uint64(len(f.records) + 1)
		f.records = append(f.records, trace.Record{N: n, T: views.Instant(n) * 1000, Process: f.self, Event: e})
	}
	close(f.appended)
	f.appended = make(chan struct{})
}

func (f *fakeGroup) note(call string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call)
	return f.fail
}

func (f *fakeGroup) Self() views.Member { return hostMember(1, "h1", views.Started) }

func (f *fakeGroup) View() *gms.Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.history[len(f.history)-1]
}

func (f *fakeGroup) WaitView(ctx context.Context, above views.Seq) (*gms.Snapshot, error) {
	for {
		f.mu.Lock()
		last, next := f.history[len(f.history)-1], f.installed
		f.mu.Unlock()
		if last.View.ID.Seq > above {
			return last, nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (f *fakeGroup) History() []*gms.Snapshot { return f.history }

func (f *fakeGroup) Events(ctx context.Context, since uint64) iter.Seq2[trace.Record, error] {
	return func(yield func(trace.Record, error) bool) {
		for {
			f.mu.Lock()
			news, next := f.records[min(since, uint64(len(f.records))):], f.appended
			f.mu.Unlock()
			for _, r := range news {
				since = r.N
				if _, gap := r.Event.(gapEvent); gap {
					yield(trace.Record{}, gms.ErrGap)
					return
				}
				if !yield(r, nil) {
					return
				}
			}
			select {
			case <-next:
			case <-ctx.Done():
				return
			}
		}
	}
}

// gapEvent makes Events of the fake yield ErrGap.
type gapEvent struct{}

func (gapEvent) Name() string { return "gap" }

func (f *fakeGroup) LastEvents(since uint64) []trace.Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, r := range f.records {
		if r.N > since {
			return f.records[i:]
		}
	}
	return nil
}

func (f *fakeGroup) Changes() []trace.Record { return f.LastEvents(0) }

func (f *fakeGroup) Send(_ context.Context, group string, order views.Order, payload []byte) (gms.Receipt, error) {
	f.sent.group, f.sent.order, f.sent.payload = group, order, string(payload)
	r := gms.Receipt{Msg: trace.MsgID{From: f.self, N: 7}, View: f.View().View.ID}
	if order.Placed() {
		r.K = 3
	}
	return r, f.note("send")
}

func (f *fakeGroup) Listen(group string) (Listener, error) {
	if err := f.note("listen " + group); err != nil {
		return nil, err
	}
	f.listener = &fakeListener{c: make(chan []gms.GroupEvent, 16), closed: make(chan struct{})}
	f.listener.c <- []gms.GroupEvent{{Kind: gms.KindView, View: f.View()}, {Kind: gms.KindBlock, View: f.View()}}
	f.listener.c <- []gms.GroupEvent{{Kind: gms.KindMessage, View: f.View(), Msg: engine.Message{
		Msg: trace.MsgID{From: views.Process{Host: host(2), Incarnation: 2}, N: 1}, K: 1,
		Order: views.Agreed, Group: group, Payload: []byte("h\xc3\xa4llo"),
	}}}
	f.listener.c <- []gms.GroupEvent{{Kind: gms.KindMessage, View: f.View(), Msg: engine.Message{Group: group, Payload: []byte{0xff}}}}
	return f.listener, nil
}

// fakeListener gives what the test puts into c; err is set before c is closed.
type fakeListener struct {
	c      chan []gms.GroupEvent
	err    error
	closed chan struct{}
	once   sync.Once
}

func (l *fakeListener) Next(ctx context.Context) ([]gms.GroupEvent, error) {
	select {
	case events, open := <-l.c:
		if !open {
			return nil, l.err
		}
		return events, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *fakeListener) Close() { l.once.Do(func() { close(l.closed) }) }

func (f *fakeGroup) Open(name string) (member.Port, error) {
	if err := f.note("open " + name); err != nil {
		return nil, err
	}
	return f.programs.Open(0, name)
}

func (f *fakeGroup) Groups(context.Context) ([]gms.GroupStatus, error) {
	return f.groups, f.note("groups")
}

func (f *fakeGroup) SetBits(_ context.Context, mask, bits views.Bits) error {
	return f.note("bits " + mask.String() + " " + bits.String())
}

func (f *fakeGroup) SetAttrs(_ context.Context, attrs map[string]string) error {
	f.attrs = attrs
	return f.note("attrs")
}

func (f *fakeGroup) Leave(context.Context) error { return f.note("leave") }

func (f *fakeGroup) Evict(_ context.Context, h views.HostID, keepKeys bool) error {
	if keepKeys {
		return f.note("evict, keys kept " + h.Short())
	}
	return f.note("evict " + h.Short())
}

func (f *fakeGroup) Keys(context.Context) (gms.KeyRing, error) {
	return gms.KeyRing{
		Sealed: true, Removed: []string{"00000001"}, Barred: []views.HostID{host(9)}, Rotating: true, Fault: "no space",
		Keys: []gms.KeyInfo{{ID: "0a0b0c0d", Made: time.Unix(100, 0).UTC(), InUse: true}, {ID: "1a1b1c1d", Made: time.Unix(200, 0).UTC()}},
		Hosts: []gms.HostKeys{
			{Host: host(1), Name: "h1", Known: true, Sending: "0a0b0c0d", Has: []string{"0a0b0c0d", "1a1b1c1d"}, Current: true},
			{Host: host(2), Name: "h2"},
		},
	}, f.fail
}

func (f *fakeGroup) Diagnose(_ context.Context, full bool) (gms.Diagnosis, error) {
	d := gms.Diagnosis{Verdicts: f.verdicts(), Silent: []string{"h3"}, Took: 2 * time.Second, Reports: []doctor.Report{{
		Host: host(1), Name: "h1", Links: []doctor.Link{{Peer: host(2), Name: "h2", RTT: time.Millisecond, Fits: 1472, Clock: time.Second, Error: time.Millisecond}},
	}}}
	if full {
		d.Verdicts = nil
	}
	return d, f.fail
}

func (f *fakeGroup) verdicts() []gms.Verdict {
	return []gms.Verdict{{
		Cause: "one-way-link", From: doctor.Place{Host: host(1), Name: "h1"}, To: doctor.Place{Host: host(2), Name: "h2"},
		Evidence: []string{"nothing came"}, Cure: "look",
	}}
}

func (f *fakeGroup) InstallKey(context.Context) (string, error) {
	return "2a2b2c2d", f.note("install key")
}

func (f *fakeGroup) UseKey(_ context.Context, id string) error { return f.note("use key " + id) }

func (f *fakeGroup) RemoveKey(_ context.Context, id string) error {
	if id == "0a0b0c0d" {
		return fmt.Errorf("%w: key %s: the key is in use", gms.ErrKey, id)
	}
	return f.note("remove key " + id)
}

// rotate puts another ring in the place of the group's.
func (f *fakeGroup) rotate(ring keys.Ring, err error) {
	if err != nil {
		panic(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stale != nil {
		close(f.stale)
	}
	f.ring, f.stale = ring, make(chan struct{})
}

func (f *fakeGroup) AdminTrust() (*adminca.Trust, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return adminca.NewTrust(f.ring, adminca.Host{Name: "h1", ID: host(1).String(), Group: "g"}, f.stale)
}

func (f *fakeGroup) Status(context.Context) (gms.Status, error) {
	if f.fail != nil {
		return gms.Status{}, f.fail
	}
	slow := host(2)
	return gms.Status{
		Ports: 5, Groups: 6, Giving: 1, Taking: 2, Verdicts: f.verdicts(),
		Self: f.Self(), State: gms.StateZombie, Uptime: 90 * time.Second, Stats: f.Stats(),
		Discovery: gms.Discovery{
			Layers: []discovery.Layer{{Name: "peers", Addresses: 3, Trouble: "h9: no such host"}}, Known: 3, Absent: 2, Alone: 7 * time.Second,
			Sought: []discovery.Address{{
				Addr: netip.MustParseAddrPort("10.0.0.9:7749"),
				By:   []discovery.Naming{{Source: "cache", Found: discovery.Found{Why: "h9", At: time.Unix(0, 0)}}},
			}},
		},
		Routers: []gms.Router{
			{Router: "a:7751", Connected: true, Since: 3 * time.Second, Members: 2, Relays: true},
			{Router: "b:7751", Since: 4 * time.Second, Trouble: "connection refused"},
		},
		Engine: engine.Status{
			Links:        []engine.LinkStatus{{Host: host(2), Member: true, Addr: netip.MustParseAddrPort("127.0.0.1:7749"), Numbered: 30, Lost: 10}},
			OutOfEarshot: []engine.OutOfEarshot{{Host: host(2), Name: "h2", Deaf: true}},
			Slow:         &slow, Room: 500,
			Counters: vsync.Counters{Sent: [views.OrderEnd]uint64{views.Agreed: 2, views.Safe: 1}, Delivered: [views.OrderEnd]uint64{views.FIFO: 7}, Retransmits: 6},
			Phase:    "operational", DetectionBound: 1500 * time.Millisecond, Drops: []trace.Drop{{Reason: "malformed", Count: 4}},
			View:     &views.View{Members: []views.Member{{Process: views.Process{Host: host(2)}, Name: "h2", Addr: netip.MustParseAddrPort("127.0.0.1:7749")}}},
			Subjects: []failuredetect.SubjectStatus{{Process: views.Process{Host: host(2)}, Name: "h2", Role: "observer", RTT: 2 * time.Millisecond}},
		},
	}, nil
}

func (f *fakeGroup) Stats() gms.Stats {
	s := gms.Stats{SendErrors: 2, FlowBlocked: 250 * time.Millisecond, Backlog: 4711, Window: 1000, Outbox: 77, ListenersCut: 3}
	s.Deliveries[views.Agreed] = gms.Deliveries{Count: 4, Sum: 20 * time.Second, Buckets: make([]uint64, len(gms.DeliveryBounds))}
	s.Deliveries[views.Agreed].Buckets[0], s.Deliveries[views.Agreed].Buckets[2] = 1, 2
	s.Transport.UnicastOut.Packets, s.Transport.UnicastOut.Bytes = 5, 500
	return s
}

func (f *fakeGroup) LabCut(addrs []netip.AddrPort, dir string) error {
	f.cut = addrs
	return f.note("cut " + dir)
}

func (f *fakeGroup) LabHeal() error { return f.note("heal") }

func (f *fakeGroup) LabDelay(_ []netip.AddrPort, d time.Duration) error {
	return f.note("delay " + d.String())
}

var errSomething = errors.New("something broke")
