package lab_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/lab"
	"github.com/gmsd/gmsd/transport/mcast"
	"github.com/gmsd/gmsd/transport/mem"
	"github.com/gmsd/gmsd/transport/transporttest"
	"github.com/gmsd/gmsd/views/message"
)

// bubble runs f with n hosts of a mem network, each under a Lab, in a bubble.
func bubble(t *testing.T, n int, f func(t *testing.T, hosts []*lab.Lab)) {
	synctest.Test(t, func(t *testing.T) {
		network := mem.NewNetwork()
		var hosts []*lab.Lab
		for i := range n {
			tr, err := network.Open(transporttest.MemoryAddr(i), transporttest.Process(i, 1))
			if err != nil {
				t.Fatal(err)
			}
			hosts = append(hosts, lab.Wrap(tr))
		}
		f(t, hosts)
		for _, h := range hosts {
			_ = h.Close()
		}
	})
}

// arrived gives what has come to h by now.
func arrived(t *testing.T, h *lab.Lab) string {
	t.Helper()
	synctest.Wait()
	var got []string
	end := []byte("end")
	if err := h.Send(end, h.Local()); err != nil {
		t.Fatal(err)
	}
	batch := transporttest.NewBatch(1)
	for {
		if _, err := h.Receive(batch); err != nil {
			t.Fatal(err)
		}
		s := string(batch[0].Buf[:batch[0].N])
		if s == "end" {
			return strings.Join(got, " ")
		}
		got = append(got, s)
	}
}

