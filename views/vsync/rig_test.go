package vsync_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
	"github.com/gmsd/gmsd/views/vsync"
)

// rig is one real Core. Everybody else is played by the test, which writes what
// they say: also what no honest host would. Disk writes end at once.
type rig struct {
	t    *testing.T
	core *vsync.Core
	now  views.Instant
	// what came out since the last forget
	log  []trace.Event
	sent []vsync.Send
	got  []vsync.Delivery
	stop *vsync.Stop
}

func newRig(t *testing.T, self views.Member) *rig {
	t.Helper()
	return rigWith(t, vsync.Config{Self: self, MessageEvents: true})
}

func rigWith(t *testing.T, cfg vsync.Config) *rig {
	t.Helper()
	cfg.Nonce, cfg.Multicast, cfg.Seed = cfg.Self.Nonce, true, 1
	core, err := vsync.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, core: core, now: views.Instant(time.Second)}
	core.Start(r.now)
	r.drain()
	return r
}

func member(i int, life views.Incarnation) views.Member {
	m := views.Member{
		Name: fmt.Sprintf("h%d", i), Nonce: uint64(1000*i) + uint64(life),
		Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i / 250), byte(i%250 + 1)}), 7),
	}
	m.Host[0], m.Host[1], m.Incarnation = byte(i/256), byte(i), life
	return m
}

// crowd gives n members from number i on.
func crowd(i, n int, life views.Incarnation) (all []views.Member) {
	for j := range n {
		all = append(all, member(i+j, life))
	}
	return all
}

func viewOf(seq views.Seq, m views.Member) views.ViewID {
	return views.ViewID{Seq: seq, Coordinator: m.Host, Incarnation: m.Incarnation}
}

func (r *rig) drain() {
	r.core.Acknowledge()
	for {
		out := r.core.Drain()
		r.log = append(r.log, out.Events...)
		r.sent = append(r.sent, out.Sends...)
		r.got = append(r.got, out.Deliver...)
		if out.Stop != nil {
			r.stop = out.Stop
		}
		if out.Persist == 0 {
			return
		}
		r.core.HandlePersisted(r.now, out.Persist)
	}
}

func (r *rig) forget() { r.log, r.sent, r.got = nil, nil, nil }

// from is a message that arrives.
func (r *rig) from(m views.Member, msg message.Message) {
	r.core.HandleMessage(r.now, vsync.Sender{Process: m.Process, Nonce: m.Nonce, Addr: m.Addr}, msg)
	r.drain()
}

func (r *rig) run(d time.Duration) {
	r.t.Helper()
	end := r.now.Add(d)
	for calls := 0; ; calls++ {
		at := r.core.Deadline()
		if at == 0 || at > end {
			break
		}
		if calls == 10_000 {
			r.t.Fatalf("Advance is wanted without end: %s", r.core.Describe())
		}
		r.now = max(r.now, at)
		r.core.Advance(r.now)
		r.drain()
	}
	r.now = end
}

// lastSent gives the last message of a type, or nil.
func lastSent[T message.Message](r *rig) (last T) {
	for _, s := range r.sent {
		if m, ok := s.Msg.(T); ok {
			last = m
		}
	}
	return last
}

// mustSend is lastSent where the test has no sense without it.
func mustSend[T message.Message](r *rig) T {
	r.t.Helper()
	last := lastSent[T](r)
	if any(last) == any(*new(T)) {
		r.t.Fatalf("no %T was sent: %s", last, r.core.Describe())
	}
	return last
}

// events counts the events of a type.
func events[T trace.Event](r *rig) (n int) {
	for _, e := range r.log {
		if _, ok := e.(T); ok {
			n++
		}
	}
	return n
}

// emptyDigest is that of a view in which nothing was sent.
const emptyDigest = 14695981039346656037

// install says all members explicitly, in groups by where they come from.
func install(id views.ViewID, groups []message.InstallGroup, members ...views.Member) *message.Install {
	return &message.Install{
		View: id, Reason: views.ReasonJoin, Members: members, Groups: groups,
		Layout: []message.MemberSpan{{Explicit: true, Count: uint16(len(members))}},
	}
}

// offer leads the rig's host into a view of lead, the others and itself, last.
func (r *rig) offer(seq views.Seq, self, lead views.Member, others ...views.Member) views.ViewID {
	id, elsewhere, from := viewOf(seq, lead), viewOf(1, lead), r.core.View().ID
	r.from(lead, &message.Propose{
		Ballot: id, Base: elsewhere, Plus: []views.Process{self.Process}, PlusMark: []uint64{message.Mark(from, self.Nonce)},
	})
	members := append([]views.Member{lead}, others...)
	groups := []message.InstallGroup{{From: elsewhere, Count: uint16(len(members)), Digest: 1}, {From: from, Count: 1, Digest: emptyDigest}}
	r.from(lead, install(id, groups, append(members, self)...))
	return id
}

// bring is an offer that is taken.
func (r *rig) bring(seq views.Seq, self, lead views.Member, others ...views.Member) views.ViewID {
	r.t.Helper()
	id := r.offer(seq, self, lead, others...)
	if r.core.View().ID != id {
		r.t.Fatalf("did not install %v: %s", id, r.core.Describe())
	}
	r.forget()
	return id
}

// introduce is a joiner that says Hello and tells who it is when asked.
func (r *rig) introduce(m views.Member, promised views.Seq) {
	r.t.Helper()
	id := viewOf(promised, m)
	r.from(m, &message.Hello{Self: m, View: id, Size: 1, Joiner: true})
	ask := mustSend[*message.Ask](r)
	r.from(m, &message.Roster{Token: ask.Token, View: id, Promised: promised, Members: []views.Member{m}, Joiner: true})
}
