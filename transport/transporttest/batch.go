package transporttest

import (
	"bytes"
	"errors"
	"net/netip"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
)

// mixed is a batch for two receivers, and what each is to get. What is for all
// and what is for one may pass each other: they may come by different ways.
type mixed struct {
	hosts     []*host // the sender first
	batch     []transport.Outbound
	all, sole map[*host][][]byte
}

func newMixed(hosts []*host) *mixed {
	return &mixed{hosts: hosts, all: map[*host][][]byte{}, sole: map[*host][][]byte{}}
}

// forAll adds n frames for all receivers.
func (m *mixed) forAll(n, size int, seed byte) {
	var to []netip.AddrPort
	for _, h := range m.hosts[1:] {
		to = append(to, h.Local())
	}
	for k := range n {
		f := frame(size, seed+byte(k))
		m.batch = append(m.batch, transport.Outbound{All: true, To: to, Frame: f})
		for _, h := range m.hosts[1:] {
			m.all[h] = append(m.all[h], bytes.Clone(f))
		}
	}
}

// forOne adds n frames for receiver i.
func (m *mixed) forOne(i, n, size int, seed byte) {
	for k := range n {
		f := frame(size, seed+byte(k))
		m.batch = append(m.batch, transport.Outbound{To: []netip.AddrPort{m.hosts[i].Local()}, Frame: f})
		m.sole[m.hosts[i]] = append(m.sole[m.hosts[i]], bytes.Clone(f))
	}
}

// check receives what was sent, whole, once each, in order.
func (m *mixed) check(s *suite) {
	s.Helper()
	for _, h := range m.hosts[1:] {
		all, sole := m.all[h], m.sole[h]
		for len(all)+len(sole) > 0 {
			in := s.next(h)
			switch {
			case in.From != m.hosts[0].Local():
				s.Fatalf("host %d: a frame from %v, want %v", h.i, in.From, m.hosts[0].Local())
			case len(all) > 0 && bytes.Equal(in.Buf, all[0]):
				all = all[1:]
			case len(sole) > 0 && bytes.Equal(in.Buf, sole[0]):
				sole = sole[1:]
			default:
				s.Fatalf("host %d: a frame of %d bytes, whole: %v, out of turn; %d for all and %d for it alone are to come",
					h.i, in.N, whole(in.Buf), len(all), len(sole))
			}
		}
		s.nothingMore(h)
	}
	s.nothingMore(m.hosts[0])
}

// testBatch sends what a system may coalesce and what it may not: equal frames,
// more than 64 and more than 64 KiB of them, a shorter one behind, longer and
// shorter ones by turns, for all and for one.
func testBatch(s *suite) {
	m := newMixed(s.openAll(3))
	m.forAll(70, 1100, 1)
	m.forAll(1, 500, 2)
	m.forAll(2, 1100, 3)
	m.forOne(1, 3, 700, 4)
	m.forOne(2, 1, 700, 5)
	m.forOne(1, 2, 700, 6)
	m.forAll(1, 4, 7)
	m.forAll(1, 9000, 8)
	m.forOne(2, 2, 4, 9)
	for k := range 12 {
		m.forAll(1, 400-300*(k%2), byte(k))
	}
	if err := m.hosts[0].SendBatch(m.batch); err != nil {
		s.Fatal(err)
	}
	for _, o := range m.batch {
		clear(o.Frame) // the caller's again
	}
	m.check(s)
}

// testBatchOfLong: frames too long for one another's company.
func testBatchOfLong(s *suite) {
	m := newMixed(s.openAll(3))
	m.forAll(2, 20_000, 1)
	m.forOne(1, 1, views.DatagramMax, 2)
	if err := m.hosts[0].SendBatch(m.batch); err != nil {
		s.Fatal(err)
	}
	m.check(s)
}

// testBatchTooLong: a frame that cannot go loses itself only.
func testBatchTooLong(s *suite) {
	m := newMixed(s.openAll(3))
	long := make([]byte, views.DatagramMax+1)
	m.forAll(3, 300, 1)
	m.batch = append(m.batch, transport.Outbound{All: true, To: m.batch[0].To, Frame: long})
	m.forAll(3, 300, 2)
	m.forOne(2, 2, 300, 3)
	m.batch = append(m.batch, transport.Outbound{To: m.batch[0].To[:1], Frame: long})
	m.forOne(1, 2, 300, 4)
	if err := m.hosts[0].SendBatch(m.batch); !errors.Is(err, transport.ErrTooLong) {
		s.Errorf("got %v, want ErrTooLong", err)
	}
	m.check(s)
}

// testBatchOfNothing: no frame, and frames for nobody.
func testBatchOfNothing(s *suite) {
	hosts := s.openAll(2)
	for _, batch := range [][]transport.Outbound{nil, {}, {{Frame: frame(10, 1)}, {All: true, Frame: frame(10, 1)}}} {
		if err := hosts[0].SendBatch(batch); err != nil {
			s.Errorf("a batch of %d for nobody: %v", len(batch), err)
		}
	}
	s.deliver(hosts[0], hosts[1])
	s.nothingMore(hosts[1])
}

func testBatchAfterClose(s *suite) {
	m := newMixed(s.openAll(2))
	m.forAll(2, 100, 1)
	m.forOne(1, 2, 100, 2)
	s.shut(m.hosts[0])
	if err := m.hosts[0].SendBatch(m.batch); !errors.Is(err, transport.ErrClosed) {
		s.Errorf("got %v, want ErrClosed", err)
	}
	s.nothingMore(m.hosts[1])
}

// testBatchCounts: what is coalesced counts by its frames.
func testBatchCounts(s *suite) {
	m := newMixed(s.openAll(2))
	out, ok := m.hosts[0].Transport.(transport.Counter)
	in, ok2 := m.hosts[1].Transport.(transport.Counter)
	if !ok || !ok2 {
		s.Skip("does not count")
	}
	m.forOne(1, 10, 100, 1)
	m.forOne(1, 1, 50, 2)
	if err := m.hosts[0].SendBatch(m.batch); err != nil {
		s.Fatal(err)
	}
	m.check(s)
	want := transport.Traffic{Packets: 11, Bytes: 1050}
	if got := out.Stats().UnicastOut; got != want {
		s.Errorf("sent %+v, want %+v", got, want)
	}
	if got := in.Stats().UnicastIn; got != want {
		s.Errorf("received %+v, want %+v", got, want)
	}
}
