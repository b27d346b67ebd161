package clients

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// Behind a frame that was cut off, because a client does not read, nothing comes that
// it could take for the rest of it.
func TestNothingBehindAHalfFrame(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	var o outbox
	o.init(near, &counters{})
	o.append(func(b []byte) []byte { return append(b, bytes.Repeat([]byte("a"), 4<<20)...) })
	if err := o.flush(near, time.Millisecond); err == nil {
		t.Fatal("a socket that nobody reads takes 4 MiB")
	}
	o.append(func(b []byte) []byte { return append(b, "thrown away"...) })
	o.close()
	o.drain()
	_ = near.SetWriteDeadline(time.Now().Add(time.Minute)) // as stop does, for the last words
	if o.straight != nil {
		t.Error("a writer may still write by itself")
	}
	o.append(func(b []byte) []byte { return append(b, "the last word"...) })
	_ = near.Close()
	all, _ := io.ReadAll(far) // what came before the end is what counts
	if bytes.Contains(all, []byte("the last word")) || bytes.Contains(all, []byte("thrown")) {
		t.Errorf("behind %d bytes of a frame comes another", bytes.Count(all, []byte("a")))
	}
}
