package engine_test

import (
	"container/heap"
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// lan is the smallest network an engine can live in: a queue of what happens
// when. The faults and the properties are the simulator's (internal/sim); the
// tests here only show that the composition works and what it costs.
type lan struct {
	t     testing.TB
	rng   *rand.Rand
	now   views.Instant
	seq   int
	queue happenings
	hosts []*lanHost
	delay func() time.Duration
	loss  float64
	// path is how long a frame may be, 0 for the engine's default; tooLong counts
	// those that were longer and went no further.
	path, tooLong int
	// ring seals what hosts say that have none of their own; the zero Ring: plain.
	ring keys.Ring
	// unicast: there is no multicast, and what seeks goes to strangers alone.
	unicast bool
	// wire, if set, sees every frame that is sent.
	wire func(from *lanHost, p engine.Packet)
	// meddle, if set, sees it a moment before anybody gets it.
	meddle func(from *lanHost, p engine.Packet)
	said   int
	// unheard, if set, says from whom to whom multicast does not pass.
	unheard func(from, to *lanHost) bool
	// swallows, if set, says which frames vanish between two hosts.
	swallows func(from, to *lanHost, size int) bool
}

type lanHost struct {
	*engine.Engine
	lan     *lan
	addr    netip.AddrPort
	process views.Process
	dead    bool
	armed   views.Instant
	group   int
	attrs   []views.Attr
	log     []trace.Event
	got     []string
	watched []engine.WatchTarget
	// delivered is all of it, messages one by one.
	delivered []engine.Delivery
	stop      *engine.Stop
	// look, if set, sees every output.
	look func(*engine.Output)
	// identity is the host's key, disk the ring that it has written.
	identity ed25519.PrivateKey
	disk     keys.Ring
	name     string
	nonce    uint64
	// says, if set, is the address it gives as its own; it is not.
	says netip.AddrPort
}

type happening struct {
	at   views.Instant
	seq  int
	host *lanHost
	in   engine.Input
	do   func()
}

type happenings []happening

func (q happenings) Len() int { return len(q) }
func (q happenings) Less(i, j int) bool {
	return q[i].at < q[j].at || (q[i].at == q[j].at && q[i].seq < q[j].seq)
}
func (q happenings) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *happenings) Push(x any)   { *q = append(*q, x.(happening)) }
func (q *happenings) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

func newLAN(t testing.TB, seed uint64) *lan {
	l := &lan{t: t, rng: rand.New(rand.NewPCG(seed, 1)), now: 1}
	l.delay = func() time.Duration { return 50*time.Microsecond + time.Duration(l.rng.Int64N(100_000)) }
	return l
}

// formed gives a LAN with n hosts in one view.
func formed(t testing.TB, seed uint64, n int) *lan {
	t.Helper()
	l := newLAN(t, seed)
	for range n {
		l.add(0)
	}
	l.expectOneView(2*time.Second, "form")
	return l
}

func (l *lan) at(d time.Duration, h *lanHost, in engine.Input, do func()) {
	l.seq++
	heap.Push(&l.queue, happening{l.now.Add(d), l.seq, h, in, do})
}

func (l *lan) add(after time.Duration) *lanHost {
	i := len(l.hosts)
	h := &lanHost{lan: l, addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i / 250), byte(i%250 + 1)}), 7749)}
	h.process = views.Process{Incarnation: 1}
	h.process.Host[0], h.process.Host[1] = byte(l.rng.Uint32()), byte(i)
	h.process.Host[15] = byte(i / 256)
	h.disk, h.name = l.ring, fmt.Sprintf("h%d", i+1)
	if !l.ring.IsZero() {
		h.identity = ed25519.NewKeyFromSeed(append(h.process.Host[:], make([]byte, 16)...))
		h.process.Host = views.HostIDOf(h.identity.Public().(ed25519.PublicKey))
	}
	l.hosts = append(l.hosts, h)
	l.at(after, h, nil, func() { h.boot() })
	return h
}

