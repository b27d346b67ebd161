package mem_test

import (
	"bytes"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/mem"
	"github.com/gmsd/gmsd/transport/transporttest"
	"github.com/gmsd/gmsd/views/message"
)

func open(t *testing.T, n *mem.Network, i int) *mem.Transport {
	t.Helper()
	tr, err := n.Open(transporttest.MemoryAddr(i), transporttest.Process(i, 1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tr.Close() })
	return tr
}

func send(t *testing.T, from *mem.Transport, what string, to ...netip.AddrPort) {
	t.Helper()
	if err := from.SendAll([]byte(what), to); err != nil {
		t.Fatal(err)
	}
}

// received reads what is in the inbox; there must be something.
func received(t *testing.T, tr *mem.Transport) string {
	t.Helper()
	batch := transporttest.NewBatch(8)
	n, err := tr.Receive(batch)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for _, in := range batch[:n] {
		all = append(all, in.Buf[:in.N])
	}
	return string(bytes.Join(all, []byte(" ")))
}

func TestCutIsOneWay(t *testing.T) {
	n := mem.NewNetwork()
	a, b := open(t, n, 0), open(t, n, 1)
	n.Cut(a.Local(), b.Local())
	send(t, a, "lost", b.Local())
	send(t, b, "back", a.Local())
	n.Heal(a.Local(), b.Local())
	send(t, a, "healed", b.Local())
	if got := received(t, b); got != "healed" {
		t.Errorf("b got %q", got)
	}
	if got := received(t, a); got != "back" {
		t.Errorf("a got %q", got)
	}
	if got := a.Stats().Dropped[transport.DropLabCut]; got != 1 {
		t.Errorf("counted %d cut frames, want 1", got)
	}
}

func TestPartitionKeepsSidesTogether(t *testing.T) {
	n := mem.NewNetwork()
	var tr []*mem.Transport
	for i := range 4 {
		tr = append(tr, open(t, n, i))
	}
	n.Partition([]netip.AddrPort{transporttest.MemoryAddr(0), transporttest.MemoryAddr(1)}, []netip.AddrPort{transporttest.MemoryAddr(2), transporttest.MemoryAddr(3)})
	for _, x := range tr {
		if err := x.Seek([]byte("part")); err != nil {
			t.Fatal(err)
		}
	}
	n.HealAll()
	for _, x := range tr {
		if err := x.Seek([]byte("all")); err != nil {
			t.Fatal(err)
		}
	}
	for i, x := range tr {
		if got := received(t, x); got != "part all all all" {
			t.Errorf("host %d got %q", i, got)
		}
	}
}

func TestLossHook(t *testing.T) {
	n := mem.NewNetwork()
	a, b := open(t, n, 0), open(t, n, 1)
	n.SetLoss(func(from, to netip.AddrPort, frame []byte) bool {
		return from == a.Local() && to == b.Local() && bytes.HasPrefix(frame, []byte("x"))
	})
	for _, s := range []string{"x1", "y1", "x2", "y2"} {
		send(t, a, s, b.Local())
	}
	if got := received(t, b); got != "y1 y2" {
		t.Errorf("b got %q", got)
	}
}

func TestInboxIsBounded(t *testing.T) {
	n := mem.NewNetwork()
	a, b := open(t, n, 0), open(t, n, 1)
	for range mem.InboxMax + 5 {
		send(t, a, "x", b.Local())
	}
	if got := b.Stats().Dropped[transport.DropReceiveBuffer]; got != 5 {
		t.Errorf("dropped %d, want 5", got)
	}
	c := open(t, n, 2)
	long := make([]byte, 64<<10-100)
	for range mem.InboxBytesMax/len(long) + 3 {
		send(t, a, string(long), c.Local())
	}
	if got := c.Stats().Dropped[transport.DropReceiveBuffer]; got != 3 {
		t.Errorf("dropped %d, want 3", got)
	}
}

func TestAddressInUse(t *testing.T) {
	n := mem.NewNetwork()
	open(t, n, 0)
	if _, err := n.Open(transporttest.MemoryAddr(0), transporttest.Process(1, 1)); err == nil {
		t.Error("two processes have one address")
	}
}

func TestCutHidesTheEndOfAProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mem.NewNetwork()
		a, b := open(t, n, 0), open(t, n, 1)
		defer func() { _ = a.Close() }()
		a.Watch([]transport.Target{{Process: transporttest.Process(1, 1), Addr: b.Local()}})
		if e := <-a.Evidence(); e.Found != message.EvidenceNone {
			t.Fatalf("found %v, want none", e.Found)
		}
		n.Cut(b.Local(), a.Local())
		_ = b.Close()
		synctest.Wait()
		select {
		case e := <-a.Evidence():
			t.Errorf("found %v across a cut", e.Found)
		default:
		}
	})
}

// Receiving must be durable waiting, or no test in a bubble could pass time.
func TestBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mem.NewNetwork()
		a, b := open(t, n, 0), open(t, n, 1)
		go func() {
			time.Sleep(time.Hour)
			send(t, a, "late", b.Local())
			time.Sleep(time.Hour)
			_ = b.Close()
		}()
		start := time.Now()
		if got := received(t, b); got != "late" || time.Since(start) != time.Hour {
			t.Errorf("got %q after %v", got, time.Since(start))
		}
		if _, err := b.Receive(transporttest.NewBatch(1)); err != transport.ErrClosed {
			t.Errorf("after Close: %v", err)
		}
		_ = a.Close()
	})
}
