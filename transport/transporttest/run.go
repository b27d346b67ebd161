package transporttest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Run holds a transport against the contract. It asks for a new factory for
// each of its tests.
func Run(t *testing.T, newFactory func(t *testing.T) Factory) {
	t.Helper()
	tests := []struct {
		name     string
		tethered bool
		run      func(s *suite)
	}{
		{"Local", false, testLocal},
		{"SendBothWays", false, testSendBothWays},
		{"SendAllReachesAll", false, testSendAllReachesAll},
		{"Seek", false, testSeek},
		{"FramesAreWhole", false, testFramesAreWhole},
		{"TooLong", false, testTooLong},
		{"CallerKeepsFrame", false, testCallerKeepsFrame},
		{"ShortBufferDrops", false, testShortBufferDrops},
		{"CloseEndsReceive", false, testCloseEndsReceive},
		{"CloseTwice", false, testCloseTwice},
		{"SendAfterClose", false, testSendAfterClose},
		{"ClosedPeer", false, testClosedPeer},
		{"Concurrent", false, testConcurrent},
		{"AddressIsFreeAfterClose", false, testAddressIsFree},
		{"Counts", false, testCounts},
		{"Batch", false, testBatch},
		{"BatchOfLong", false, testBatchOfLong},
		{"BatchTooLong", false, testBatchTooLong},
		{"BatchOfNothing", false, testBatchOfNothing},
		{"BatchAfterClose", false, testBatchAfterClose},
		{"BatchCounts", false, testBatchCounts},
		{"NoEvidenceOfStrangers", true, testNoEvidenceOfStrangers},
		{"EvidenceRefused", true, testEvidenceRefused},
		{"EvidenceReplaced", true, testEvidenceReplaced},
		{"EvidenceUnread", true, testEvidenceUnread},
		{"EvidenceEndsWithClose", true, testEvidenceEnds},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFactory(t)
			if test.tethered && !f.Tethered {
				t.Skip("gives no evidence")
			}
			test.run(&suite{T: t, f: f})
		})
	}
}

// frame gives n bytes, at least 4, whose first four are the checksum of the rest.
func frame(n int, seed byte) []byte {
	b := bytes.Repeat([]byte{seed, seed ^ 0x5a, byte(n)}, n/3+1)[:n]
	binary.BigEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:]))
	return b
}

func whole(b []byte) bool {
	return len(b) >= 4 && binary.BigEndian.Uint32(b) == crc32.ChecksumIEEE(b[4:])
}

func testLocal(s *suite) {
	seen := map[netip.AddrPort]bool{}
	for _, h := range s.openAll(3) {
		a := h.Local()
		if !a.IsValid() || a.Port() == 0 || a.Addr().IsUnspecified() || seen[a] {
			s.Errorf("host %d: Local is %v: want an address of its own that others can reach", h.i, a)
		}
		seen[a] = true
	}
}

func testSendBothWays(s *suite) {
	hosts := s.openAll(2)
	for _, way := range [][2]*host{{hosts[0], hosts[1]}, {hosts[1], hosts[0]}} {
		want := frame(100, byte(way[0].i))
		if err := way[0].Send(want, way[1].Local()); err != nil {
			s.Fatal(err)
		}
		in := s.next(way[1])
		if !bytes.Equal(in.Buf, want) || in.From != way[0].Local() {
			s.Errorf("got %d bytes from %v, want %d from %v", in.N, in.From, len(want), way[0].Local())
		} else if in.Multicast {
			s.Error("what was for one is said to have come by multicast")
		}
		s.nothingMore(way[0])
	}
}

func testSendAllReachesAll(s *suite) {
	hosts := s.openAll(HostsMax)
	for _, from := range hosts {
		var to []netip.AddrPort
		for _, h := range hosts {
			if h != from {
				to = append(to, h.Local())
			}
		}
		want := frame(200, byte(from.i))
		if err := from.SendAll(want, to); err != nil {
			s.Fatal(err)
		}
		s.all(hosts, from, want, s.f.Multicast)
	}
	if err := hosts[0].SendAll(frame(10, 1), nil); err != nil {
		s.Errorf("SendAll to nobody: %v", err)
	}
}