func addresses(hosts []*lab.Lab) (out []netip.AddrPort) {
	for _, h := range hosts {
		out = append(out, h.Local())
	}
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantArrived(t *testing.T, hosts []*lab.Lab, want ...string) {
	t.Helper()
	for i, h := range hosts {
		if got := arrived(t, h); got != want[i] {
			t.Errorf("host %d got %q, want %q", i, got, want[i])
		}
	}
}

func TestCutOut(t *testing.T) {
	bubble(t, 3, func(t *testing.T, h []*lab.Lab) {
		all := addresses(h)
		must(t, h[0].Seek([]byte("s1")))
		must(t, h[1].Seek([]byte("t1")))
		must(t, h[2].Seek([]byte("u1"))) // so all are known
		wantArrived(t, h, "t1 u1", "s1 u1", "s1 t1")

		must(t, h[0].Cut(all[1], lab.Out))
		must(t, h[0].Send([]byte("one"), all[1]))
		must(t, h[0].SendAll([]byte("all"), all[1:]))
		must(t, h[0].Seek([]byte("seek")))
		must(t, h[1].Send([]byte("back"), all[0]))
		wantArrived(t, h, "back", "", "all seek")

		h[0].Heal(all[1])
		must(t, h[0].SendAll([]byte("healed"), all[1:]))
		wantArrived(t, h, "", "healed", "healed")
		if got := h[0].Stats().Dropped[transport.DropLabCut]; got != 3 {
			t.Errorf("counted %d, want 3", got)
		}
	})
}

// Faults touch every frame of a batch as they would touch it alone.
func TestFaultsOfABatch(t *testing.T) {
	bubble(t, 3, func(t *testing.T, h []*lab.Lab) {
		all := addresses(h)
		batch := []transport.Outbound{
			{All: true, To: all[1:], Frame: []byte("all1")},
			{To: all[1:2], Frame: []byte("one")},
			{To: all[2:], Frame: []byte("two")},
			{All: true, To: all[1:], Frame: []byte("all2")},
		}
		must(t, h[0].SendBatch(batch))
		wantArrived(t, h, "", "all1 one all2", "all1 two all2")
		must(t, h[0].Cut(all[1], lab.Out))
		must(t, h[0].SendBatch(batch))
		wantArrived(t, h, "", "", "all1 two all2")
		if got := h[0].Stats().Dropped[transport.DropLabCut]; got != 3 {
			t.Errorf("counted %d, want 3", got)
		}
	})
}

func TestCutIn(t *testing.T) {
	bubble(t, 3, func(t *testing.T, h []*lab.Lab) {
		all := addresses(h)
		must(t, h[0].Cut(all[1], lab.In))
		must(t, h[1].SendAll([]byte("from1"), all))
		must(t, h[2].Seek([]byte("from2")))
		must(t, h[0].Send([]byte("from0"), all[1]))
		synctest.Wait()
		wantArrived(t, h, "from2", "from1 from2 from0", "from1")
	})
}

// One address stands for all its ports, unless a port has a fault of its own.
func TestCutEveryPort(t *testing.T) {
	bubble(t, 2, func(t *testing.T, h []*lab.Lab) {
		all := addresses(h)
		must(t, h[0].Cut(netip.AddrPortFrom(all[1].Addr(), 0), lab.Both))
		must(t, h[1].Send([]byte("cut"), all[0]))
		wantArrived(t, h, "", "")
		must(t, h[0].Delay(all[1], lab.In, time.Second))
		must(t, h[1].Send([]byte("delayed"), all[0]))
		wantArrived(t, h, "", "")
		time.Sleep(time.Second)
		wantArrived(t, h, "delayed", "")
	})
}

func TestDelay(t *testing.T) {
	bubble(t, 2, func(t *testing.T, h []*lab.Lab) {
		all := addresses(h)
		must(t, h[0].Delay(all[1], lab.Both, 300*time.Millisecond))
		frame := []byte("out")
		must(t, h[0].Send(frame, all[1]))
		copy(frame, "xxx") // the caller's again
		must(t, h[1].Send([]byte("in"), all[0]))
		time.Sleep(299 * time.Millisecond)
		wantArrived(t, h, "", "")
		time.Sleep(time.Millisecond)
		wantArrived(t, h, "in", "out")
	})
}

func TestDelayedFramesAreBounded(t *testing.T) {
	bubble(t, 2, func(t *testing.T, h []*lab.Lab) {
		all := addresses(h)
		must(t, h[0].Delay(all[1], lab.Out, time.Second))
		for range lab.DelayedMax + 3 {
			must(t, h[0].Send([]byte("x"), all[1]))
		}
		if got := h[0].Stats().Dropped[transport.DropLabFull]; got != 3 {
			t.Errorf("dropped %d, want 3", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		long := make([]byte, 60<<10)
		for range lab.DelayedBytesMax/len(long) + 2 {
			must(t, h[0].Send(long, all[1]))
		}
		if got := h[0].Stats().Dropped[transport.DropLabFull]; got != 5 {
			t.Errorf("dropped %d, want 5", got)
		}
		time.Sleep(time.Second)
	})
}

func evidence(h *lab.Lab) (out []message.Evidence) {
	for {
		synctest.Wait()
		select {
		case e := <-h.Evidence():
			out = append(out, e.Found)
		default:
			return out
		}
	}
}

func TestCutHoldsEvidenceBack(t *testing.T) {
	bubble(t, 2, func(t *testing.T, h []*lab.Lab) {
		target := transport.Target{Process: transporttest.Process(1, 1), Addr: h[1].Local()}
		h[0].Watch([]transport.Target{target})
		if got := evidence(h[0]); len(got) != 1 || got[0] != message.EvidenceNone {
			t.Fatalf("found %v, want none", got)
		}
		must(t, h[0].Cut(target.Addr, lab.In))
		_ = h[1].Close()
		if got := evidence(h[0]); len(got) != 0 {
			t.Errorf("found %v behind a cut", got)
		}
		h[0].HealAll()
		if got := evidence(h[0]); len(got) != 1 || got[0] != message.EvidenceRefused {
			t.Errorf("found %v after healing, want refused", got)
		}
	})
}

func TestUnwatchedBehindACutIsForgotten(t *testing.T) {
	bubble(t, 2, func(t *testing.T, h []*lab.Lab) {
		target := transport.Target{Process: transporttest.Process(1, 1), Addr: h[1].Local()}
		h[0].Watch([]transport.Target{target})
		evidence(h[0])
		must(t, h[0].Cut(target.Addr, lab.Both))
		_ = h[1].Close()
		evidence(h[0])
		h[0].Watch(nil)
		h[0].HealAll()
		if got := evidence(h[0]); len(got) != 0 {
			t.Errorf("found %v of a process that nobody watches", got)
		}
	})
}

func TestFaultsAreListedAndBounded(t *testing.T) {
	bubble(t, 1, func(t *testing.T, h []*lab.Lab) {
		must(t, h[0].Cut(transporttest.MemoryAddr(7), lab.In))
		must(t, h[0].Cut(transporttest.MemoryAddr(7), lab.Out))
		must(t, h[0].Delay(transporttest.MemoryAddr(3), lab.Out, time.Second))
		got := h[0].Faults()
		if len(got) != 2 || got[0] != (lab.Fault{Addr: transporttest.MemoryAddr(3), DelayOut: time.Second}) || got[1] != (lab.Fault{Addr: transporttest.MemoryAddr(7), Cut: lab.Both}) {
			t.Errorf("faults %+v", got)
		}
		must(t, h[0].Delay(transporttest.MemoryAddr(3), lab.Both, 0))
		h[0].Heal(transporttest.MemoryAddr(7))
		if got := h[0].Faults(); len(got) != 0 {
			t.Errorf("faults %+v, want none", got)
		}
		for i := range lab.FaultsMax {
			must(t, h[0].Cut(netip.AddrPortFrom(transporttest.MemoryAddr(0).Addr(), uint16(i+1)), lab.In))
		}
		if err := h[0].Cut(transporttest.MemoryAddr(1), lab.In); !errors.Is(err, lab.ErrFaults) {
			t.Errorf("one too many: %v", err)
		}
		if err := h[0].Delay(transporttest.MemoryAddr(1), lab.In, lab.DelayMax+1); !errors.Is(err, lab.ErrFaults) {
			t.Errorf("too long: %v", err)
		}
	})
}

func TestDirection(t *testing.T) {
	for _, d := range []lab.Direction{lab.In, lab.Out, lab.Both} {
		if got, err := lab.ParseDirection(d.String()); err != nil || got != d {
			t.Errorf("%v is read as %v, %v", d, got, err)
		}
	}
	if _, err := lab.ParseDirection("sideways"); err == nil {
		t.Error("sideways is a direction")
	}
}

// Over multicast a cut host must hear nothing, though the others do.
func TestCutOutOverMulticast(t *testing.T) {
	net := transporttest.LoopbackNet(t)
	open := func(i int) *lab.Lab {
		tr, err := mcast.Open(mcast.Config{
			Bind: net(i), Group: transporttest.MulticastGroup(net), GroupHash: 1, Self: transporttest.Process(i, 1),
		})
		must(t, err)
		l := lab.Wrap(tr)
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	a, b, c := open(0), open(1), open(2)
	must(t, b.Send([]byte("hello"), a.Local()))
	must(t, c.Send([]byte("hello"), a.Local()))
	batch := transporttest.NewBatch(1)
	for range 2 {
		_, err := a.Receive(batch)
		must(t, err)
	}
	must(t, a.Cut(b.Local(), lab.Out))
	must(t, a.SendAll([]byte("all"), []netip.AddrPort{b.Local(), c.Local()}))
	must(t, a.Seek([]byte("seek")))
	must(t, c.Send([]byte("behind"), b.Local()))
	for _, want := range []struct {
		at   *lab.Lab
		what string
	}{{c, "all"}, {c, "seek"}, {b, "behind"}} {
		_, err := want.at.Receive(batch)
		must(t, err)
		if got := string(batch[0].Buf[:batch[0].N]); got != want.what {
			t.Errorf("%v got %q, want %q", want.at.Local(), got, want.what)
		}
	}
}