func (h *lanHost) boot() {
	h.nonce = h.lan.rng.Uint64()
	at := h.addr
	if h.says.IsValid() {
		at = h.says
	}
	e, err := engine.New(engine.Config{
		Self:  views.Member{Process: h.process, Name: h.name, Addr: at, Version: "test", Attrs: h.attrs},
		Group: "g", Nonce: h.nonce, Seed: h.lan.rng.Uint64(), Multicast: !h.lan.unicast,
		PathBytes: h.lan.path, Ring: h.disk, Identity: h.identity, Random: rand.NewChaCha8([32]byte{byte(h.lan.rng.Uint32())}),
	})
	if err != nil {
		h.lan.t.Fatal(err)
	}
	h.Engine = e
	h.step(nil)
}

func (h *lanHost) step(in engine.Input) {
	if h.dead || h.Engine == nil {
		return
	}
	out := h.Step(h.lan.now, in)
	h.log = append(h.log, out.Events...)
	if h.look != nil {
		h.look(out)
	}
	if p := out.Persist; p != nil {
		h.lan.at(300*time.Microsecond, h, engine.Persisted{Token: p.Token}, nil)
	}
	if r := out.SaveRing; r != nil {
		h.lan.at(400*time.Microsecond, h, nil, func() {
			h.disk = r.Ring
			h.step(engine.RingSaved{Token: r.Token})
		})
	}
	for _, p := range out.Send {
		if h.lan.wire != nil {
			h.lan.wire(h, p)
		}
		if h.lan.meddle != nil {
			h.lan.meddle(h, engine.Packet{Scope: p.Scope, To: p.To, Frame: slices.Clone(p.Frame)})
		}
		h.lan.send(h, p)
	}
	for _, d := range out.Deliver {
		m, ok := d.(*engine.Messages)
		if !ok {
			h.delivered = append(h.delivered, d)
			continue
		}
		for i := range m.List {
			h.got = append(h.got, string(m.List[i].Payload))
			h.delivered = append(h.delivered, m.List[i])
		}
	}
	if out.Watch != nil {
		h.watched = out.Watch.Targets
	}
	if out.Stop != nil {
		h.stop, h.dead = out.Stop, true
	}
	h.arm()
}

func (h *lanHost) arm() {
	d := h.Deadline()
	if d == 0 || h.dead || (h.armed != 0 && h.armed <= d && h.armed > h.lan.now) {
		return
	}
	h.armed = max(d, h.lan.now+1)
	h.lan.at(h.armed.Sub(h.lan.now), h, nil, nil)
}

func (l *lan) send(from *lanHost, p engine.Packet) {
	if l.path > 0 && len(p.Frame) > l.path {
		l.tooLong++
		return
	}
	for _, to := range l.hosts {
		if to == from && p.Scope != engine.Direct {
			continue
		}
		if p.Scope == engine.Direct && to.addr != p.To[0] {
			continue
		}
		if p.Scope == engine.Seek && l.unicast && from.View().RankOf(to.process) >= 0 {
			continue
		}
		if p.Scope != engine.Direct && l.unheard != nil && l.unheard(from, to) {
			continue
		}
		if to.group != from.group || (l.loss > 0 && l.rng.Float64() < l.loss) {
			continue
		}
		if l.swallows != nil && l.swallows(from, to, len(p.Frame)) {
			continue
		}
		l.at(l.delay(), to, engine.Received{From: from.addr, Frame: slices.Clone(p.Frame), Multicast: p.Scope != engine.Direct && !l.unicast}, nil)
	}
}

func (l *lan) kill(h *lanHost) {
	h.dead = true
	for _, o := range l.hosts {
		for _, w := range o.watched {
			if w.Process == h.process {
				l.at(l.delay(), o, engine.Evidence{Process: h.process, Found: message.EvidenceClosed}, nil)
				l.at(3*l.delay(), o, engine.Evidence{Process: h.process, Found: message.EvidenceRefused}, nil)
			}
		}
	}
}

func (l *lan) run(d time.Duration) {
	l.until(d, func() bool { return false })
}

