package endpoint

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/transporttest"
)

func open(t testing.TB, bind netip.AddrPort) *Endpoint {
	t.Helper()
	e, err := Open(Config{Bind: bind, GroupHash: 1, Self: transporttest.Process(int(bind.Port()), 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

var anyPort = netip.MustParseAddrPort("127.0.0.1:0")

func TestPortInUseSaysWhoAndWhatToDo(t *testing.T) {
	at := transporttest.LoopbackNet(t)(0)
	open(t, at)
	for _, network := range []string{"udp", "tcp"} {
		var err error
		if network == "udp" {
			_, err = listenUDP(at)
		} else {
			_, err = ListenTCP(at)
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Fatalf("%s: %v", network, err)
		}
		for _, want := range []string{network, at.String(), fmt.Sprintf("(pid %d)", os.Getpid()), "another port"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not say %q", err, want)
			}
		}
	}
}

func TestTCPPortInUseFreesUDP(t *testing.T) {
	at := transporttest.LoopbackNet(t)(0)
	l, err := net.Listen("tcp4", at.String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Bind: at}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("got %v", err)
	}
	_ = l.Close()
	open(t, at)
}

func TestForeignAddressListsOurs(t *testing.T) {
	_, err := Open(Config{Bind: netip.MustParseAddrPort("198.51.100.7:7749")})
	if !errors.Is(err, syscall.EADDRNOTAVAIL) || !strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("got %v, want the addresses we have", err)
	}
}

func TestBadAddresses(t *testing.T) {
	for _, cfg := range []Config{
		{Bind: netip.MustParseAddrPort("[::1]:7749")},
		{},
		{Bind: netip.MustParseAddrPort("0.0.0.0:7749")},
		{Bind: netip.MustParseAddrPort("239.1.1.1:7749")},
		{Bind: anyPort, Advertise: netip.MustParseAddrPort("0.0.0.0:1")},
	} {
		if e, err := Open(cfg); err == nil {
			_ = e.Close()
			t.Errorf("bind %v, advertise %v were taken", cfg.Bind, cfg.Advertise)
		}
	}
}

func TestAdvertise(t *testing.T) {
	for give, want := range map[string]string{"10.1.2.3:99": "10.1.2.3:99", "10.1.2.3:0": "10.1.2.3:"} {
		e, err := Open(Config{Bind: netip.MustParseAddrPort("0.0.0.0:0"), Advertise: netip.MustParseAddrPort(give)})
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Local().String(); !strings.HasPrefix(got, want) || e.Local().Port() == 0 {
			t.Errorf("advertise %s: others hear %s", give, got)
		}
		_ = e.Close()
	}
}

// A tether at rest must cost no byte.
func TestNoKeepalive(t *testing.T) {
	l, err := ListenTCP(anyPort)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	client, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = control(raw, func(fd int) error {
		on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE)
		if on != 0 {
			t.Error("an accepted connection sends keepalives")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSendAllSkipsWhatCannotBeReached(t *testing.T) {
	a, b, c := open(t, anyPort), open(t, anyPort), open(t, anyPort)
	to := []netip.AddrPort{
		netip.MustParseAddrPort("[2001:db8::1]:1"), b.Local(),
		netip.MustParseAddrPort("255.255.255.255:9999"), // loopback has no broadcast route for us
		netip.MustParseAddrPort("127.0.0.1:0"), c.Local(),
	}
	if err := a.SendAll([]byte("hello"), to); !errors.Is(err, transport.ErrNoRoute) {
		t.Errorf("got %v, want the first fault, no route", err)
	}
	for _, e := range []*Endpoint{b, c} {
		batch := transporttest.NewBatch(2)
		if n, err := e.Receive(batch); n != 1 || err != nil || string(batch[0].Buf[:batch[0].N]) != "hello" {
			t.Errorf("got %d frames, %v", n, err)
		}
	}
}

// A frame that does not fit is dropped, and the frames behind it move up.
func TestTooLongIsCounted(t *testing.T) {
	a, b := open(t, anyPort), open(t, anyPort)
	for _, s := range []string{"first", strings.Repeat("x", 200), "third", "4th"} {
		if err := a.Send([]byte(s), b.Local()); err != nil {
			t.Fatal(err)
		}
	}
	batch := make([]transport.Inbound, 4)
	for i := range batch {
		batch[i].Buf = make([]byte, 100)
	}
	n, err := b.Receive(batch)
	if err != nil || n != 3 {
		t.Fatalf("got %d frames, %v, want 3", n, err)
	}
	for i, want := range []string{"first", "third", "4th"} {
		if got := string(batch[i].Buf[:batch[i].N]); got != want || batch[i].From != a.Local() {
			t.Errorf("frame %d is %q from %v, want %q", i, got, batch[i].From, want)
		}
	}
	seen := map[*byte]bool{}
	for _, in := range batch {
		seen[&in.Buf[0]] = true
	}
	if len(seen) != len(batch) {
		t.Error("two places of the batch share a buffer")
	}
	if got := b.Stats().Dropped[transport.DropTooLong]; got != 1 {
		t.Errorf("counted %d, want 1", got)
	}
}

func TestKernelDropsAreCounted(t *testing.T) {
	a, b := open(t, anyPort), open(t, anyPort)
	raw, err := b.conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = control(raw, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4096) })
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if err := a.Send(make([]byte, 1400), b.Local()); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.Stats().Dropped[transport.DropReceiveBuffer]; got == 0 || got >= 50 {
		t.Errorf("counted %d drops of 50 in a small buffer", got)
	}
}

// Many waiting receivers cost no thread each, and Close wakes every one.
func TestManyWait(t *testing.T) {
	const n = 100
	ended := make(chan error, n)
	var all []*Endpoint
	for range n {
		e := open(t, anyPort)
		all = append(all, e)
		go func() {
			_, err := e.Receive(transporttest.NewBatch(1))
			ended <- err
		}()
	}
	for _, e := range all {
		_ = e.Close()
	}
	for range n {
		select {
		case err := <-ended:
			if !errors.Is(err, transport.ErrClosed) {
				t.Fatal(err)
			}
		case <-time.After(transporttest.Patience):
			t.Fatal("a receiver still waits")
		}
	}
}

func TestSendCostsNoMemory(t *testing.T) {
	a, b := open(t, anyPort), open(t, anyPort)
	frame := make([]byte, 300)
	to := b.Local()
	if got := testing.AllocsPerRun(100, func() { _ = a.Send(frame, to) }); got > 0 {
		t.Errorf("a send takes %v allocations", got)
	}
}

func BenchmarkSendReceive(b *testing.B) {
	x, y := open(b, anyPort), open(b, anyPort)
	frame, batch := make([]byte, 300), transporttest.NewBatch(8)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		if err := x.Send(frame, y.Local()); err != nil {
			b.Fatal(err)
		}
		if _, err := y.Receive(batch); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSendAll(b *testing.B) {
	x, y := open(b, anyPort), open(b, anyPort)
	to := make([]netip.AddrPort, 100)
	for i := range to {
		to[i] = y.Local()
	}
	frame := make([]byte, 300)
	b.ReportAllocs()
	for b.Loop() {
		if err := x.SendAll(frame, to); err != nil {
			b.Fatal(err)
		}
	}
}
