package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/gms/member/membertest"
)

// start runs a counter and gives the lines it writes.
func start(ctx context.Context, t *testing.T, f *membertest.Fake, host int) (*membertest.FakePort, *bufio.Scanner) {
	p, err := f.Open(host, fmt.Sprint("c", host))
	if err != nil {
		t.Fatal(err)
	}
	read, write := io.Pipe()
	go func() {
		if err := count(ctx, p, "counter", write, func() {}); err != nil {
			t.Error(err)
		}
		_ = write.Close()
	}()
	return p, bufio.NewScanner(read)
}

// until reads lines up to the one wanted.
func until(t *testing.T, lines *bufio.Scanner, want string) {
	t.Helper()
	for lines.Scan() {
		if lines.Text() == want {
			return
		}
	}
	t.Fatalf("no %s", want)
}

// TestWhatIsTypedAtOnceCounts: nothing is added before the counter is in its group.
func TestWhatIsTypedAtOnceCounts(t *testing.T) {
	f := membertest.NewFake(1, membertest.FakeOptions{})
	p, err := f.Open(0, "c")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err = count(t.Context(), p, "counter", &out, func() {
		if err := addAll(t.Context(), p, "counter", strings.NewReader("1\n2\n")); err != nil {
			t.Error(err)
		}
	})
	if err != nil || out.String() != "0\n1\n3\n" {
		t.Errorf("wrote %q, %v", out.String(), err)
	}
}

func TestCounter(t *testing.T) {
	ctx, f := t.Context(), membertest.NewFake(3, membertest.FakeOptions{})
	var ports []*membertest.FakePort
	var out []*bufio.Scanner
	numbers := func(p *membertest.FakePort, text string) {
		t.Helper()
		if err := add(ctx, p, "counter", strings.NewReader(text)); err != nil {
			t.Error(err)
		}
	}
	for i := range 2 {
		p, lines := start(ctx, t, f, i)
		ports, out = append(ports, p), append(out, lines)
		if i == 0 {
			until(t, lines, "0") // it is there
			go numbers(p, "1\n2\n3\n")
			until(t, lines, "6")
		}
	}
	until(t, out[1], "6") // the newcomer learns the sum
	go numbers(ports[0], strings.Repeat("1\n", 50))
	go numbers(ports[1], strings.Repeat("2\n", 50))
	done := make(chan struct{})
	go func() { until(t, out[0], "156"); close(done) }()
	until(t, out[1], "156")
	<-done
	_ = ports[0].Abort() // the second is the oldest now, and tells the third
	p, lines := start(ctx, t, f, 2)
	until(t, lines, "156")
	_ = ports[1].Close()
	_ = p.Close()
}