// until runs for d at the most, or until done.
func (l *lan) until(d time.Duration, done func() bool) time.Duration {
	start := l.now
	end := l.now.Add(d)
	for len(l.queue) > 0 && l.queue[0].at <= end {
		next := heap.Pop(&l.queue).(happening)
		l.now = next.at
		if next.do != nil {
			next.do()
		} else {
			next.host.step(next.in)
		}
		if done() {
			return l.now.Sub(start)
		}
	}
	l.now = end
	return d
}

// oneView reports whether all living hosts are in one view of exactly them.
func (l *lan) oneView() bool {
	var id views.ViewID
	alive := 0
	for _, h := range l.hosts {
		if h.dead {
			continue
		}
		alive++
		if h.Engine == nil || h.View() == nil {
			return false
		}
		if id.IsZero() {
			id = h.View().ID
		}
		if h.View().ID != id {
			return false
		}
	}
	for _, h := range l.hosts {
		if !h.dead {
			return h.View().Size() == alive
		}
	}
	return true
}

func (l *lan) describe() {
	for i, h := range l.hosts {
		if h.Engine != nil {
			l.t.Logf("host %d %s dead=%v: %s", i, h.process, h.dead, h.Describe())
		}
	}
}

func (h *lanHost) installs() int {
	n := 0
	for _, e := range h.log {
		if _, ok := e.(trace.Install); ok {
			n++
		}
	}
	return n
}

func (l *lan) expectOneView(within time.Duration, what string) time.Duration {
	l.t.Helper()
	took := l.until(within, l.oneView)
	if !l.oneView() {
		l.describe()
		l.t.Fatalf("%s: no single view after %v", what, within)
	}
	most := 0
	for _, h := range l.hosts {
		most = max(most, h.installs())
	}
	l.t.Logf("%s: %v, at most %d installs a host", what, took, most)
	return took
}

func TestLifeOfAGroup(t *testing.T) {
	l := newLAN(t, 1)
	for i := range 5 {
		l.add(time.Duration(i) * 7 * time.Millisecond)
	}
	l.expectOneView(time.Second, "five form")
	l.run(2 * time.Second)
	l.add(0)
	l.expectOneView(time.Second, "one joins")
	l.run(2 * time.Second)
	l.kill(l.hosts[2])
	l.expectOneView(time.Second, "a member is killed")
	l.run(2 * time.Second)
	v := l.hosts[0].View()
	for _, h := range l.hosts {
		if h.process == v.Members[0].Process {
			l.kill(h)
		}
	}
	l.expectOneView(time.Second, "the coordinator is killed")
	l.run(2 * time.Second)
	for i, h := range l.hosts {
		h.group = i % 2
	}
	l.run(4 * time.Second)
	l.describe()
	for _, h := range l.hosts {
		h.group = 0
	}
	l.expectOneView(2*time.Second, "two sides merge")
	l.run(2 * time.Second)
	for _, h := range l.hosts {
		if !h.dead {
			h.step(engine.Leave{})
			break
		}
	}
	l.expectOneView(time.Second, "one leaves")
}

func TestMessagesUnderLoss(t *testing.T) {
	l := newLAN(t, 2)
	for range 4 {
		l.add(0)
	}
	l.expectOneView(time.Second, "four form")
	l.loss = 0.2
	for i := range 200 {
		for n, h := range l.hosts {
			order := views.FIFO
			if i%2 == 0 {
				order = views.Agreed
			}
			h.step(engine.Submit{{Token: uint64(i), Group: "a", Order: order, Payload: fmt.Appendf(nil, "%d-%d", n, i)}})
		}
		l.run(3 * time.Millisecond)
	}
	l.run(3 * time.Second)
	for n, h := range l.hosts {
		if len(h.got) != 800 {
			t.Errorf("host %d delivered %d of 800 messages", n, len(h.got))
		}
		if h.installs() > 3 {
			t.Errorf("host %d installed %d views", n, h.installs())
		}
	}
}

func TestHundredAtOnce(t *testing.T) {
	l := newLAN(t, 3)
	for range 100 {
		l.add(time.Duration(l.rng.Int64N(int64(50 * time.Millisecond))))
	}
	l.expectOneView(3*time.Second, "hundred form")
}
