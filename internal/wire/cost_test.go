package wire

import (
	"testing"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Encoding into a buffer that is large enough allocates nothing.
func TestEncodingAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, views.DatagramMax)
	for _, m := range samples() {
		allocs := testing.AllocsPerRun(100, func() {
			b, err := AppendMessage(AppendHeader(buf, sampleHeader), m)
			if err != nil {
				t.Fatal(err)
			}
			Sum(b)
		})
		if allocs != 0 {
			t.Errorf("%v: %v allocations", m.Type(), allocs)
		}
	}
}

// The frequent messages cost an allocation for themselves and one for a list. Data,
// of which there is most, costs nothing: it is the frame's (TestDataAllocatesNothing).
func TestDecodingAllocations(t *testing.T) {
	have := make([]message.StreamPos, 5)
	for _, c := range []struct {
		m    message.Message
		want float64
	}{
		{sample(message.TypeHeartbeat), 1},
		{sample(message.TypePing), 1},
		{sample(message.TypePong), 1},
		{&message.Ack{View: viewN(3)}, 1},
		{&message.Ack{View: viewN(3), Have: have}, 2},
		{&message.Stable{View: viewN(3), Have: have}, 2},
	} {
		frame, err := frameOf(c.m)
		if err != nil {
			t.Fatal(err)
		}
		var f Frame
		got := testing.AllocsPerRun(100, func() {
			if err := Decode(frame, &f); err != nil || len(f.Messages) != 1 {
				t.Fatal(err)
			}
		})
		if got > c.want {
			t.Errorf("%v: %v allocations, want %v", c.m.Type(), got, c.want)
		}
	}
}

// Decoding frame after frame of packets allocates nothing, however many are in
// one, once a frame with as many was decoded.
func TestDataAllocatesNothing(t *testing.T) {
	for _, n := range []int{1, 40} {
		frame, err := frameOf(dataN(n)...)
		if err != nil {
			t.Fatal(err)
		}
		var f Frame
		allocs := testing.AllocsPerRun(100, func() {
			if err := Decode(frame, &f); err != nil || len(f.Messages) != n {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%d packets: %v allocations", n, allocs)
		}
	}
}

// A frame of packets that are no good leaves no memory behind for them.
func TestBrokenDataTakesNoMemory(t *testing.T) {
	var rest []byte
	for range 1000 {
		rest = append(rest, byte(message.TypeData), 0)
	}
	var f Frame
	if err := Decode(rawFrame(rest...), &f); err != nil || len(f.Broken)+f.More != 1000 || len(f.packets.all) != 0 {
		t.Errorf("%v: %d broken, %d taken", err, len(f.Broken)+f.More, len(f.packets.all))
	}
}

// A foreign frame costs no allocation at all.
func TestHeaderAllocatesNothing(t *testing.T) {
	frame := rawFrame(1, 2, 3)
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := DecodeHeader(frame); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func benchmarkRoundTrip(b *testing.B, m message.Message) {
	buf := make([]byte, 0, views.DatagramMax)
	var f Frame
	b.ReportAllocs()
	for b.Loop() {
		frame, err := AppendMessage(AppendHeader(buf, sampleHeader), m)
		if err != nil {
			b.Fatal(err)
		}
		Sum(frame)
		if err := Decode(frame, &f); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(frame)))
	}
}

// These encode, seal and decode one frame of one message.

func BenchmarkHeartbeat(b *testing.B) { benchmarkRoundTrip(b, sample(message.TypeHeartbeat)) }

func BenchmarkData(b *testing.B) {
	benchmarkRoundTrip(b, &message.Data{View: viewN(12), Stream: 5, Seq: 1000, Body: make([]byte, 1000)})
}

func BenchmarkAck(b *testing.B) {
	have := []message.StreamPos{{Stream: 0, Seq: 900}, {Stream: 1, Seq: 1000}, {Stream: 2, Seq: 30}, {Stream: 5, Seq: 40}, {Stream: 9, Seq: 1}}
	benchmarkRoundTrip(b, &message.Ack{View: viewN(12), Have: have})
}

// BenchmarkForeignHeader is what a frame of another group costs.
func BenchmarkForeignHeader(b *testing.B) {
	frame := rawFrame(1, 2, 3)
	for b.Loop() {
		if _, err := DecodeHeader(frame); err != nil {
			b.Fatal(err)
		}
	}
}
