package gossip

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/transport/internal/stream"
	"github.com/gmsd/gmsd/transport/transporttest"
	"github.com/gmsd/gmsd/views"
)

// Who only asks whether a router is here is told, and enters nothing.
func TestAskedWhetherItIsARouter(t *testing.T) {
	s := start(t, transporttest.LoopbackNet(t)(0), shippedTiming(), "127.0.0.1:1") // routers may come from there
	c := newClient(t, helloOf(0, 1, 1), transporttest.Identity(0))
	c.dial(s)
	if !relay.AsksRouter(c.conn) {
		t.Error("it does not say so")
	}
	if f := s.Figures(); f.Here != 0 || f.Registered != 0 {
		t.Errorf("figures %+v", f)
	}
}

// Members of a group learn of each other and send to each other; those of another group
// do neither.
func TestRegisterAndRelay(t *testing.T) {
	s := start(t, transporttest.LoopbackNet(t)(0), shippedTiming())
	a := enroll(t, s, 0, 1)
	b := enroll(t, s, 1, 1)
	a.hears(b.hello.Member.Life(), true)
	b.hears(a.hello.Member.Life(), true)
	other := newClient(t, helloOf(2, 1, 1), transporttest.Identity(2))
	other.hello.Member.Group = 2
	if err := other.enter(s); err != nil {
		t.Fatal(err)
	}
	other.send("from outside", a)
	other.write(relay.KindPing, nil, []byte("12345678"))
	other.until("a pong", func(kind byte, body []byte) bool {
		if kind == relay.KindEntries {
			_ = relay.EachEntry(body, func(e *relay.Entry) {
				if e.Host != other.hello.Member.Host {
					t.Errorf("one of another group is told of %v", e.Process)
				}
			})
		}
		return kind == relay.KindPong && string(body) == "12345678"
	})
	b.send("one for both", a, b, a, a)
	b.send("the next", a)
	a.gets("one for both", b)
	a.until("the next frame", func(kind byte, body []byte) bool {
		if kind == stream.KindFrame && !bytes.HasSuffix(body, []byte("the next")) {
			t.Errorf("one who was named three times was given %q again", body)
		}
		return bytes.HasSuffix(body, []byte("the next"))
	})
	a.write(relay.KindBye, nil, nil)
	a.ends()
	b.hears(a.hello.Member.Life(), false)
	if f := s.Figures(); f.Here != 2 || f.Unknown != 1 || f.Registered != 3 {
		t.Errorf("figures %+v", f)
	}
}

// Who lacks the key of a host does not register as it, and the real one stays.
func TestStolenName(t *testing.T) {
	s := start(t, transporttest.LoopbackNet(t)(0), shippedTiming())
	a, b := enroll(t, s, 0, 1), enroll(t, s, 1, 1)
	thief := newClient(t, helloOf(0, 9, 9), transporttest.Identity(5))
	if err := thief.enter(s); !errors.Is(err, relay.RefusedProof) {
		t.Fatalf("the thief: %v", err)
	}
	own := newClient(t, helloOf(5, 1, 1), transporttest.Identity(5))
	own.hello.Member.Addr = a.hello.Member.Addr // its address, as itself
	if err := own.enter(s); err != nil {
		t.Fatal(err)
	}
	b.send("for the real one", a)
	a.gets("for the real one", b)
	if f := s.Figures(); f.Refused["proof"] != 1 {
		t.Errorf("refused: %v", f.Refused)
	}
}

// Lives of one host stand side by side, each gets what is for the host; the oldest of
// too many goes.
func TestLivesOfAHost(t *testing.T) {
	s := start(t, transporttest.LoopbackNet(t)(0), shippedTiming())
	b := enroll(t, s, 1, 1)
	var lives []*client
	for n := range livesMax {
		lives = append(lives, enroll(t, s, 0, views.Incarnation(n+1)))
	}
	b.send("for all of them", lives[0])
	for _, l := range lives {
		l.gets("for all of them", b)
	}
	newest := enroll(t, s, 0, livesMax+1)
	lives[0].ends()
	b.hears(lives[0].hello.Member.Life(), false)
	b.send("for those that are left", newest)
	for _, l := range append(lives[1:], newest) {
		l.gets("for those that are left", b)
	}
}

