package straight_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/straight"
)

func pair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = net.Dial("unix", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// What it says it has written comes, and no more; where nobody reads it ends at what
// the kernel takes.
func TestWritesWhatIsTaken(t *testing.T) {
	near, far := pair(t)
	w := straight.NewWriter(near)
	if !w.Due() {
		t.Error("a new one has written lately")
	}
	var wrote []byte
	for i := 0; ; i++ {
		piece := bytes.Repeat([]byte{byte(i)}, 10_000)
		n := w.Write(piece)
		wrote = append(wrote, piece[:n]...)
		if n < len(piece) {
			break
		}
	}
	if w.Due() {
		t.Error("it has written, and says that it has not")
	}
	got := make([]byte, len(wrote))
	if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, wrote) {
		t.Errorf("%d bytes came otherwise: %v", len(wrote), err)
	}
	far.Close()
	if n := w.Write([]byte("x")); n != 0 {
		t.Errorf("%d bytes written to nobody", n)
	}
	near.Close()
	if n := w.Write([]byte("x")); n != 0 {
		t.Errorf("%d bytes written to a closed connection", n)
	}
}

func TestOnlyWhatHasADescriptor(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	w := straight.NewWriter(near)
	if w != nil || w.Due() {
		t.Error("a pipe in memory has one")
	}
	w.Wrote()
}

// A Reader tells of the end, of a deadline and of closing as the connection does, and
// waits for what is not there yet.
func TestReadsAsTheConnection(t *testing.T) {
	near, far := pair(t)
	r := straight.NewReader(far)
	b := make([]byte, 4)
	if n, err := r.Read(nil); n != 0 || err != nil {
		t.Errorf("no room: %d, %v", n, err)
	}
	go func() { _, _ = near.Write([]byte("later on")) }()
	if _, err := io.ReadFull(r, b); err != nil || string(b) != "late" {
		t.Errorf("read %q: %v", b, err)
	}
	if n, err := io.ReadFull(r, b); err != nil || string(b[:n]) != "r on" {
		t.Errorf("read %q: %v", b[:n], err)
	}
	if err := far.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the deadline: %v", err)
	}
	if err := far.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	near.Close()
	if n, err := r.Read(b); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
	far.Close()
	if _, err := r.Read(b); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// What is wrapped is read by its own Read.
func TestReadsWhatIsWrapped(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	go func() { _, _ = near.Write([]byte("x")); near.Close() }()
	if b, err := io.ReadAll(straight.NewReader(far)); err != nil || string(b) != "x" {
		t.Errorf("read %q: %v", b, err)
	}
}
