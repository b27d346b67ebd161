package mcast_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/mcast"
	"github.com/gmsd/gmsd/transport/transporttest"
)

func open(t testing.TB, cfg mcast.Config) *mcast.Transport {
	t.Helper()
	tr, err := mcast.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tr.Close() })
	return tr
}

func receive(t testing.TB, tr transport.Transport) transport.Inbound {
	t.Helper()
	batch := transporttest.NewBatch(1)
	if n, err := tr.Receive(batch); n != 1 || err != nil {
		t.Fatalf("got %d frames, %v", n, err)
	}
	return batch[0]
}

func TestBadConfig(t *testing.T) {
	bind := netip.MustParseAddrPort("127.0.0.1:0")
	for _, cfg := range []mcast.Config{
		{Bind: bind, Group: netip.MustParseAddrPort("10.0.0.1:7749")},
		{Bind: bind, Group: netip.MustParseAddrPort("239.1.1.1:0")},
		{Bind: bind, Group: netip.MustParseAddrPort("[ff02::1]:7749")},
		{Bind: bind, TTL: 256},
		{Bind: bind, TTL: -1},
		{Bind: netip.MustParseAddrPort("0.0.0.0:7749")},
		{},
	} {
		if tr, err := mcast.Open(cfg); err == nil {
			_ = tr.Close()
			t.Errorf("%+v was taken", cfg)
		}
	}
}

// Two groups on one port but different addresses do not hear each other, and
// neither hears what is for a unicast port.
func TestGroupsAreApart(t *testing.T) {
	net := transporttest.LoopbackNet(t)
	other := transporttest.MulticastGroup(net)
	b := other.Addr().As4()
	b[1] ^= 4
	other = netip.AddrPortFrom(netip.AddrFrom4(b), other.Port())

	here := [2]*mcast.Transport{
		open(t, config(net, net(0), transporttest.Process(0, 1), 0)),
		open(t, config(net, net(1), transporttest.Process(1, 1), 0)),
	}
	cfg := config(net, net(2), transporttest.Process(2, 1), 0)
	cfg.Group = other
	there := open(t, cfg)

	if err := there.Seek([]byte("other group")); err != nil {
		t.Fatal(err)
	}
	if err := here[0].Seek([]byte("our group")); err != nil {
		t.Fatal(err)
	}
	if in := receive(t, here[1]); string(in.Buf[:in.N]) != "our group" || in.From != here[0].Local() {
		t.Errorf("got %q from %v", in.Buf[:in.N], in.From)
	}
	if err := here[0].Send([]byte("direct"), there.Local()); err != nil {
		t.Fatal(err)
	}
	if in := receive(t, there); string(in.Buf[:in.N]) != "direct" {
		t.Errorf("got %q", in.Buf[:in.N])
	}
	want := transport.Traffic{Packets: 1, Bytes: 9}
	if got := here[1].Stats().MulticastIn; got != want {
		t.Errorf("heard %+v by multicast, want %+v", got, want)
	}
	if got := here[0].Stats(); got.MulticastOut != want || got.MulticastIn.Packets != 0 {
		t.Errorf("sent %+v and heard %+v by multicast; want %+v and nothing of its own", got.MulticastOut, got.MulticastIn, want)
	}
}

func TestGroupPortInUse(t *testing.T) {
	net := transporttest.LoopbackNet(t)
	first := config(net, net(0), transporttest.Process(0, 1), 0)
	open(t, first)
	second := first
	_, err := mcast.Open(second)
	if err == nil || !strings.Contains(err.Error(), "in use") || errors.Is(err, transport.ErrNoRoute) {
		t.Errorf("the same address twice: %v", err)
	}
}

// Every one of many hosts in one process hears every other, and that costs few
// goroutines and little memory each.
func TestManyHosts(t *testing.T) {
	const n = 100
	net := transporttest.LoopbackNet(t)
	var hosts []*mcast.Transport
	for i := range n {
		hosts = append(hosts, open(t, config(net, net(i), transporttest.Process(i, 1), 0)))
	}
	var wg sync.WaitGroup
	faults := make(chan error, n)
	for i, h := range hosts {
		wg.Go(func() { faults <- hearAll(h, n, i) })
	}
	for i, h := range hosts {
		if err := h.Seek(binary.BigEndian.AppendUint32(nil, uint32(i))); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(transporttest.Patience):
		t.Fatal("not everybody was heard")
	}
	close(faults)
	for err := range faults {
		if err != nil {
			t.Error(err)
		}
	}
}

// hearAll receives until every other host was heard once.
func hearAll(h *mcast.Transport, n, self int) error {
	batch := transporttest.NewBatch(4)
	heard := make([]bool, n)
	heard[self] = true
	for missing := n - 1; missing > 0; {
		got, err := h.Receive(batch)
		if err != nil {
			return err
		}
		for _, in := range batch[:got] {
			i := binary.BigEndian.Uint32(in.Buf)
			if heard[i] {
				return fmt.Errorf("host %d heard host %d twice", self, i)
			}
			heard[i] = true
			missing--
		}
	}
	return nil
}

func BenchmarkSeek100(b *testing.B) {
	const n = 100
	net := transporttest.LoopbackNet(b)
	var hosts []*mcast.Transport
	heard := make(chan struct{}, n)
	for i := range n {
		h := open(b, config(net, net(i), transporttest.Process(i, 1), 0))
		hosts = append(hosts, h)
		go func() {
			batch := transporttest.NewBatch(4)
			for {
				got, err := h.Receive(batch)
				if err != nil {
					return
				}
				for range got {
					heard <- struct{}{}
				}
			}
		}()
	}
	frame := bytes.Repeat([]byte{1}, 300)
	for b.Loop() {
		if err := hosts[0].Seek(frame); err != nil {
			b.Fatal(err)
		}
		for range n - 1 {
			<-heard
		}
	}
	for _, h := range hosts {
		_ = h.Close()
	}
}