// A new connection of a life serves while the old one has not been missed.
func TestSecondConnection(t *testing.T) {
	s := start(t, transporttest.LoopbackNet(t)(0), shippedTiming())
	b := enroll(t, s, 1, 1)
	first := enroll(t, s, 0, 1)
	second := enroll(t, s, 0, 1)
	_ = first.conn.Close()
	b.send("to the second", second)
	second.gets("to the second", b)
	third, fourth := enroll(t, s, 0, 1), enroll(t, s, 0, 1)
	second.ends() // two are enough
	b.send("to both", fourth)
	third.gets("to both", b)
	fourth.gets("to both", b)
}

// A registration without a sign of life ends by the router's own clock.
func TestLease(t *testing.T) {
	s := start(t, transporttest.LoopbackNet(t)(0), quick())
	silent, b := enroll(t, s, 0, 1), enroll(t, s, 1, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.hears(silent.hello.Member.Life(), false)
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			b.write(relay.KindPing, nil, make([]byte, 8))
			continue
		case <-done:
		}
		break
	}
	silent.ends()
	if f := s.Figures(); f.Expired != 1 || f.Here != 1 {
		t.Errorf("figures %+v", f)
	}
}

// One broken piece closes the connection that it came on, and nothing else.
func TestBrokenPieces(t *testing.T) {
	s := start(t, transporttest.LoopbackNet(t)(0), shippedTiming())
	a, b := enroll(t, s, 0, 1), enroll(t, s, 1, 1)
	random := rand.New(rand.NewPCG(1, 2))
	broken := [][]byte{
		{9, 0, 0, 0},
		{0, 255, 255, 255},
		{0, 0, 0, 6, 0, 0, 0, 0, 0, 0},
		{0, 0, 0, 7, 2, 0, 0, 0, 0, 0, 0},
		{relay.KindEntries, 0, 0, 1, 0},
		{relay.KindWelcome, 0, 0, 2, 0, 0},
	}
	for range 40 {
		b := make([]byte, 40)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		b[0] |= 0x10 // no kind
		broken = append(broken, b)
	}
	for i, what := range broken {
		c := enroll(t, s, 2, views.Incarnation(i+1))
		if _, err := c.conn.Write(what); err != nil {
			t.Fatal(err)
		}
		c.ends()
	}
	a.send("still here", b)
	b.gets("still here", a)
	if f := s.Figures(); f.Broken != uint64(len(broken)) || f.Here != 2 {
		t.Errorf("%d broken, %d registered", f.Broken, f.Here)
	}
}

// A member that reads nothing loses its oldest frames, and holds up nobody.
func TestSlowMember(t *testing.T) {
	s := start(t, transporttest.LoopbackNet(t)(0), shippedTiming())
	a, b, slow := enroll(t, s, 0, 1), enroll(t, s, 1, 1), enroll(t, s, 2, 1)
	long := string(make([]byte, 60_000))
	for k := 0; s.Figures().Shed == 0; k++ {
		if k == 2000 {
			t.Fatal("120 MB were taken for one who reads nothing")
		}
		a.send(long, slow)
		if k%50 == 0 {
			a.send("meanwhile", b)
			b.gets("meanwhile", a)
		}
		if q := s.Figures().QueuedBytes; q > queueMax {
			t.Fatalf("%d bytes are queued", q)
		}
	}
	a.send("the last", slow, b)
	b.gets("the last", a)
	slow.gets("the last", a)
}

// Strangers who say nothing are few and soon gone; who is registered minds nothing.
func TestStrangers(t *testing.T) {
	times := shippedTiming()
	times.greet = 300 * time.Millisecond
	s := start(t, transporttest.LoopbackNet(t)(0), times)
	a, b := enroll(t, s, 0, 1), enroll(t, s, 1, 1)
	var idle []*client
	for range 2 * strangersMax {
		c := newClient(t, relay.Hello{}, nil)
		c.dial(s)
		idle = append(idle, c)
	}
	for _, c := range idle {
		c.ends()
	}
	garbage := newClient(t, relay.Hello{}, nil)
	garbage.dial(s)
	_, _ = garbage.conn.Write(make([]byte, relay.HelloSize))
	if n, _ := io.Copy(io.Discard, garbage.conn); n != 0 {
		t.Errorf("garbage is answered by %d bytes", n)
	}
	a.send("still here", b)
	b.gets("still here", a)
	before := s.Figures()
	if before.StrangersFull == 0 || before.Greetings == 0 {
		t.Errorf("figures %+v", before)
	}
	cut := newClient(t, helloOf(3, 1, 1), nil)
	cut.dial(s)
	first := cut.hello.Bytes()
	_, _ = cut.conn.Write(first[:])
	_ = cut.conn.(*net.TCPConn).CloseWrite() // it was to prove who it is
	_, _ = io.Copy(io.Discard, cut.conn)
	if f := s.Figures(); f.Greetings != before.Greetings+1 {
		t.Errorf("figures %+v", f)
	}
}