// testSeek: it reaches everybody, or, where nobody can be reached who is not known,
// nobody.
func testSeek(s *suite) {
	hosts := s.openAll(HostsMax)
	for _, from := range hosts {
		want := frame(50, byte(from.i))
		if err := from.Seek(want); err != nil {
			s.Fatal(err)
		}
		if !s.f.Blind {
			s.all(hosts, from, want, s.f.Multicast)
		}
	}
	s.deliver(hosts[0], hosts[1])
	s.nothingMore(hosts[1])
}

// all checks that everybody but from got one frame, and how.
func (s *suite) all(hosts []*host, from *host, want []byte, multicast bool) {
	s.Helper()
	for _, h := range hosts {
		if h == from {
			s.nothingMore(h)
			continue
		}
		if in := s.next(h); !bytes.Equal(in.Buf, want) || in.From != from.Local() {
			s.Errorf("host %d: got %d bytes from %v, want %d from %v", h.i, in.N, in.From, len(want), from.Local())
		} else if in.Multicast != multicast {
			s.Errorf("host %d: by multicast: %v, want %v", h.i, in.Multicast, multicast)
		}
	}
}

func testFramesAreWhole(s *suite) {
	hosts := s.openAll(2)
	for i, size := range []int{4, 5, 1472, 1473, 9000, 16 << 10, 48 << 10, views.DatagramMax - 1, views.DatagramMax} {
		want := frame(size, byte(i))
		if err := hosts[0].Send(want, hosts[1].Local()); err != nil {
			s.Fatalf("%d bytes: %v", size, err)
		}
		if in := s.next(hosts[1]); !bytes.Equal(in.Buf, want) {
			s.Errorf("sent %d bytes, got %d, whole: %v", size, in.N, whole(in.Buf))
		}
		if err := hosts[0].SendAll(want, []netip.AddrPort{hosts[1].Local()}); err != nil {
			s.Fatalf("%d bytes to all: %v", size, err)
		}
		if in := s.next(hosts[1]); !bytes.Equal(in.Buf, want) {
			s.Errorf("sent %d bytes to all, got %d, whole: %v", size, in.N, whole(in.Buf))
		}
	}
}

func testTooLong(s *suite) {
	hosts := s.openAll(3)
	long := make([]byte, views.DatagramMax+1)
	for name, err := range map[string]error{
		"Send":    hosts[0].Send(long, hosts[1].Local()),
		"SendAll": hosts[0].SendAll(long, []netip.AddrPort{hosts[1].Local(), hosts[2].Local()}),
		"Seek":    hosts[0].Seek(long),
	} {
		if !errors.Is(err, transport.ErrTooLong) {
			s.Errorf("%s: %v, want ErrTooLong", name, err)
		}
	}
	s.deliver(hosts[0], hosts[1])
}

// deliver checks that the next frame to come is one that is sent now.
func (s *suite) deliver(from, to *host) {
	s.Helper()
	want := frame(33, 7)
	if err := from.Send(want, to.Local()); err != nil {
		s.Fatal(err)
	}
	if in := s.next(to); !bytes.Equal(in.Buf, want) {
		s.Errorf("host %d: got a frame of %d bytes from %v, want another", to.i, in.N, in.From)
	}
}

func testCallerKeepsFrame(s *suite) {
	hosts := s.openAll(2)
	first, second := frame(64, 1), frame(64, 2)
	b := bytes.Clone(first)
	if err := hosts[0].Send(b, hosts[1].Local()); err != nil {
		s.Fatal(err)
	}
	copy(b, second)
	if err := hosts[0].Send(b, hosts[1].Local()); err != nil {
		s.Fatal(err)
	}
	clear(b)
	for _, want := range [][]byte{first, second} {
		if in := s.next(hosts[1]); !bytes.Equal(in.Buf, want) {
			s.Error("a frame changed after it was sent")
		}
	}
}

