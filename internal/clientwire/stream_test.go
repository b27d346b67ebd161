package clientwire

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"pgregory.net/rapid"
)

// The two ends together: what was written is read, in its order and whole; the
// reader holds no more than it may; after both last words both are over.
func TestStreamOfBothEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var in Incoming
		var out Outgoing
		size := rapid.IntRange(0, 3*StreamWindow).Draw(t, "size")
		sent, got := 0, 0
		for last := error(nil); last == nil; {
			if out.May() && rapid.Bool().Draw(t, "write") {
				n := min(size-sent, rapid.IntRange(1, TailMax).Draw(t, "piece"))
				if n == 0 {
					if !out.End() || in.End(nil) != nil {
						t.Fatal("the end was said before")
					}
					continue
				}
				if err := in.Take(bytes.Repeat([]byte{byte(sent)}, n)); err != nil {
					t.Fatal(err)
				}
				out.Sent(n)
				sent += n
			}
			if held := len(in.waiting) - in.at; held > StreamWindow+TailMax {
				t.Fatalf("%d bytes are held", held)
			}
			n, grant, err := in.Read(make([]byte, rapid.IntRange(1, 1<<17).Draw(t, "read")))
			got, last = got+n, err
			if grant > 0 && out.More(uint64(grant)) != nil { //nolint:gosec // positive
				t.Fatal("a grant was refused")
			}
		}
		if got != size || !in.Stop() || out.Stop() != nil || !in.Over() || !out.Over() {
			t.Fatalf("%d of %d bytes, over %v %v", got, size, in.Over(), out.Over())
		}
	})
}

func TestStreamFaults(t *testing.T) {
	begun := func() *Incoming {
		var in Incoming
		_, _, _ = in.Read(make([]byte, 1))
		return &in
	}
	ended, stopped := begun(), begun()
	_ = ended.End(io.ErrUnexpectedEOF)
	stopped.Stop()
	full := begun()
	for range StreamWindow/TailMax + 1 {
		if err := full.Take(make([]byte, TailMax)); err != nil {
			t.Fatal(err)
		}
	}
	_, _, readErr := ended.Read(nil)
	_, _, stopErr := stopped.Read(nil)
	var over, much Outgoing
	_ = over.Stop()
	for _, c := range []struct {
		name      string
		err, want error
	}{
		{"nothing granted", new(Incoming).Take([]byte("x")), ErrCredit},
		{"over credit", full.Take([]byte("x")), ErrCredit},
		{"behind the end", ended.Take([]byte("x")), ErrOver},
		{"a second end", ended.End(nil), ErrOver},
		{"read of what failed", readErr, io.ErrUnexpectedEOF},
		{"read of what was closed", stopErr, ErrStopped},
		{"bytes for what was closed", stopped.Take([]byte("x")), nil},
		{"a second stop", over.Stop(), ErrOver},
		{"more behind the stop", over.More(1), ErrOver},
		{"much", errors.Join(much.More(CreditMax), much.More(1)), ErrLimit},
		{"very much", much.More(1 << 63), ErrLimit},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.err, c.want)
		}
	}
}