// Whatever number of callers says nothing: who greets from another address is let in.
func TestSilentCallersKeepNobodyOut(t *testing.T) {
	s := start(t, transporttest.LoopbackNet(t)(0), shippedTiming())
	member := newClient(t, helloOf(0, 1, 1), transporttest.Identity(0))
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: s.Local().Addr().Next().AsSlice()}}
	conn, err := from.Dial("tcp4", s.Local().String())
	if err != nil {
		t.Fatal(err)
	}
	member.conn = conn
	var idle []*client
	for range 3 * strangersMax {
		c := newClient(t, relay.Hello{}, nil)
		c.dial(s)
		idle = append(idle, c)
	}
	idle[0].ends()
	if err := member.register(); err != nil {
		t.Errorf("it is kept out: %v", err)
	}
}

// A group has a bound, of which other groups and later lives of its hosts take nothing;
// rates have one for each address.
func TestBounds(t *testing.T) {
	r := registry{groups: map[uint64]*group{}}
	fill := func(group uint64, n int) {
		for i := range n {
			m := relay.Member{Group: group, Process: views.Process{Host: views.HostID{1, byte(i >> 8), byte(i), byte(group)}, Incarnation: 1}}
			if _, l, _ := r.find(&m); l == nil {
				t.Fatalf("host %d of group %d has no room", i, group)
			}
		}
	}
	fill(1, GroupMax)
	stranger := relay.Member{Group: 1, Process: views.Process{Host: views.HostID{9}, Incarnation: 1}}
	if got := r.room(&stranger); got != relay.RefusedGroupFull {
		t.Errorf("one more: %v", got)
	}
	if _, l, _ := r.find(&stranger); l != nil {
		t.Error("one more is taken")
	}
	fill(2, GroupMax)
	fill(3, GroupMax)
	fill(4, GroupMax)
	stranger.Group = 5
	if got := r.room(&stranger); got != relay.RefusedFull || r.held != MembersMax {
		t.Errorf("%d are held, one more: %v", r.held, got)
	}
	if got := r.room(&relay.Member{Group: 4, Process: views.Process{Host: views.HostID{1, 0, 0, 4}, Incarnation: 1}}); got != 0 {
		t.Errorf("one of them, which connects anew: %v", got)
	}
	for _, g := range r.groups {
		for _, l := range g.lives {
			r.remove(g, l)
		}
	}
	if r.held != 0 || len(r.groups) != 0 {
		t.Errorf("%d are held in %d groups at the end", r.held, len(r.groups))
	}

	var rate rates
	rate.sources = map[netip.Addr]*bucket{}
	now, flood := time.Unix(1000, 0), netip.MustParseAddr("10.0.0.1")
	passed := 0
	for range 10_000 {
		if rate.take(flood, now) {
			passed++
		}
	}
	if passed != 2*rateSource || !rate.take(netip.MustParseAddr("10.0.0.2"), now) {
		t.Errorf("%d of a flood pass, want %d, and others as well", passed, 2*rateSource)
	}
	if !rate.take(flood, now.Add(time.Second)) {
		t.Error("a second later it is still refused")
	}
}

// connected waits until routers know each other.
func connected(t *testing.T, servers ...*Server) {
	t.Helper()
	eventually(t, "routers to know each other", func() bool { return all(servers) })
}

// eventually waits for what there is nothing to be told by: it looks again and again.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	late, again := time.NewTimer(transporttest.Patience), time.NewTicker(time.Millisecond)
	defer late.Stop()
	defer again.Stop()
	for !is() {
		select {
		case <-again.C:
		case <-late.C:
			t.Fatalf("waited for %s in vain", what)
		}
	}
}

