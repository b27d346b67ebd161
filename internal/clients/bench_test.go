package clients

import (
	"context"
	"fmt"
	"net"
	"testing"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/gms/member/membertest"
	"github.com/gmsd/gmsd/views"
)

// A message is posted by a client, goes through the server to the fake sequencer,
// and comes back over the same connection; allocations are of both ends and the
// fake together.
func BenchmarkRoundTrip(b *testing.B) {
	for _, size := range []int{100, 1000, 60_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) { benchmarkPosts(b, size, 1) })
	}
}

// One client posts, another receives.
func BenchmarkOneWay(b *testing.B) {
	for _, size := range []int{100, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) { benchmarkPosts(b, size, 2) })
	}
}

func benchmarkPosts(b *testing.B, size, clients int) {
	f := membertest.NewFake(1, membertest.FakeOptions{})
	s := serve(b, f, 0, nil)
	w := &wires{conns: make(map[member.Port]net.Conn)}
	from := w.dial(b, s, "from")
	to := from
	if clients == 2 {
		to = w.dial(b, s, "to")
		defer to.Close()
	}
	defer from.Close()
	if err := to.Join(b.Context(), "g", member.Options{}); err != nil {
		b.Fatal(err)
	}
	payload := make([]byte, size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		for range b.N {
			if err := from.Post(context.Background(), "g", views.Agreed, payload); err != nil {
				b.Error(err)
				return
			}
		}
	}()
	receive(b, to, b.N)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

func receive(b *testing.B, p member.Port, n int) {
	for got := 0; got < n; {
		events, err := p.Next(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		for i := range events {
			if events[i].Kind == member.KindMessage {
				got++
			}
		}
	}
}

// A receipt: what one caller waits for at a time.
func BenchmarkSend(b *testing.B) {
	f := membertest.NewFake(1, membertest.FakeOptions{})
	s := serve(b, f, 0, nil)
	w := &wires{conns: make(map[member.Port]net.Conn)}
	p := w.dial(b, s, "from")
	defer p.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Send(context.Background(), "g", views.Agreed, make([]byte, 100)); err != nil {
			b.Fatal(err)
		}
	}
}

// The same posts without a socket, as a measure of the fake.
func BenchmarkFakeAlone(b *testing.B) {
	f := membertest.NewFake(1, membertest.FakeOptions{})
	p, err := f.Open(0, "p")
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Join(b.Context(), "g", member.Options{}); err != nil {
		b.Fatal(err)
	}
	payload := make([]byte, 100)
	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		for range b.N {
			_ = p.Post(context.Background(), "g", views.Agreed, payload)
		}
	}()
	receive(b, p, b.N)
}