// testShortBufferDrops: a frame longer than a buffer never comes cut.
func testShortBufferDrops(s *suite) {
	sender := s.open(0)
	receiver, err := s.f.Open(s.T, 1, Process(1, 1), 1)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = receiver.Close() }()
	long, short := frame(2000, 1), frame(40, 2)
	for _, b := range [][]byte{long, short} {
		if err := sender.Send(b, receiver.Local()); err != nil {
			s.Fatal(err)
		}
	}
	batch := []transport.Inbound{{Buf: make([]byte, 100)}, {Buf: make([]byte, 100)}}
	n, err := receiver.Receive(batch)
	if err != nil || n != 1 || !bytes.Equal(batch[0].Buf[:batch[0].N], short) {
		s.Errorf("got %d frames, %v, the first %d bytes; want the short one alone", n, err, batch[0].N)
	}
}

func testCloseEndsReceive(s *suite) {
	h := s.open(0)
	s.deliver(s.open(1), h) // so Receive is running
	s.shut(h)
	if err := <-h.ended; !errors.Is(err, transport.ErrClosed) {
		s.Errorf("Receive said %v, want ErrClosed", err)
	} else {
		h.ended <- err
	}
	if n, err := h.Receive(NewBatch(1)); n != 0 || !errors.Is(err, transport.ErrClosed) {
		s.Errorf("Receive after Close: %d, %v, want ErrClosed", n, err)
	}
}

func testCloseTwice(s *suite) {
	h := s.open(0)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := h.Close(); err != nil {
				s.Errorf("Close: %v", err)
			}
		})
	}
	wg.Wait()
}

func testSendAfterClose(s *suite) {
	hosts := s.openAll(3)
	to := []netip.AddrPort{hosts[1].Local(), hosts[2].Local()}
	s.shut(hosts[0])
	for name, err := range map[string]error{
		"Send":    hosts[0].Send(frame(10, 1), to[0]),
		"SendAll": hosts[0].SendAll(frame(10, 1), to),
		"Seek":    hosts[0].Seek(frame(10, 1)),
	} {
		if !errors.Is(err, transport.ErrClosed) {
			s.Errorf("%s after Close: %v, want ErrClosed", name, err)
		}
	}
	hosts[0].Watch([]transport.Target{{Process: hosts[1].self, Addr: to[0]}})
}

// testClosedPeer: what a peer sent before it closed still comes, and sending
// to a closed peer disturbs nobody.
func testClosedPeer(s *suite) {
	hosts := s.openAll(3)
	gone := hosts[1].Local()
	want := frame(99, 3)
	if err := hosts[1].Send(want, hosts[0].Local()); err != nil {
		s.Fatal(err)
	}
	s.shut(hosts[1])
	if in := s.next(hosts[0]); !bytes.Equal(in.Buf, want) || in.From != gone {
		s.Error("the last frame of a closed peer did not come")
	}
	for range 5 {
		_ = hosts[0].Send(want, gone)
		_ = hosts[0].SendAll(want, []netip.AddrPort{gone, gone})
	}
	for len(hosts[2].frames) > 0 { // a multicast may have reached it
		<-hosts[2].frames
	}
	both := []netip.AddrPort{gone, hosts[2].Local()}
	mark := frame(101, 4)
	if err := hosts[0].SendAll(mark, both); err != nil {
		s.Errorf("SendAll to a closed peer and another: %v", err)
	}
	for in := s.next(hosts[2]); !bytes.Equal(in.Buf, mark); in = s.next(hosts[2]) {
		if !whole(in.Buf) {
			s.Fatal("a broken frame came")
		}
	}
}

// testConcurrent has everybody send while everybody receives.
func testConcurrent(s *suite) {
	hosts := s.openAll(4)
	var all []netip.AddrPort
	for _, h := range hosts {
		all = append(all, h.Local())
	}
	var wg sync.WaitGroup
	for _, h := range hosts {
		wg.Go(func() {
			others := append(append([]netip.AddrPort(nil), all[:h.i]...), all[h.i+1:]...)
			for k := range 100 {
				size := 4 + k*17%1200
				_ = h.Send(frame(size, byte(k)), others[k%len(others)])
				_ = h.SendAll(frame(size, byte(k)), others)
				h.Watch([]transport.Target{{Process: hosts[(h.i+1)%4].self, Addr: all[(h.i+1)%4]}})
			}
		})
	}
	wg.Wait()
	for _, h := range hosts {
		in := s.next(h)
		for more := true; more; {
			if !whole(in.Buf) {
				s.Fatalf("host %d: a broken frame of %d bytes came", h.i, in.N)
			}
			select {
			case in = <-h.frames:
			default:
				more = false
			}
		}
	}
}

