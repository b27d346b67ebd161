package tcp

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/greeting"
	"github.com/gmsd/gmsd/transport/internal/stream"
	"github.com/gmsd/gmsd/transport/transporttest"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

const patience = 20 * time.Second

func process(n byte, incarnation views.Incarnation) views.Process {
	return views.Process{Host: views.HostID{n}, Incarnation: incarnation}
}

// daemon is a transport whose frames a goroutine receives.
type daemon struct {
	*Transport
	t      *testing.T
	frames chan transport.Inbound
}

// open starts daemon n on a port of its own; change may be nil.
func open(t *testing.T, n byte, change func(*timing)) *daemon {
	t.Helper()
	times := shippedTiming()
	if change != nil {
		change(&times)
	}
	tr, err := openWith(Config{Bind: netip.MustParseAddrPort("127.0.0.1:0"), GroupHash: 7, Self: process(n, 1), Nonce: uint64(n)}, times)
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{Transport: tr, t: t, frames: make(chan transport.Inbound, 1<<16)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		batch := transporttest.NewBatch(4)
		for {
			n, err := tr.Receive(batch)
			if err != nil {
				return
			}
			for i := range batch[:n] {
				for f := range batch[i].Frames() {
					d.frames <- transport.Inbound{From: batch[i].From, Buf: bytes.Clone(f), N: len(f)}
				}
			}
		}
	}()
	t.Cleanup(func() { _ = tr.Close(); <-done })
	return d
}

func (d *daemon) next() transport.Inbound {
	d.t.Helper()
	select {
	case in := <-d.frames:
		return in
	case <-time.After(patience):
		d.t.Fatal("no frame came")
		return transport.Inbound{}
	}
}

func (d *daemon) send(to netip.AddrPort, frame string) {
	d.t.Helper()
	if err := d.Send([]byte(frame), to); err != nil {
		d.t.Fatal(err)
	}
}

// until waits for a condition over the tables.
func (d *daemon) until(what string, met func() bool) {
	d.t.Helper()
	limit := time.Now().Add(patience)
	for {
		d.mu.Lock()
		ok := met()
		d.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(limit) {
			d.t.Fatalf("in vain waited for %s", what)
		}
		runtime.Gosched()
	}
}

func (d *daemon) dropped(why transport.Drop) uint64 { return d.Stats().Dropped[why] }

func (d *daemon) await(want ...message.Evidence) {
	d.t.Helper()
	for _, w := range want {
		select {
		case e := <-d.Evidence():
			if e.Found != w {
				d.t.Fatalf("found %v, want %v", e.Found, w)
			}
		case <-time.After(patience):
			d.t.Fatalf("nothing was found, want %v", w)
		}
	}
}

// foundNothing holds those who are watched to be there, as far as was ever found.
func (d *daemon) foundNothing() {
	d.t.Helper()
	select {
	case e := <-d.Evidence():
		d.t.Errorf("found %v", e.Found)
	default:
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.watches {
		if told := w.subject.Told(); told != message.EvidenceNone {
			d.t.Errorf("found %v", told)
		}
	}
}

// handPeer is a process driven by hand, with a listener of its own.
type handPeer struct {
	t *testing.T
	l net.Listener
}

func newPeer(t *testing.T) *handPeer {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return &handPeer{t, l}
}

func (p *handPeer) addr() netip.AddrPort { return netip.MustParseAddrPort(p.l.Addr().String()) }

func (p *handPeer) greeter(who views.Process, nonce uint64) greeting.Plain {
	return greeting.Plain{Use: greeting.Frames, Group: 7, Self: greeting.Peer{Process: who, Nonce: nonce, Addr: p.addr()}}
}

// accept takes the next dial and answers as a process.
func (p *handPeer) accept(who views.Process, nonce uint64) *net.TCPConn {
	p.t.Helper()
	conn, err := p.l.Accept()
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = conn.Close() })
	if _, err := p.greeter(who, nonce).Answer(conn, func(greeting.Peer) error { return nil }); err != nil {
		p.t.Fatal(err)
	}
	if kind, _ := p.piece(conn); kind != kindKeep {
		p.t.Fatalf("a piece of kind %d came first", kind)
	}
	return conn.(*net.TCPConn)
}

