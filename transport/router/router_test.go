package router

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/transport/internal/stream"
	"github.com/gmsd/gmsd/transport/tcp"
	"github.com/gmsd/gmsd/transport/transporttest"
	"github.com/gmsd/gmsd/views/message"
)

// host is a member that receives.
type host struct {
	*Transport
	f      *field
	frames chan string
}

// host opens member i of the field.
func (f *field) host(i int) *host {
	f.Helper()
	h := &host{Transport: f.member(i, transporttest.Process(i, 1), uint64(i)+1), f: f, frames: make(chan string, 4096)}
	go h.receive()
	return h
}

func (h *host) receive() {
	batch := transporttest.NewBatch(4)
	for {
		n, err := h.Receive(batch)
		if err != nil {
			close(h.frames)
			return
		}
		for i := range batch[:n] {
			for frame := range batch[i].Frames() {
				h.frames <- string(bytes.Clone(frame))
			}
		}
	}
}

func (h *host) send(text string, to netip.AddrPort) {
	h.f.Helper()
	if err := h.Send([]byte(text), to); err != nil {
		h.f.Fatal(err)
	}
}

// gets waits for a frame and wants no other before, but for repetitions of old ones.
func (h *host) gets(want string, old ...string) {
	h.f.Helper()
	late := time.After(transporttest.Patience)
	for {
		select {
		case got := <-h.frames:
			if got == want {
				return
			}
			if !strings.Contains(strings.Join(old, " "), got) {
				h.f.Errorf("got %q, want %q", got, want)
			}
		case <-late:
			h.f.Fatalf("%q did not come", want)
		}
	}
}

// settled opens members that know of each other at all routers.
func (f *field) settled(n int) []*host {
	f.Helper()
	var hosts []*host
	for i := range n {
		hosts = append(hosts, f.host(i))
	}
	f.until("all members to know of each other", f.known)
	return hosts
}

// Where members reach each other nothing goes through a router once they are connected.
func TestDirectIsPreferred(t *testing.T) {
	f := newField(t, 1, false)
	h := f.settled(2)
	h[0].send("first", h[1].Local())
	h[1].gets("first")
	for h[0].direct.Reached()[h[1].self.Member.Host] == false {
		h[0].send("again", h[1].Local())
		h[1].gets("again")
	}
	before := f.routers[0].Figures().Relayed
	for range 100 {
		h[0].send("direct", h[1].Local())
		h[1].gets("direct", "again")
	}
	if after := f.routers[0].Figures().Relayed; after != before {
		t.Errorf("%d of 100 frames went through the router", after-before)
	}
}

// A frame for many who are relayed goes to the router once.
func TestOneFrameForMany(t *testing.T) {
	f := newField(t, 1, true)
	h := f.settled(5)
	var to []netip.AddrPort
	for _, o := range h[1:] {
		to = append(to, o.Local())
	}
	h[0].mu.Lock()
	w := h[0].lines[0].up
	h[0].mu.Unlock()
	frame := []byte("for all of you")
	for _, a := range to {
		if !h[0].Carry(frame, a) {
			t.Fatalf("no way to %v", a)
		}
	}
	if len(w.batch) != 1 {
		t.Errorf("it goes %d times", len(w.batch))
	}
	h[0].Flush()
	for _, o := range h[1:] {
		o.gets("for all of you")
	}
}

// What is sent before its target is registered waits, and what was sought a moment ago
// reaches who registers then.
func TestWhoRegistersLater(t *testing.T) {
	f := newField(t, 2, true)
	a := f.settled(1)[0]
	later := f.net(201) // where host 1 will say that it is
	a.send("early", later)
	if err := a.Seek([]byte("sought")); err != nil {
		t.Fatal(err)
	}
	b := f.host(1)
	got := map[string]bool{}
	for !got["early"] || !got["sought"] {
		select {
		case text := <-b.frames:
			got[text] = true
		case <-time.After(transporttest.Patience):
			t.Fatalf("only %v came", got)
		}
	}
}

// A frame for an address that several claim goes to the one that is watched there, else
// to all.
func TestOneAddressTwoClaims(t *testing.T) {
	f := newField(t, 1, true)
	a := f.settled(1)[0]
	shared := f.net(250)
	var two []*host
	for i := 1; i <= 2; i++ {
		tr, err := openWith(Config{
			Direct:  tcp.Config{Bind: f.net(i), Advertise: shared, GroupHash: 1, Self: transporttest.Process(i, 1), Nonce: 1},
			Routers: f.at, Identity: transporttest.Identity(i),
		}, f.times)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = tr.Close() })
		h := &host{Transport: tr, f: f, frames: make(chan string, 100)}
		go h.receive()
		two = append(two, h)
	}
	f.until("both to be known", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.lines[0].up != nil && len(a.lines[0].up.at[shared]) == 2
	})
	a.send("for whoever it is", shared)
	two[0].gets("for whoever it is")
	two[1].gets("for whoever it is")
	a.Watch([]transport.Target{{Process: transporttest.Process(2, 1), Addr: shared}})
	a.send("for the second", shared)
	two[1].gets("for the second")
	a.Watch(nil)
	a.send("for both again", shared)
	two[0].gets("for both again")
	two[1].gets("for both again")
}

