package endpoint

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/transporttest"
)

// refusing is a kernel that does not take what refuses says, with its error.
func refusing(refuses func(m *message) error) func(int, []message) (int, error) {
	return func(fd int, ms []message) (int, error) {
		for i := range ms {
			if err := refuses(&ms[i]); err != nil {
				if i == 0 {
					return 0, err
				}
				return sendMessages(fd, ms[:i])
			}
		}
		return sendMessages(fd, ms)
	}
}

func isRun(m *message) bool { return m.Control != nil }

// numbered gives n frames of a size for one address, told apart by their begin.
func numbered(n, size int, to ...netip.AddrPort) (out []transport.Outbound) {
	for i := range n {
		f := fmt.Appendf(nil, "%04d", i)
		out = append(out, transport.Outbound{All: len(to) > 1, To: to, Frame: append(f, make([]byte, size-len(f))...)})
	}
	return out
}

// hears receives n frames and says how they begin.
func hears(t *testing.T, e *Endpoint, n int) (out []string) {
	t.Helper()
	batch := transporttest.NewBatch(4)
	for len(out) < n {
		got, err := e.Receive(batch)
		if err != nil {
			t.Fatal(err)
		}
		for i := range batch[:got] {
			for frame := range batch[i].Frames() {
				out = append(out, string(frame[:4]))
			}
		}
	}
	return out
}

func begins(batch []transport.Outbound) (out []string) {
	for i := range batch {
		out = append(out, string(batch[i].Frame[:4]))
	}
	return out
}

// A kernel that does not cut datagrams apart is found out without a loss.
func TestRefusedRunsLoseNothing(t *testing.T) {
	for err, on := range map[error]bool{
		unix.EIO: false, unix.ENOPROTOOPT: false, unix.EOPNOTSUPP: false,
		unix.EINVAL: true, unix.EMSGSIZE: true, unix.EPERM: true,
	} {
		a, b, c := open(t, anyPort), open(t, anyPort), open(t, anyPort)
		if !a.sender.batch.segments.on {
			t.Skip("this kernel does not cut datagrams apart")
		}
		refused := 0
		a.sender.kernel = refusing(func(m *message) error {
			if isRun(m) {
				refused++
				return err
			}
			return nil
		})
		batch := numbered(100, 300, b.Local(), c.Local())
		for range 2 {
			if err := a.SendBatch(batch, netip.AddrPort{}); err != nil {
				t.Fatal(err)
			}
			for _, e := range []*Endpoint{b, c} {
				if got, want := hears(t, e, len(batch)), begins(batch); !slices.Equal(got, want) {
					t.Fatalf("%v: got %v", err, got)
				}
			}
		}
		if refused == 0 || err != unix.EPERM && refused > 4 {
			t.Errorf("%v: %d runs were tried", err, refused)
		}
		if a.sender.batch.segments.on != on {
			t.Errorf("%v: tries on: %v, want %v", err, !on, on)
		}
		if got, want := a.Stats().UnicastOut, (transport.Traffic{Packets: 400, Bytes: 120_000}); got != want {
			t.Errorf("%v: counted %+v, want %+v", err, got, want)
		}
	}
}

// A frame that is to be alone is, between two runs.
func TestAlone(t *testing.T) {
	a, b := open(t, anyPort), open(t, anyPort)
	if !a.sender.batch.segments.on {
		t.Skip("this kernel does not cut datagrams apart")
	}
	batch := numbered(10, 300, b.Local())
	batch[4].Alone = true
	var sizes []uint64
	a.sender.kernel = refusing(func(m *message) error {
		sizes = append(sizes, m.Iovlen)
		return nil
	})
	if err := a.SendBatch(batch, netip.AddrPort{}); err != nil {
		t.Fatal(err)
	}
	if got := hears(t, b, 10); !slices.Equal(got, begins(batch)) || !slices.Equal(sizes, []uint64{4, 1, 5}) {
		t.Errorf("got %v, of runs of %v", got, sizes)
	}
}

// One refused frame among many is lost alone, also where the run around it was
// refused first.
func TestRefusedFrameIsLostAlone(t *testing.T) {
	for _, together := range []bool{false, true} {
		a, b := open(t, anyPort), open(t, anyPort)
		a.sender.batch.segments.on = a.sender.batch.segments.on && together
		batch := numbered(10, 300, b.Local())
		a.sender.kernel = refusing(func(m *message) error {
			if isRun(m) || m.Iov.Base == &batch[4].Frame[0] {
				return unix.EPERM
			}
			return nil
		})
		if err := a.SendBatch(batch, netip.AddrPort{}); !errors.Is(err, unix.EPERM) {
			t.Errorf("got %v", err)
		}
		want := slices.Delete(begins(batch), 4, 5)
		if got := hears(t, b, 9); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if s := a.Stats(); s.Dropped[transport.DropSend] != 1 || s.UnicastOut.Packets != 9 {
			t.Errorf("counted %d dropped and %d sent", s.Dropped[transport.DropSend], s.UnicastOut.Packets)
		}
	}
}