func testAddressIsFree(s *suite) {
	peer := s.open(1)
	for k := range views.Incarnation(3) {
		h := s.reopen(0, k+1, uint64(k))
		s.deliver(peer, h)
		s.shut(h)
	}
}

func testCounts(s *suite) {
	hosts := s.openAll(2)
	s.deliver(hosts[0], hosts[1])
	out, ok := hosts[0].Transport.(transport.Counter)
	in, ok2 := hosts[1].Transport.(transport.Counter)
	if !ok || !ok2 {
		s.Skip("does not count")
	}
	if got := out.Stats().UnicastOut; got != (transport.Traffic{Packets: 1, Bytes: 33}) {
		s.Errorf("sent %+v, want one frame of 33 bytes", got)
	}
	if got := in.Stats().UnicastIn; got != (transport.Traffic{Packets: 1, Bytes: 33}) {
		s.Errorf("received %+v, want one frame of 33 bytes", got)
	}
}

func (h *host) target() transport.Target {
	return transport.Target{Process: h.self, Addr: h.Local()}
}

// testNoEvidenceOfStrangers: a process that never answered, and one that
// nobody watches any more, are not found to be anything. Findings keep their
// order a process, so one that comes later stands for the silence before.
func testNoEvidenceOfStrangers(s *suite) {
	hosts := s.openAll(3)
	never := transport.Target{Process: Process(5, 1), Addr: hosts[2].Local()} // another host lives there
	hosts[0].Watch([]transport.Target{never, hosts[1].target()})
	s.await(hosts[0], hosts[1].self, message.EvidenceNone)
	s.shut(hosts[2])
	hosts[0].Watch([]transport.Target{never})
	s.shut(hosts[1])
	h := s.open(4)
	hosts[0].Watch([]transport.Target{never, h.target()})
	for {
		select {
		case e := <-hosts[0].Evidence():
			if e.Process == h.self {
				return
			}
			s.Errorf("%v was found %v", e.Process, e.Found)
		case <-time.After(Patience):
			s.Fatal("no evidence came")
		}
	}
}

func testEvidenceRefused(s *suite) {
	hosts := s.openAll(2)
	hosts[0].Watch([]transport.Target{hosts[1].target(), hosts[0].target()})
	s.await(hosts[0], hosts[1].self, message.EvidenceNone)
	s.shut(hosts[1])
	for _, e := range s.await(hosts[0], hosts[1].self, message.EvidenceRefused) {
		if e != message.EvidenceClosed {
			s.Errorf("before Refused came %v, want at most Closed", e)
		}
	}
}

func testEvidenceReplaced(s *suite) {
	hosts := s.openAll(2)
	old := hosts[1].target()
	hosts[0].Watch([]transport.Target{old})
	s.await(hosts[0], old.Process, message.EvidenceNone)
	s.shut(hosts[1])
	next := s.reopen(1, 2, 999)
	s.await(hosts[0], old.Process, message.EvidenceReplaced)
	hosts[0].Watch([]transport.Target{next.target()})
	s.await(hosts[0], next.self, message.EvidenceNone)
}

// testEvidenceUnread: nobody reading evidence hinders neither frames nor the
// latest finding.
func testEvidenceUnread(s *suite) {
	hosts := s.openAll(HostsMax)
	var targets []transport.Target
	for _, h := range hosts[1:] {
		targets = append(targets, h.target())
	}
	hosts[0].Watch(targets)
	s.awaitCount(hosts[0], message.EvidenceNone, len(targets))
	for _, h := range hosts[2:] {
		s.shut(h)
	}
	s.deliver(hosts[1], hosts[0])
	s.deliver(hosts[0], hosts[1])
	found := s.awaitCount(hosts[0], message.EvidenceRefused, HostsMax-2)
	if e, some := found[hosts[1].self]; some {
		s.Errorf("host 1 lives and was found %v", e)
	}
}

func testEvidenceEnds(s *suite) {
	hosts := s.openAll(2)
	hosts[0].Watch([]transport.Target{hosts[1].target()})
	s.shut(hosts[0])
	for e := range hosts[0].Evidence() {
		s.Log("before the end:", e.Found)
	}
}