// A router that ends is told of, and its members go on by another; they register again
// when it is back.
func TestRouterLostAndBack(t *testing.T) {
	f := newField(t, 2, true)
	h := f.settled(2)
	if err := f.routers[0].Close(); err != nil {
		t.Fatal(err)
	}
	f.until("it to be lost", func() bool { return !h[0].Routers()[0].Connected && !h[1].Routers()[0].Connected })
	if s := h[0].Routers(); s[0].Trouble == "" || s[0].Router != f.at[0] || !s[1].Connected || s[1].Members != 1 || s[1].Trouble != "" {
		t.Errorf("status %+v", s)
	}
	h[0].send("by the other", h[1].Local())
	h[1].gets("by the other")
	f.startRouter(0)
	f.until("them to be back", f.known)
}

// watches has the first of some hosts watch the others.
func watches(h []*host) {
	var targets []transport.Target
	for _, o := range h[1:] {
		targets = append(targets, transport.Target{Process: o.self.Member.Process, Addr: o.Local()})
	}
	h[0].Watch(targets)
}

// asks closes a host, and wants the other to be told to ask it, and nobody before.
func (h *host) asks(o *host) {
	h.f.Helper()
	if err := o.Close(); err != nil {
		h.f.Fatal(err)
	}
	select {
	case e := <-h.Evidence():
		if e.Process != o.self.Member.Process || e.Found != message.EvidenceSilent {
			h.f.Errorf("%+v, want %s to be asked", e, o.self.Member.Process)
		}
	case <-time.After(transporttest.Patience):
		h.f.Fatal("nobody is to be asked")
	}
}

// Whom no router has any more, and no connection leads to, is to be asked; not whom one of
// two has lost.
func TestLostByAllRouters(t *testing.T) {
	f := newField(t, 2, true)
	h := f.settled(3)
	watches(h)
	one := h[1]
	one.mu.Lock()
	w := one.lines[0].up
	one.mu.Unlock()
	w.out.Say(stream.Piece{Kind: relay.KindBye})
	f.until("it to have registered anew", func() bool {
		one.mu.Lock()
		defer one.mu.Unlock()
		return one.lines[0].up != nil && one.lines[0].up != w
	})
	h[0].asks(h[2])
	h[0].asks(one)
}

// A router that ends has lost nobody.
func TestRouterThatEndsLosesNobody(t *testing.T) {
	f := newField(t, 1, true)
	h := f.settled(4)
	watches(h)
	if err := f.routers[0].Close(); err != nil {
		t.Fatal(err)
	}
	f.until("it to be lost", func() bool { return !h[0].Routers()[0].Connected })
	f.startRouter(0)
	f.until("all to be back", f.known)
	h[0].asks(h[3])
}

// Somebody else's key registers nobody, and says so.
func TestWrongIdentity(t *testing.T) {
	f := newField(t, 1, true)
	tr, err := openWith(Config{
		Direct:  tcp.Config{Bind: f.net(0), GroupHash: 1, Self: transporttest.Process(0, 1), Nonce: 1},
		Routers: f.at, Identity: transporttest.Identity(1),
		Found: func([]netip.AddrPort, string) { f.news <- struct{}{} },
	}, f.times)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	f.until("the refusal", func() bool { return strings.Contains(tr.Routers()[0].Trouble, "not that of the host's key") })
	go func() { // so that nobody who tells is held up
		for range f.news {
		}
	}()
}

// fake is a router that does what a test says once somebody has registered.
type fake struct {
	l    net.Listener
	then func(conn net.Conn)
}

func newFake(t *testing.T, at netip.AddrPort, then func(conn net.Conn)) *fake {
	l, err := net.Listen("tcp4", at.String())
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{l: l, then: then}
	go f.serve()
	t.Cleanup(func() { _ = l.Close() })
	return f
}

func (f *fake) serve() {
	for {
		conn, err := f.l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			var hello [relay.HelloSize + ed25519.SignatureSize]byte
			c := relay.Challenge{Router: relay.Number{9}}
			answer := c.Bytes()
			if _, err := io.ReadFull(conn, hello[:relay.HelloSize]); err != nil {
				return
			}
			_, _ = conn.Write(answer[:])
			if _, err := io.ReadFull(conn, hello[relay.HelloSize:]); err != nil {
				return
			}
			write(conn, relay.Welcome(10*time.Second))
			f.then(conn)
		}()
	}
}

