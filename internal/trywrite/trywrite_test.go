package trywrite_test

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/gmsd/gmsd/internal/trywrite"
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
	w := trywrite.New(near)
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
	w := trywrite.New(near)
	if w != nil || w.Due() {
		t.Error("a pipe in memory has one")
	}
	w.Wrote()
}