// Without room what is left of a system call is lost, counted, and not waited for.
func TestNoRoom(t *testing.T) {
	for _, c := range []struct {
		together      bool
		refused, went int
	}{{false, 7, 7}, {true, 64, 64}} {
		a, b := open(t, anyPort), open(t, anyPort)
		a.sender.batch.segments.on = a.sender.batch.segments.on && c.together
		batch := numbered(110, 300, b.Local())
		calls := 0
		a.sender.kernel = refusing(func(m *message) error {
			if m.Iov.Base == &batch[c.refused].Frame[0] {
				calls++
				return unix.EAGAIN
			}
			return nil
		})
		batch = batch[:100]
		if !c.together {
			batch = batch[:10]
		}
		if err := a.SendBatch(batch, netip.AddrPort{}); !errors.Is(err, transport.ErrNoBuffer) {
			t.Errorf("got %v", err)
		}
		if got, want := hears(t, b, c.went), begins(batch)[:c.went]; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		lost := uint64(len(batch) - c.went)
		if s := a.Stats(); s.Dropped[transport.DropSend] != lost || s.UnicastOut.Packets != uint64(c.went) {
			t.Errorf("counted %d dropped and %d sent, want %d lost", s.Dropped[transport.DropSend], s.UnicastOut.Packets, lost)
		}
		if calls != 2 { // when it stopped there, and when it said why
			t.Errorf("asked %d times for room", calls)
		}
	}
}

// What fits into one system call goes by one.
func TestFewSystemCalls(t *testing.T) {
	a, b := open(t, anyPort), open(t, anyPort)
	if !a.sender.batch.segments.on {
		t.Skip("this kernel does not cut datagrams apart")
	}
	calls := 0
	a.sender.kernel = func(fd int, ms []message) (int, error) {
		calls++
		return sendMessages(fd, ms)
	}
	batch := numbered(900, 1000, b.Local())
	if err := a.SendBatch(batch, netip.AddrPort{}); err != nil {
		t.Fatal(err)
	}
	if got := hears(t, b, len(batch)); !slices.Equal(got, begins(batch)) {
		t.Errorf("got %v", got)
	}
	if calls != 1 {
		t.Errorf("900 frames took %d calls, want one", calls)
	}
}

// Neighbours for other addresses do not come between, and a list of addresses
// with the same content is the same.
func TestStretches(t *testing.T) {
	x, y := netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("10.0.0.2:1")
	one := func(to ...netip.AddrPort) transport.Outbound { return transport.Outbound{To: to} }
	all := func(to ...netip.AddrPort) transport.Outbound { return transport.Outbound{All: true, To: to} }
	for _, c := range []struct {
		batch []transport.Outbound
		want  int
	}{
		{[]transport.Outbound{one(x)}, 1},
		{[]transport.Outbound{one(x), one(x, y), one(x), one(y)}, 3},
		{[]transport.Outbound{one(x), all(x)}, 1},
		{[]transport.Outbound{all(x, y), all(x, y), all(x)}, 2},
		{[]transport.Outbound{one(), one()}, 1},
		{[]transport.Outbound{all(), one(x)}, 1},
	} {
		if got := stretch(c.batch); got != c.want {
			t.Errorf("%v: a stretch of %d, want %d", c.batch, got, c.want)
		}
	}
}

// What comes coalesced and does not fit is dropped, never cut.
func TestCoalescedTooLong(t *testing.T) {
	a, b := open(t, anyPort), open(t, anyPort)
	long := numbered(4, 50, b.Local())
	if err := a.SendBatch(append(long, transport.Outbound{To: long[0].To, Frame: []byte("last one")}), netip.AddrPort{}); err != nil {
		t.Fatal(err)
	}
	if err := a.Send([]byte(strings.Repeat("behind", 10)), b.Local()); err != nil {
		t.Fatal(err)
	}
	batch := []transport.Inbound{{Buf: make([]byte, 80)}, {Buf: make([]byte, 80)}}
	for {
		n, err := b.Receive(batch)
		if err != nil {
			t.Fatal(err)
		}
		for i := range batch[:n] {
			for frame := range batch[i].Frames() {
				switch {
				case string(frame) == strings.Repeat("behind", 10):
					return
				case len(frame) != 50 && string(frame) != "last one":
					t.Fatalf("a frame of %d bytes", len(frame))
				}
			}
		}
	}
}

func TestBatchesCostNoMemory(t *testing.T) {
	a, b := open(t, anyPort), open(t, anyPort)
	batch, in := numbered(100, 300, b.Local()), transporttest.NewBatch(4)
	batch[50].Frame = batch[50].Frame[:20]
	to := []netip.AddrPort{b.Local(), b.Local()}
	got := testing.AllocsPerRun(50, func() {
		if a.SendBatch(batch, netip.AddrPort{}) != nil || a.SendAll(batch[0].Frame, to) != nil {
			t.Fatal("cannot send")
		}
		for n := 0; n < len(batch)+len(to); {
			places, err := b.Receive(in)
			if err != nil {
				t.Fatal(err)
			}
			for i := range in[:places] {
				n += in[i].Count()
			}
		}
	})
	if got > 0 {
		t.Errorf("sending and receiving a batch takes %v allocations", got)
	}
}

func BenchmarkSendBatch(b *testing.B) {
	for _, size := range []int{200, 1450, 8000, 60_000} {
		for _, how := range []string{"each", "messages", "segments"} {
			b.Run(fmt.Sprintf("%s/%d", how, size), func(b *testing.B) { benchmarkSendBatch(b, how, size) })
		}
	}
}

// benchmarkSendBatch sends a batch and receives it.
func benchmarkSendBatch(b *testing.B, how string, size int) {
	x, y := open(b, anyPort), open(b, anyPort)
	x.sender.batch.segments.on = how == "segments"
	batch, in := numbered(40, size, y.Local()), transporttest.NewBatch(64)
	b.SetBytes(int64(len(batch) * size))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if how == "each" {
			for i := range batch {
				err = firstOf(err, x.Send(batch[i].Frame, batch[i].To[0]))
			}
		} else {
			err = x.SendBatch(batch, netip.AddrPort{})
		}
		if err != nil {
			b.Fatal(err)
		}
		for n := 0; n < len(batch); {
			places, err := y.Receive(in)
			if err != nil {
				b.Fatal(err)
			}
			for i := range in[:places] {
				n += in[i].Count()
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch)), "ns/frame")
}