func write(conn net.Conn, p stream.Piece) {
	h := stream.Head(p.Kind, p.Len())
	_, _ = conn.Write(append(append(h[:], p.Prefix...), p.Body...))
}

// entryOf registers host i of a field at a fake.
func entryOf(f *field, i int) stream.Piece {
	e := relay.Entry{Via: relay.Number{9}, Member: relay.Member{
		Group: 1, Process: transporttest.Process(i, 1), Nonce: uint64(i) + 1, Addr: f.net(i + 200),
	}}
	return stream.Piece{Kind: relay.KindEntries, Body: relay.AppendEntry(nil, &e)}
}

// A router that takes all and answers nothing is gone round, and then given up.
func TestSilentRouter(t *testing.T) {
	f := newField(t, 1, true)
	silent := f.net(150)
	newFake(t, silent, func(conn net.Conn) {
		write(conn, entryOf(f, 1))
		_, _ = io.Copy(io.Discard, conn)
	})
	f.at = append([]string{silent.String()}, f.at...)
	a, b := f.host(0), f.host(1)
	f.until("both routers to name b", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, l := range a.lines {
			if l.up == nil || len(l.up.at[b.Local()]) == 0 {
				return false
			}
		}
		return true
	})
	began := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for got := false; !got; {
		a.send("is anybody there", b.Local())
		select {
		case <-b.frames:
			got = true
		case <-tick.C:
		}
		if time.Since(began) > transporttest.Patience {
			t.Fatal("no frame went round it")
		}
	}
	t.Logf("gone round after %s", time.Since(began))
	f.until("it to be given up", func() bool { return !a.Routers()[0].Connected })
	if s := a.Routers()[0]; !strings.Contains(s.Trouble, "answers nothing") {
		t.Errorf("trouble: %q", s.Trouble)
	}
}

// What is no piece ends the connection that it came on; too many entries are not kept.
func TestBrokenRouter(t *testing.T) {
	f := newField(t, 1, true)
	bad, many := f.net(150), f.net(151)
	newFake(t, bad, func(conn net.Conn) { _, _ = conn.Write([]byte{77, 1, 2, 3, 4, 5}) })
	newFake(t, many, func(conn net.Conn) {
		for i := range 3 * entriesMax {
			e := relay.Entry{Member: relay.Member{Group: 1, Process: transporttest.Process(1, 1), Nonce: uint64(i), Addr: f.net(3)}}
			binary.BigEndian.PutUint32(e.Host[:], uint32(i))
			write(conn, stream.Piece{Kind: relay.KindEntries, Body: relay.AppendEntry(nil, &e)})
		}
		write(conn, stream.Piece{Kind: relay.KindSynced})
		_, _ = io.Copy(io.Discard, conn)
	})
	f.at = append(f.at, bad.String(), many.String())
	a := f.host(0)
	f.until("the many to be read", func() bool { return a.Routers()[2].Members == entriesMax })
	f.until("the broken one to be told of", func() bool { return a.Stats().Dropped[transport.DropStream] > 0 })
	if s := a.Routers()[0]; !s.Connected {
		t.Errorf("the good one: %+v", s)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, routers := range [][]string{nil, {"a"}, {"a:0"}, make([]string, RoutersMax+1)} {
		if tr, err := Open(Config{Routers: routers, Identity: transporttest.Identity(0)}); err == nil {
			_ = tr.Close()
			t.Errorf("%v is taken", routers)
		}
	}
}

// A router that was asked and does not answer is doubted and then given up, unless it is
// we who did not run.
func TestOwnPauseIsExcused(t *testing.T) {
	now := time.Now()
	w := &wire{line: &line{t: &Transport{times: shippedTiming()}}, begun: now}
	w.asked.Store(w.mark(now.Add(time.Millisecond)))
	if again, alive := w.look(now.Add(400 * time.Millisecond)); !alive || again > time.Second || !w.doubtful(now.Add(400*time.Millisecond)) {
		t.Errorf("after 400 ms: alive %t, again in %s", alive, again)
	}
	late := now.Add(5 * time.Second)
	if _, alive := w.look(late); alive {
		t.Error("after 5 s it is not given up")
	}
	w.excuse(late)
	if _, alive := w.look(late.Add(time.Millisecond)); !alive || w.doubtful(late.Add(time.Millisecond)) {
		t.Error("it is given up for our own pause")
	}
	if _, alive := w.look(late.Add(2 * time.Second)); alive {
		t.Error("it is never given up")
	}
}