// acceptLate answers the first of the dials that wait which is not given up yet.
func (p *handPeer) acceptLate(who views.Process, nonce uint64) {
	p.t.Helper()
	for {
		conn, err := p.l.Accept()
		if err != nil {
			p.t.Fatal(err)
		}
		p.t.Cleanup(func() { _ = conn.Close() })
		_, err = p.greeter(who, nonce).Answer(conn, func(greeting.Peer) error { return nil })
		if err == nil && awaitKeep(conn.(*net.TCPConn)) == nil {
			return
		}
	}
}

// dial greets a daemon as a process.
func (p *handPeer) dial(to netip.AddrPort, who views.Process, nonce uint64) *net.TCPConn {
	p.t.Helper()
	conn, err := net.Dial("tcp4", to.String())
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := p.greeter(who, nonce).Greet(conn); err != nil {
		p.t.Fatal(err)
	}
	keep := stream.Head(kindKeep, 0)
	if _, err := conn.Write(keep[:]); err != nil {
		p.t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// piece reads one.
func (p *handPeer) piece(conn net.Conn) (kind byte, body []byte) {
	p.t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	var h [stream.HeadSize]byte
	if _, err := io.ReadFull(conn, h[:]); err != nil {
		p.t.Fatal(err)
	}
	body = make([]byte, binary.BigEndian.Uint32(h[:])&0xffffff)
	if _, err := io.ReadFull(conn, body); err != nil {
		p.t.Fatal(err)
	}
	return h[0], body
}

// watched is a peer that answered as process(2, 1) with nonce 5, and its watcher.
func watched(t *testing.T, change func(*timing)) (*daemon, *handPeer, *net.TCPConn) {
	t.Helper()
	d, p := open(t, 1, change), newPeer(t)
	d.Watch([]transport.Target{{Process: process(2, 1), Addr: p.addr()}})
	conn := p.accept(process(2, 1), 5)
	d.await(message.EvidenceNone)
	return d, p, conn
}

// around is a detour that takes everything.
type around struct{ took atomic.Int64 }

func (a *around) Carry([]byte, netip.AddrPort) bool { a.took.Add(1); return true }
func (a *around) Flush()                            {}

// What goes round a link that is stalled goes by the link again once it is not: where the
// other end alone can dial, as from behind a NAT, no new one takes its place.
func TestStallIsOverBesideADetour(t *testing.T) {
	d, p := open(t, 1, nil), newPeer(t)
	conn := p.dial(d.Local(), process(2, 1), 5)
	d.until("it to be linked", func() bool { return len(d.links) == 1 })
	other := &around{}
	d.mu.Lock()
	d.detour = other
	for l := range d.links {
		l.mu.Lock()
		l.stall.stalled, l.stall.looked = true, time.Now()
		l.mu.Unlock()
	}
	d.mu.Unlock()
	d.send(p.addr(), "one")
	if other.took.Load() != 1 {
		t.Fatal("it did not go round")
	}
	came := make(chan error, 1)
	go func() {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		_, err := conn.Read(make([]byte, 1))
		came <- err
	}()
	for {
		d.send(p.addr(), "again")
		select {
		case err := <-came:
			if err != nil {
				t.Errorf("%d frames went round a link that carries: %v", other.took.Load(), err)
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestClosedThenAliveAgain(t *testing.T) {
	d, p, conn := watched(t, nil)
	_ = conn.Close()
	d.await(message.EvidenceClosed)
	p.accept(process(2, 1), 5)
	d.await(message.EvidenceNone)
}

// A reset may be of one who knows nothing of the connection, since a NAT on the way
// has forgotten whose it was: what counts is whether the next dial is answered.
func TestResetIsWhatTheNextDialFinds(t *testing.T) {
	t.Run("nothing", func(t *testing.T) {
		d, _, conn := watched(t, nil)
		_ = conn.SetLinger(0)
		_ = conn.Close()
		d.await(message.EvidenceClosed)
	})
	t.Run("nobody", func(t *testing.T) {
		d, p, conn := watched(t, nil)
		_ = p.l.Close()
		_ = conn.SetLinger(0)
		_ = conn.Close()
		if e := <-d.Evidence(); e.Found != message.EvidenceRefused {
			t.Errorf("found %v first", e.Found)
		}
	})
	t.Run("the process", func(t *testing.T) {
		d, p, conn := watched(t, nil)
		for range 3 {
			_ = conn.SetLinger(0)
			_ = conn.Close()
			conn = p.accept(process(2, 1), 5)
			d.until("it to be linked", func() bool { return len(d.links) == 1 })
		}
		select {
		case e := <-d.Evidence():
			t.Errorf("found %v of one who goes on", e.Found)
		default:
		}
	})
	t.Run("the process, which stands still", func(t *testing.T) {
		d, p, conn := watched(t, func(times *timing) { times.unanswered = time.Hour })
		_ = conn.SetLinger(0)
		_ = conn.Close()
		d.until("dials to miss", func() bool { return d.peers[p.addr()].misses >= 2 })
		p.acceptLate(process(2, 1), 5)
		d.until("it to be linked", func() bool { return len(d.links) == 1 })
		d.foundNothing()
	})
	t.Run("that there are no descriptors", func(t *testing.T) {
		d, p, conn := watched(t, func(times *timing) { times.dial = time.Minute })
		_ = conn.SetLinger(0)
		_ = conn.Close()
		d.until("the reset", func() bool { return d.peers[p.addr()].reset != nil })
		d.mu.Lock()
		d.peers[p.addr()].met = time.Now().Add(-time.Minute)
		d.mu.Unlock()
		for _, err := range []error{syscall.EMFILE, syscall.ENFILE, greeting.ErrOtherGroup} {
			d.missed(d.peers[p.addr()], time.Now(), err)
		}
		d.foundNothing()
	})
	t.Run("the process, which dials", func(t *testing.T) {
		d, p := open(t, 1, nil), newPeer(t)
		conn := p.dial(d.Local(), process(2, 1), 5)
		d.Watch([]transport.Target{{Process: process(2, 1), Addr: p.addr()}})
		d.await(message.EvidenceNone)
		_ = p.l.Close()
		_ = conn.SetLinger(0)
		_ = conn.Close()
		d.await(message.EvidenceRefused)
	})
}

func TestClosedThenRefused(t *testing.T) {
	d, p, conn := watched(t, nil)
	_ = p.l.Close()
	_ = conn.Close()
	// The queue holds the latest only.
	if e := <-d.Evidence(); e.Found == message.EvidenceClosed {
		d.await(message.EvidenceRefused)
	} else if e.Found != message.EvidenceRefused {
		t.Errorf("found %v", e.Found)
	}
}

func TestReplaced(t *testing.T) {
	for name, next := range map[string]func(*handPeer, *daemon){
		"it dials":      func(p *handPeer, d *daemon) { p.dial(d.Local(), process(2, 2), 9) },
		"we dial":       func(p *handPeer, _ *daemon) { p.accept(process(2, 2), 9) },
		"another nonce": func(p *handPeer, _ *daemon) { p.accept(process(2, 1), 6) },
	} {
		t.Run(name, func(t *testing.T) {
			d, p, conn := watched(t, nil)
			_ = conn.Close()
			d.await(message.EvidenceClosed)
			next(p, d)
			d.await(message.EvidenceReplaced)
		})
	}
}

// One who says goodbye has not ended; it is dialled again, and that is no news.
func TestGoodbyeIsNoEvidence(t *testing.T) {
	d, p, conn := watched(t, nil)
	for _, why := range []reason{reasonTie, reasonIdle, reasonEnough} {
		h := stream.Head(kindClose, 1)
		if _, err := conn.Write(append(h[:], byte(why))); err != nil {
			t.Fatal(err)
		}
		if kind, body := p.piece(conn); kind != kindClose || reason(body[0]) != reasonEcho {
			t.Fatalf("the answer is of kind %d, %v", kind, body)
		}
		_ = conn.Close()
		conn = p.accept(process(2, 1), 5)
	}
	_ = conn.Close()
	d.await(message.EvidenceClosed)
}

// One who dials and gives up before it has read the answer has not ended.
func TestGivenUpDialIsNoEvidence(t *testing.T) {
	d, p, conn := watched(t, nil)
	for range 20 {
		given, err := net.Dial("tcp4", d.Local().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = given.Write(p.greeter(process(2, 1), 5).Append(nil))
		_, _ = io.ReadFull(given, make([]byte, greeting.Size))
		_ = given.Close()
	}
	d.until("them to go", func() bool { return d.strangers.Len() == 0 })
	d.send(p.addr(), "still here")
	if _, body := p.piece(conn); string(body) != "still here" {
		t.Errorf("%q came", body)
	}
	_ = conn.Close()
	d.await(message.EvidenceClosed)
}

// A reset after a silence may be of a connection that a kernel has given up: what
// counts is what the next dial finds.
func TestStaleResetIsNoEvidence(t *testing.T) {
	d, p, conn := watched(t, func(times *timing) { times.stale = 0 })
	_ = conn.SetLinger(0)
	_ = conn.Close()
	conn = p.accept(process(2, 1), 5)
	_ = conn.Close() // not a reset
	d.await(message.EvidenceClosed)
}

// Who comes from another address than it claims proves nothing, and takes nobody's place.
func TestForeignClaim(t *testing.T) {
	d, p, conn := watched(t, nil)
	liar := greeting.Plain{Use: greeting.Frames, Group: 7, Self: greeting.Peer{Process: process(2, 2), Nonce: 1, Addr: p.addr()}}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
	other, err := dialer.Dial("tcp4", d.Local().String())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := liar.Greet(other); err == nil {
		keep := stream.Head(kindKeep, 0)
		_, _ = other.Write(keep[:])
		if _, err := other.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("a claim on another's address: %v, want its end", err)
		}
	}
	d.send(p.addr(), "for the one who is there")
	if kind, body := p.piece(conn); kind != stream.KindFrame || string(body) != "for the one who is there" {
		t.Errorf("%q came", body)
	}
	_ = conn.Close()
	d.await(message.EvidenceClosed)
}

// The address that a peer claims is where replies go, and they take its connection.
func TestRepliesTakeTheConnection(t *testing.T) {
	d, p := open(t, 1, nil), newPeer(t)
	conn := p.dial(d.Local(), process(2, 1), 5)
	h := stream.Head(stream.KindFrame, 3)
	_, _ = conn.Write(append(h[:], "ask"...))
	in := d.next()
	if in.From != p.addr() {
		t.Fatalf("came from %v, want %v", in.From, p.addr())
	}
	d.send(in.From, "answer")
	if _, body := p.piece(conn); string(body) != "answer" {
		t.Errorf("%q came", body)
	}
}

func TestGarbageEndsTheConnectionAlone(t *testing.T) {
	d, p, other := open(t, 1, nil), newPeer(t), newPeer(t)
	good := other.dial(d.Local(), process(3, 1), 5)
	for _, b := range [][]byte{{0, 1, 0, 0}, {2, 0, 0, 0}, {1, 0, 0, 2}, {0xff, 0xff, 0xff, 0xff}} {
		conn := p.dial(d.Local(), process(2, 1), 5)
		h := stream.Head(stream.KindFrame, 5)
		_, _ = conn.Write(append(append(h[:], "whole"...), b...))
		if in := d.next(); string(in.Buf) != "whole" {
			t.Fatalf("%q came", in.Buf)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Errorf("after %x: %v, want the end", b, err)
		}
	}
	if got := d.dropped(transport.DropStream); got != 4 {
		t.Errorf("counted %d, want 4", got)
	}
	h := stream.Head(stream.KindFrame, 4)
	_, _ = good.Write(append(h[:], "good"...))
	if in := d.next(); string(in.Buf) != "good" {
		t.Errorf("%q came", in.Buf)
	}
}

func TestGreetingsAreJudged(t *testing.T) {
	d, p := open(t, 1, func(times *timing) { times.greet = 50 * time.Millisecond }), newPeer(t)
	stranger := p.greeter(process(2, 1), 5)
	stranger.Group = 8
	tether := p.greeter(process(2, 1), 5)
	tether.Use = greeting.Tether
	nowhere := p.greeter(process(2, 1), 5)
	nowhere.Self.Addr = netip.AddrPort{}
	told := func(code views.RefuseCode) string { return string(rune(code)) }
	for b, want := range map[string]string{
		string(stranger.Append(nil)): told(views.RefuseGroup), string(tether.Append(nil)): told(views.RefuseTransport),
		string(nowhere.Append(nil)): "", string(make([]byte, greeting.Size)): "", string(make([]byte, 5)): "",
	} {
		conn, err := net.Dial("tcp4", d.Local().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, b)
		if said, _ := io.ReadAll(conn); string(said) != want {
			t.Errorf("%q was told %q, want %q", b, said, want)
		}
		_ = conn.Close()
	}
	d.until("the counts", func() bool {
		return d.dropped(transport.DropGreetingGroup) == 1 && d.dropped(transport.DropGreeting) == 4
	})
}

func TestStrangersAreBounded(t *testing.T) {
	d := open(t, 1, nil)
	var first net.Conn
	for range strangersMax + 1 {
		conn, err := net.Dial("tcp4", d.Local().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if first == nil {
			first = conn
		}
	}
	_ = first.SetReadDeadline(time.Now().Add(patience))
	if n, err := first.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("one stranger too many was let in, and the first one kept")
	}
	d.until("the count", func() bool { return d.dropped(transport.DropConnections) == 1 && d.strangers.Len() == strangersMax })
}

// Whatever number of callers says nothing: who greets from another address is let in.
func TestSilentCallersKeepNobodyOut(t *testing.T) {
	d, p := open(t, 1, nil), newPeer(t)
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
	member, err := from.Dial("tcp4", d.Local().String())
	if err != nil {
		t.Fatal(err)
	}
	defer member.Close()
	for range 3 * strangersMax {
		conn, err := net.Dial("tcp4", d.Local().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	_, _ = member.Write(p.greeter(process(2, 1), 5).Append(nil))
	_ = member.SetDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(member, make([]byte, greeting.Size)); err != nil {
		t.Errorf("it is kept out: %v", err)
	}
}

func TestConnectionsOfAHostAreBounded(t *testing.T) {
	d, p := open(t, 1, nil), newPeer(t)
	for i := range 3 * perHostMax {
		p.dial(d.Local(), process(2, views.Incarnation(i+1)), 1)
		d.until("the connection", func() bool {
			_, ok := d.pairs[pairKey{process(2, views.Incarnation(i+1)), 1}]
			return ok
		})
		d.until("room", func() bool { return d.hosts[process(2, 1).Host] <= perHostMax })
	}
}

// Whom the detour has lost is to be asked where no connection leads there, if he is
// watched; what a kernel says counts for more.
func TestDetourLost(t *testing.T) {
	a, b := open(t, 1, nil), open(t, 2, nil)
	nowhere := netip.MustParseAddrPort("127.0.0.1:9")
	reached, lost := process(2, 1), process(3, 1)
	a.Watch([]transport.Target{{Process: reached, Addr: b.Local()}, {Process: lost, Addr: nowhere}})
	a.await(message.EvidenceNone)
	for _, p := range []views.Process{reached, process(9, 1), lost} {
		a.DetourLost(p)
	}
	select {
	case e := <-a.Evidence():
		if e.Process != lost || e.Found != message.EvidenceSilent {
			t.Errorf("%+v", e)
		}
	case <-time.After(patience):
		t.Fatal("nobody is to be asked")
	}
	a.foundNothing()
}
