package transport

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"testing"
)

func TestFrames(t *testing.T) {
	for _, c := range []struct {
		n, segment int
		want       []int
	}{
		{0, 0, []int{0}},
		{7, 0, []int{7}},
		{7, 7, []int{7}},
		{7, 9, []int{7}},
		{7, -1, []int{7}},
		{8, 4, []int{4, 4}},
		{9, 4, []int{4, 4, 1}},
		{3, 1, []int{1, 1, 1}},
	} {
		in := Inbound{Buf: []byte("0123456789"), N: c.n, Segment: c.segment}
		var sizes []int
		var all []byte
		for frame := range in.Frames() {
			sizes = append(sizes, len(frame))
			all = append(all, frame...)
		}
		if !slices.Equal(sizes, c.want) || !bytes.Equal(all, in.Buf[:c.n]) || in.Count() != len(sizes) {
			t.Errorf("%d bytes by %d: frames of %v bytes, count %d, want %v", c.n, c.segment, sizes, in.Count(), c.want)
		}
	}
}

func TestFramesEndsWithItsReader(t *testing.T) {
	in := Inbound{Buf: []byte("0123456789"), N: 10, Segment: 3}
	var got []string
	for frame := range in.Frames() {
		got = append(got, string(frame))
		if len(got) == 2 {
			break
		}
	}
	if !slices.Equal(got, []string{"012", "345"}) {
		t.Errorf("got %q", got)
	}
}

func TestFramesCostNoMemory(t *testing.T) {
	batch := []Inbound{{Buf: make([]byte, 100), N: 95, Segment: 10}}
	sum := 0
	got := testing.AllocsPerRun(100, func() {
		for i := range batch {
			for frame := range batch[i].Frames() {
				sum += len(frame)
			}
		}
	})
	if got > 0 {
		t.Errorf("reading frames takes %v allocations", got)
	}
}

// singles notes what it is told to send and fails where it is told to.
type singles struct {
	sent []string
	fail map[string]error
}

func (s *singles) Send(frame []byte, to netip.AddrPort) error {
	s.sent = append(s.sent, string(frame)+" to "+to.String())
	return s.fail[string(frame)]
}

func (s *singles) SendAll(frame []byte, to []netip.AddrPort) error {
	for _, a := range to {
		s.sent = append(s.sent, "all: "+string(frame)+" to "+a.String())
	}
	return s.fail[string(frame)]
}

func TestSendEach(t *testing.T) {
	a, b := netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("10.0.0.2:1")
	s := &singles{fail: map[string]error{"y": ErrNoRoute, "z": ErrClosed}}
	err := SendEach(s, []Outbound{
		{All: true, To: []netip.AddrPort{a, b}, Frame: []byte("x")},
		{To: []netip.AddrPort{b, a}, Frame: []byte("y")},
		{Frame: []byte("nowhere")},
		{All: true, Frame: []byte("nowhere")},
		{To: []netip.AddrPort{a}, Frame: []byte("z")},
	})
	if !errors.Is(err, ErrNoRoute) {
		t.Errorf("got %v, want the first error", err)
	}
	want := []string{"all: x to 10.0.0.1:1", "all: x to 10.0.0.2:1", "y to 10.0.0.2:1", "z to 10.0.0.1:1"}
	if !slices.Equal(s.sent, want) {
		t.Errorf("sent %q, want %q", s.sent, want)
	}
}
