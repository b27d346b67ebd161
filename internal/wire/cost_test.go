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
			Seal(b)
		})
		if allocs != 0 {
			t.Errorf("%v: %v allocations", m.Type(), allocs)
		}
	}
}

// The frequent messages cost one allocation each, and Data one more for the
// payload, which is the receiver's to keep.
func TestDecodingAllocations(t *testing.T) {
	have := make([]message.StreamPos, 5)
	for _, c := range []struct {
		m    message.Message
		want float64
	}{
		{sample(message.TypeHeartbeat), 1},
		{sample(message.TypePing), 1},
		{sample(message.TypePong), 1},
		{&message.Ack{View: viewN(3), Have: have}, 1},
		{&message.Stable{View: viewN(3), Have: have}, 1},
		{&message.Data{View: viewN(3), First: 1, Items: []message.Item{{Group: "chat", Payload: []byte("hello")}}}, 2},
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
		Seal(frame)
		if err := Decode(frame, &f); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(frame)))
	}
}

// Both benchmarks encode, seal and decode one frame of one message.

func BenchmarkHeartbeat(b *testing.B) { benchmarkRoundTrip(b, sample(message.TypeHeartbeat)) }

func BenchmarkData(b *testing.B) {
	item := message.Item{Kind: message.ItemAgreed, K: 1000, N: 1000, Group: "chat", Payload: make([]byte, 1000)}
	benchmarkRoundTrip(b, &message.Data{View: viewN(12), Origin: 2, First: 1000, Items: []message.Item{item}})
}

func BenchmarkAck(b *testing.B) {
	have := []message.StreamPos{{Rank: 0, Seq: 900}, {Rank: 1, Seq: 1000}, {Rank: 2, Seq: 30}, {Rank: 3, Seq: 40}, {Rank: 4, Seq: 1}}
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
