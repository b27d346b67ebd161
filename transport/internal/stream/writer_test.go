package stream

import (
	"bytes"
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// uncounted is told and forgets.
type uncounted struct{}

func (uncounted) Sent(int, int) {}
func (uncounted) Shed(int)      {}
func (uncounted) Unsent(int)    {}

// connected gives both ends of a connection.
func connected(t *testing.T) (here, there *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return a.(*net.TCPConn), b.(*net.TCPConn)
}

// awaitHangup waits until a reset has come, and takes nothing away.
func awaitHangup(t *testing.T, raw syscall.RawConn) {
	t.Helper()
	var events int16
	for events&unix.POLLERR == 0 {
		if err := raw.Control(func(fd uintptr) {
			set := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
			_, _ = unix.Poll(set, int((10 * time.Second).Milliseconds()))
			events = set[0].Revents
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// A socket says once that it was reset. A writer that looks while something is queued, and
// writes nothing, keeps it for who reads, and who would take it for an end.
func TestResetIsKeptForTheReader(t *testing.T) {
	here, there := connected(t)
	raw, err := here.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var g Gather
	g.Init()
	w := NewWriter(here, raw, &Budget{Peer: 1 << 20, All: 1 << 20, Least: 1 << 16}, uncounted{}, func(func()) {}, time.Second)
	frame := []Piece{{Kind: KindFrame, Body: bytes.Repeat([]byte{7}, 60_000)}}
	for n := 0; w.queue.Empty(); n++ {
		if n > 10_000 || !w.Push(&g, frame) {
			t.Fatalf("after %d frames nothing waits", n)
		}
	}
	if err := there.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	if err := there.Close(); err != nil {
		t.Fatal(err)
	}
	awaitHangup(t, raw)
	if w.Push(&g, frame); !errors.Is(w.Fault(), syscall.ECONNRESET) {
		t.Errorf("it is kept as %v", w.Fault())
	}
	if _, err := here.Read(make([]byte, 1)); errors.Is(err, syscall.ECONNRESET) {
		t.Error("the reader is told, too: then nobody need keep it")
	}
}
