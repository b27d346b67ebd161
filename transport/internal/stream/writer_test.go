package stream

import (
	"bytes"
	"errors"
	"io"
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

// behind gives a writer for which frames wait, and that nobody writes; and the other end.
func behind(t *testing.T) (w *Writer, g *Gather, there *net.TCPConn) {
	t.Helper()
	here, there := connected(t)
	raw, err := here.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	g = new(Gather)
	g.Init()
	w = NewWriter(here, raw, &Budget{Peer: 1 << 20, All: 1 << 20, Least: 1 << 16}, uncounted{}, func(func()) {}, time.Second)
	for n := 0; w.queue.Empty(); n++ {
		if n > 10_000 || !w.Push(g, someFrame) {
			t.Fatalf("after %d frames nothing waits", n)
		}
	}
	return w, g, there
}

var someFrame = []Piece{{Kind: KindFrame, Body: bytes.Repeat([]byte{7}, 60_000)}}

// reset has the other end reset the connection of w.
func reset(t *testing.T, w *Writer, there *net.TCPConn) {
	t.Helper()
	if err := there.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	if err := there.Close(); err != nil {
		t.Fatal(err)
	}
	awaitHangup(t, w.raw)
}

// readsEnd wants that who reads is not told of a reset: then nobody need keep it.
func readsEnd(t *testing.T, w *Writer) {
	t.Helper()
	if _, err := w.conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the reader is told %v", err)
	}
}

// A socket says once that it was reset. A writer that looks while something is queued, and
// writes nothing, keeps it for who reads, and who would take it for an end.
func TestResetIsKeptForTheReader(t *testing.T) {
	w, g, there := behind(t)
	reset(t, w, there)
	if w.Push(g, someFrame); !errors.Is(w.Fault(), syscall.ECONNRESET) {
		t.Errorf("it is kept as %v", w.Fault())
	}
	readsEnd(t, w)
}

// So does one whose write has just met the reset, before it has noted it; an end that is
// none stays one.
func TestResetThatAWriteHasMet(t *testing.T) {
	w, _, there := behind(t)
	reset(t, w, there)
	if err := w.raw.Control(func(fd uintptr) {
		if _, err := unix.Write(int(fd), []byte{0}); !errors.Is(err, syscall.ECONNRESET) { // as flush does
			t.Errorf("the write met %v", err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	readsEnd(t, w)
	if !errors.Is(w.Fault(), syscall.ECONNRESET) {
		t.Errorf("it is kept as %v", w.Fault())
	}

	w, _, there = behind(t)
	if err := there.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	readsEnd(t, w)
	if err := w.Fault(); err != nil {
		t.Errorf("of an end it says %v", err)
	}
}