func all(servers []*Server) bool {
	for _, s := range servers {
		n := 0
		for _, r := range s.Routers() {
			if r.Connected {
				n++
			}
		}
		if n < len(servers)-1 {
			return false
		}
	}
	return true
}

// A mesh carries what is for members of another router, one hop, tells who is there, and
// drops after its lease what a lost router held.
func TestMesh(t *testing.T) {
	net := transporttest.LoopbackNet(t)
	var routers []*Server
	for i := range 3 {
		var names []string
		for k := range 3 {
			at := net(k)
			if k > i {
				at = netip.AddrPortFrom(at.Addr(), 1) // it dials us: where two dial each other, a frame may go with the connection that gives way
			}
			names = append(names, at.String()) // itself among them
		}
		routers = append(routers, start(t, net(i), quick(), names...))
	}
	connected(t, routers...)
	alive := make(chan struct{})
	defer close(alive)
	a, b := enroll(t, routers[0], 0, 1), enroll(t, routers[1], 1, 1)
	for _, c := range []*client{a, b} {
		go c.pings(alive)
	}
	if via := a.hears(b.hello.Member.Life(), true); via != routers[1].id {
		t.Errorf("b is said to be at %x", via[:4])
	}
	b.hears(a.hello.Member.Life(), true)
	a.send("through two", b)
	b.gets("through two", a)
	if f := routers[0].Figures(); f.Forwarded != 1 || f.Here != 1 || f.Held != 2 {
		t.Errorf("figures %+v", f)
	}
	eventually(t, "the third to know of both", func() bool { return routers[2].Figures().Held == 2 })
	if n := routers[2].Figures().Relayed; n != 0 {
		t.Errorf("the third relayed %d", n)
	}
	// b registers at the first as well: nothing is forwarded any more.
	near := enroll(t, routers[0], 1, 1)
	go near.pings(alive)
	if via := a.hears(near.hello.Member.Life(), true); via != routers[0].id {
		t.Errorf("b is said to be at %x though it is here", via[:4])
	}
	a.send("through one", near)
	near.gets("through one", a)
	near.write(relay.KindBye, nil, nil)
	near.ends()
	if via := a.hears(b.hello.Member.Life(), true); via != routers[1].id {
		t.Errorf("b is said to be at %x again", via[:4])
	}
	if err := routers[1].Close(); err != nil {
		t.Fatal(err)
	}
	a.hears(b.hello.Member.Life(), false)
	if f := routers[0].Figures(); f.Held != 1 {
		t.Errorf("%d are held after the lease", f.Held)
	}
}

// pings keeps a registration alive.
func (c *client) pings(until <-chan struct{}) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	h := stream.Head(relay.KindPing, 8)
	for {
		select {
		case <-tick.C:
			if _, err := c.conn.Write(append(h[:], make([]byte, 8)...)); err != nil {
				return
			}
		case <-until:
			return
		}
	}
}

// A name that means this router now may mean another one later, or its other addresses do;
// an address never does.
func TestItsOwnNameIsAskedAgain(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort(l.Addr().String())
	_ = l.Close()
	s := start(t, at, quick(), fmt.Sprintf("localhost:%d", at.Port()))
	for over := time.Now().Add(transporttest.Patience); s.Figures().Refused["self"] < 3; runtime.Gosched() {
		if time.Now().After(over) {
			t.Fatalf("it asked itself %d times", s.Figures().Refused["self"])
		}
	}
	if r := s.Routers(); len(r) != 1 || !r[0].Self || r[0].Trouble != "" {
		t.Errorf("%+v", r)
	}
}

// Who is not configured is no router.
func TestStrangeRouter(t *testing.T) {
	at := transporttest.LoopbackNet(t)
	s := start(t, at(0), shippedTiming())
	conn, err := (&net.Dialer{}).Dial("tcp4", s.Local().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	h := relay.Hello{Use: relay.UseRouter, Router: relay.Number{1}}
	first := h.Bytes()
	if _, err := conn.Write(first[:]); err != nil {
		t.Fatal(err)
	}
	var answer [relay.ChallengeSize]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		t.Fatal(err)
	}
	if c, err := relay.ParseChallenge(answer); err != nil || c.Refusal != relay.RefusedStranger {
		t.Errorf("%v, %v", c.Refusal, err)
	}
}
