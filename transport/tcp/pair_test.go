package tcp

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/stream"
	"github.com/gmsd/gmsd/views/message"
)

// ends gives the two addresses of the one link that a daemon has, lower first;
// nothing where it has none or several.
func (d *daemon) ends() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.links) != 1 {
		return ""
	}
	for l := range d.links {
		a, b := l.conn.LocalAddr().String(), l.conn.RemoteAddr().String()
		return min(a, b) + " " + max(a, b)
	}
	return ""
}

// Both dial at once, many times: one connection stays, the same for both, all frames
// come, and nobody is found to be anything but there.
func TestBothDialAtOnce(t *testing.T) {
	const each = 20
	ties := 0
	for round := range 60 {
		a, b := open(t, 1, nil), open(t, 2, nil)
		pair := [2]*daemon{a, b}
		var wg sync.WaitGroup
		for i, d := range pair {
			other := pair[1-i]
			wg.Go(func() {
				d.Watch([]transport.Target{{Process: other.self.Process, Addr: other.Local()}})
				for k := range each {
					d.send(other.Local(), fmt.Sprint(k))
				}
			})
		}
		wg.Wait()
		for i, d := range pair {
			got := map[string]bool{}
			for range each {
				in := d.next()
				if in.From != pair[1-i].Local() {
					t.Fatalf("a frame from %v", in.From)
				}
				got[string(in.Buf)] = true
			}
			if len(got) != each {
				t.Fatalf("round %d: %d different frames, want %d", round, len(got), each)
			}
			d.await(message.EvidenceNone)
		}
		a.mu.Lock()
		if len(a.links) > 1 {
			ties++
		}
		a.mu.Unlock()
		for limit := time.Now().Add(patience); a.ends() == "" || a.ends() != b.ends(); runtime.Gosched() {
			if time.Now().After(limit) {
				t.Fatalf("round %d: one has %q, the other %q", round, a.ends(), b.ends())
			}
		}
		_ = a.Close()
		for e := range b.Evidence() { // a dial that was under way may have been answered still
			if e.Found == message.EvidenceRefused {
				break
			}
		}
		_ = b.Close()
	}
	t.Logf("%d of 60 rounds were seen to have two links", ties)
}

// One who has lost its end without a word dials anew, and is served there, whoever
// of the two is the lower one.
func TestNewerConnectionServes(t *testing.T) {
	for _, n := range []byte{1, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			d, p := open(t, n, func(times *timing) { times.linger = 50 * time.Millisecond }), newPeer(t)
			old := p.dial(d.Local(), process(2, 1), 5)
			d.until("the first", func() bool { return len(d.links) == 1 })
			now := p.dial(d.Local(), process(2, 1), 5)
			d.until("the second", func() bool {
				l := d.peers[p.addr()].link()
				return l != nil && l.conn.RemoteAddr().String() == now.LocalAddr().String()
			})
			d.send(p.addr(), "here")
			if kind, body := p.piece(now); kind != stream.KindFrame || string(body) != "here" {
				t.Errorf("%q came", body)
			}
			if kind, _ := p.piece(old); kind != kindClose {
				t.Errorf("a piece of kind %d came on the older", kind)
			}
			d.until("the older to go", func() bool { return len(d.links) == 1 })
		})
	}
}

// An unused connection goes with a word, and comes back when it is needed.
func TestIdleConnectionGoes(t *testing.T) {
	short := func(times *timing) { times.idle, times.tend = 40*time.Millisecond, 10*time.Millisecond }
	a, b := open(t, 1, short), open(t, 2, nil)
	for range 3 {
		a.send(b.Local(), "hello")
		if in := b.next(); string(in.Buf) != "hello" {
			t.Fatalf("%q came", in.Buf)
		}
		a.until("no link", func() bool { return len(a.links) == 0 })
		b.until("no link", func() bool { return len(b.links) == 0 })
	}
	// Watched it stays. That it lives longer than it may be idle is seen by another.
	b.Watch([]transport.Target{{Process: a.self.Process, Addr: a.Local()}})
	a.Watch([]transport.Target{{Process: b.self.Process, Addr: b.Local()}})
	b.await(message.EvidenceNone)
	c := open(t, 3, nil)
	a.send(c.Local(), "x")
	a.until("the other link to go", func() bool { return len(a.links) == 1 && a.links[a.peers[b.Local()].link()] })
	for _, d := range []*daemon{a, b} {
		select {
		case e := <-d.Evidence():
			if e.Found != message.EvidenceNone {
				t.Errorf("found %v", e.Found)
			}
		default:
		}
	}
}

// A peer that takes nothing costs a bounded amount of memory, holds nobody up, and
// is given up without evidence.
func TestPeerThatNeverReads(t *testing.T) {
	d, p := open(t, 1, func(times *timing) { times.unacked = 300 * time.Millisecond }), newPeer(t)
	other := open(t, 3, nil)
	d.Watch([]transport.Target{{Process: process(2, 1), Addr: p.addr()}})
	conn := p.accept(process(2, 1), 5)
	d.await(message.EvidenceNone)
	frame := make([]byte, 60_000)
	for k := 0; d.dropped(transport.DropQueue) == 0; k++ {
		if k == 10_000 {
			t.Fatal("600 MB were taken from us for one who reads nothing")
		}
		if err := d.Send(frame, p.addr()); err != nil {
			t.Fatal(err)
		}
		if held := d.budget.Queued.Load(); held > queueMax {
			t.Fatalf("%d bytes are queued, want at most %d", held, queueMax)
		}
	}
	d.send(other.Local(), "meanwhile")
	if in := other.next(); string(in.Buf) != "meanwhile" {
		t.Errorf("%q came", in.Buf)
	}
	d.until("it to be given up", func() bool {
		return d.peers[p.addr()].link() == nil || d.peers[p.addr()].link().conn.RemoteAddr() == nil
	})
	_ = conn.Close()
	conn = p.accept(process(2, 1), 5) // it is dialled again, and answers: no news
	_ = conn.Close()
	d.await(message.EvidenceClosed)
	d.until("nothing to be held", func() bool { return d.budget.Queued.Load() == 0 })
}

// An address where nobody greets takes few dials, however often it is sought.
func TestAbsentPeerIsCheap(t *testing.T) {
	d, p := open(t, 1, nil), newPeer(t)
	dials := make(chan struct{}, 1000)
	go func() {
		for {
			conn, err := p.l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
			dials <- struct{}{}
		}
	}()
	began := time.Now()
	for len(dials) < 5 {
		d.send(p.addr(), "anybody?")
		if time.Since(began) > patience {
			t.Fatal("it is not dialled again")
		}
	}
	// At once, and after 5, 20, 80 and 320 ms, each with its jitter.
	if took := time.Since(began); took < 425*time.Millisecond {
		t.Errorf("five dials in %s", took)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if held := d.peers[p.addr()].waiting.Bytes(); held > waitingMax {
		t.Errorf("%d bytes wait", held)
	}
}

// One who was there lately and does not answer is dialled again soon, one who refuses
// later the longer it is gone, others later each time.
func TestWaitsBetweenDials(t *testing.T) {
	d := open(t, 1, nil)
	now := time.Now()
	for _, test := range []struct {
		name string
		peer peer
		want time.Duration
	}{
		{"never met", peer{}, 5 * time.Second},
		{"never met, refuses", peer{refuses: true}, 5 * time.Second},
		{"cut off for half an hour", peer{met: now.Add(-30 * time.Minute)}, 100 * time.Millisecond},
		{"gone just now", peer{met: now, refuses: true}, 100 * time.Millisecond},
		{"gone for 16 s", peer{met: now.Add(-16 * time.Second), refuses: true}, time.Second},
		{"gone for a minute", peer{met: now.Add(-time.Minute), refuses: true}, 2 * time.Second},
		{"gone for hours", peer{met: now.Add(-2 * time.Hour)}, 5 * time.Second},
	} {
		if got := d.stepMost(&test.peer, now); got != test.want {
			t.Errorf("%s: at most %s, want %s", test.name, got, test.want)
		}
	}
}

// The table of addresses is bounded; what nobody needs makes room.
func TestAddressesAreBounded(t *testing.T) {
	d := open(t, 1, nil)
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	addr := d.Local()
	for i := range peersMax + 100 {
		a := addr.Addr().As4()
		a[1], a[2] = byte(i>>8), byte(i)
		p := d.peerAt(addrPort(a, addr.Port()), now)
		if (p != nil) != (i < peersMax) {
			t.Fatalf("address %d: %v", i, p)
		}
		if p != nil {
			p.used = now
		}
	}
	if d.peerAt(addrPort([4]byte{10}, 1), now.Add(time.Hour)) == nil {
		t.Error("nothing was forgotten in an hour")
	}
}

// Our own address is found out, and frames to it go nowhere.
func TestOurselves(t *testing.T) {
	d := open(t, 1, nil)
	alias := newPeer(t)
	go func() { // a way to us by another address
		for {
			in, err := alias.l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp4", d.Local().String())
			if err != nil {
				return
			}
			go splice(in, out)
			go splice(out, in)
		}
	}()
	d.send(alias.addr(), "who is there?")
	d.until("it to know itself", func() bool { return d.peers[alias.addr()].ourselves })
	d.send(d.Local(), "me")
	d.until("no pursuit", func() bool { return !d.peers[alias.addr()].pursued && len(d.links) == 0 })
}

func splice(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	b := make([]byte, 1024)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

func addrPort(a [4]byte, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4(a), port)
}

// A try whose answer comes behind its limit serves all the same, and one connection is
// all there is.
func TestLateAnswerServes(t *testing.T) {
	late := func(times *timing) { times.firstDial = time.Nanosecond }
	a, b := open(t, 1, late), open(t, 2, late)
	for k := range 20 {
		a.send(b.Local(), fmt.Sprint(k))
		if in := b.next(); string(in.Buf) != fmt.Sprint(k) {
			t.Fatalf("frame %d came as %q", k, in.Buf)
		}
	}
	a.until("no try goes on, and one connection", func() bool { return len(a.lates) == 0 && len(a.links) == 1 })
}
