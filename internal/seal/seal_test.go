package seal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/views"
)

func keyN(n byte) keys.Key { return keys.KeyOf([keys.Size]byte{n}) }

func speaker(n byte) Speaker {
	return Speaker{views.Process{Host: views.HostID{n}, Incarnation: views.Incarnation(n)}, uint64(n)}
}

func newSealer(n byte, sending keys.Key, more ...keys.Key) *Sealer {
	s := New(speaker(n), 7)
	s.SetKeys(sending, append(more, sending))
	return s
}

// frame is a closed frame in its two parts.
type frame struct{ head, body []byte }

func (s *Sealer) frame(text string, row Row) frame {
	head := append([]byte("head of a frame "), make([]byte, CounterSize)...)
	whole := s.Close(head, []byte(text), row, views.HostID{})
	return frame{whole[:len(head)], whole[len(head):]}
}

func (s *Sealer) take(f frame, from byte, id keys.ID) (string, error) {
	plain, err := s.Open(nil, speaker(from), id, f.head, f.body)
	return string(plain), err
}

func TestCloseAndOpen(t *testing.T) {
	k := keyN(1)
	a, b := newSealer(1, k), newSealer(2, k)
	for _, row := range []Row{ToOne, ToAll, ToOne} {
		f := a.frame("hello", row)
		if len(f.body) != len("hello")+TagSize || bytes.Contains(f.body, []byte("hello")) {
			t.Fatalf("sealed: %q", f.body)
		}
		if got, err := b.take(f, 1, k.ID()); got != "hello" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		if _, err := b.take(f, 1, k.ID()); !errors.Is(err, ErrReplayed) {
			t.Errorf("a second time: %v", err)
		}
	}
}

// In place, as the engine does with short frames.
func TestCloseInPlace(t *testing.T) {
	k := keyN(1)
	a, b := newSealer(1, k), newSealer(2, k)
	buf := append(make([]byte, 16, 64), "in place"...)
	whole := a.Close(buf[:16], buf[16:], ToOne, views.HostID{})
	if &whole[0] != &buf[0] {
		t.Error("it was moved although there was room")
	}
	if got, err := b.take(frame{whole[:16], whole[16:]}, 1, k.ID()); got != "in place" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// What is for one host opens there alone, whoever gets it.
func TestForOneAlone(t *testing.T) {
	k := keyN(1)
	a, b, c := newSealer(1, k), newSealer(2, k), newSealer(3, k)
	head := make([]byte, CounterSize)
	whole := a.Close(head, []byte("for b"), ToOne, views.HostID{2})
	f := frame{whole[:len(head)], whole[len(head):]}
	if _, err := c.take(f, 1, k.ID()); !errors.Is(err, ErrForged) {
		t.Errorf("another opens it: %v", err)
	}
	if got, err := b.take(f, 1, k.ID()); got != "for b" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := b.take(f, 1, k.ID()); !errors.Is(err, ErrReplayed) {
		t.Errorf("a second time: %v", err)
	}
}

// Whatever is changed, or said by another, or in another group: it does not open,
// and leaves nothing.
func TestForged(t *testing.T) {
	k := keyN(1)
	rapid.Check(t, func(t *rapid.T) {
		a, b := newSealer(1, k), newSealer(2, k)
		f := a.frame("some text", ToOne)
		whole := slices.Concat(f.head, f.body)
		at := rapid.IntRange(0, len(whole)-1).Draw(t, "at")
		whole[at] ^= rapid.ByteRange(1, 255).Draw(t, "by")
		bad := frame{whole[:len(f.head)], whole[len(f.head):]}
		if _, err := b.take(bad, 1, k.ID()); err == nil {
			t.Fatalf("opened with byte %d changed", at)
		}
		if len(b.sessions) != 0 {
			t.Fatal("a session was made")
		}
	})
	a, b := newSealer(1, k), newSealer(2, k)
	f := a.frame("x", ToOne)
	if _, err := b.take(f, 3, k.ID()); !errors.Is(err, ErrForged) {
		t.Errorf("as another host's: %v", err)
	}
	other := New(speaker(2), 8)
	other.SetKeys(k, []keys.Key{k})
	if _, err := other.take(f, 1, k.ID()); !errors.Is(err, ErrForged) {
		t.Errorf("in another group: %v", err)
	}
	if _, err := b.take(f, 1, keyN(9).ID()); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("under an unknown key: %v", err)
	}
	for n := range len(f.body) {
		if _, err := b.take(frame{f.head, f.body[:n]}, 1, k.ID()); !errors.Is(err, ErrForged) {
			t.Errorf("%d bytes of it: %v", n, err)
		}
	}
}

// A process that starts again counts from the beginning under another key.
func TestFreshSessionAtEachStart(t *testing.T) {
	k := keyN(1)
	one, two := New(Speaker{speaker(1).Process, 100}, 7), New(Speaker{speaker(1).Process, 101}, 7)
	one.SetKeys(k, []keys.Key{k})
	two.SetKeys(k, []keys.Key{k})
	f, g := one.frame("same", ToOne), two.frame("same", ToOne)
	if bytes.Equal(f.body, g.body) {
		t.Error("two lives seal alike")
	}
}

func TestRotation(t *testing.T) {
	old, fresh := keyN(1), keyN(2)
	a, b := newSealer(1, old, fresh), newSealer(2, old)
	if got, err := b.take(a.frame("1", ToOne), 1, old.ID()); got != "1" || err != nil {
		t.Fatal(got, err)
	}
	a.SetKeys(fresh, []keys.Key{old, fresh})
	f := a.frame("2", ToOne)
	if _, err := b.take(f, 1, fresh.ID()); !errors.Is(err, ErrUnknownKey) {
		t.Fatal(err)
	}
	b.SetKeys(old, []keys.Key{old, fresh})
	if got, err := b.take(f, 1, fresh.ID()); got != "2" || err != nil {
		t.Fatal(got, err)
	}
	a.Under(old.ID())
	if got, err := b.take(a.frame("4", ToOne), 1, a.Sending()); a.Sending() != old.ID() || got != "4" || err != nil {
		t.Errorf("under the old one: %q, %v", got, err)
	}
	a.Under(0)
	if got, err := b.take(a.frame("5", ToOne), 1, fresh.ID()); a.Sending() != fresh.ID() || got != "5" || err != nil {
		t.Errorf("under its own again: %q, %v", got, err)
	}
	a.SetKeys(fresh, []keys.Key{fresh})
	if a.Under(old.ID()); a.Sending() != fresh.ID() {
		t.Error("it seals under a removed key")
	}
	if _, err := a.take(b.frame("3", ToOne), 2, old.ID()); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("a removed key opens: %v", err)
	}
}

// The window against a set of all counters met.
func TestWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w window
		met := map[uint64]bool{}
		top := uint64(0)
		for range rapid.IntRange(1, 200).Draw(t, "frames") {
			var n uint64
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				n = top + rapid.Uint64Range(1, 3).Draw(t, "next")
			case 1:
				n = top + rapid.Uint64Range(1, 3*windowBits).Draw(t, "jump")
			default:
				n = top - min(top, rapid.Uint64Range(0, windowBits+100).Draw(t, "back"))
			}
			fresh := w.fresh(n)
			switch {
			case fresh && (met[n] || n == 0):
				t.Fatalf("%d was met before", n)
			case !fresh && n != 0 && !met[n] && n+windowBits-wordBits > top:
				t.Fatalf("%d is not met and %d behind", n, top-n)
			}
			if fresh {
				w.note(n)
				met[n], top = true, max(top, n)
			}
		}
	})
}

func TestSessionsAreBounded(t *testing.T) {
	k := keyN(1)
	b := newSealer(2, k)
	member := newSealer(1, k)
	first := member.frame("first", ToOne)
	if _, err := b.take(first, 1, k.ID()); err != nil {
		t.Fatal(err)
	}
	b.Keep([]Speaker{speaker(1)})
	for n := range sessionsMax + 10 {
		who := Speaker{views.Process{Host: views.HostID{9}, Incarnation: 1}, uint64(n)}
		s := New(who, 7)
		s.SetKeys(k, []keys.Key{k})
		f := s.frame("x", ToOne)
		if _, err := b.Open(nil, who, k.ID(), f.head, f.body); err != nil {
			t.Fatal(err)
		}
	}
	if len(b.sessions) > sessionsMax {
		t.Errorf("%d sessions", len(b.sessions))
	}
	if _, err := b.take(first, 1, k.ID()); !errors.Is(err, ErrReplayed) {
		t.Errorf("the member was forgotten: %v", err)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	k := keyN(1)
	a, b := newSealer(1, k), newSealer(2, k)
	buf, dst := make([]byte, 16, 2048), make([]byte, 0, 2048)
	plain := make([]byte, 1000)
	whole := a.Close(buf, plain, ToAll, views.HostID{})
	if _, err := b.Open(dst, speaker(1), k.ID(), whole[:16], whole[16:]); err != nil {
		t.Fatal(err)
	}
	n := testing.AllocsPerRun(100, func() {
		whole := a.Close(buf, plain, ToAll, views.HostID{})
		if _, err := b.Open(dst, speaker(1), k.ID(), whole[:16], whole[16:]); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkFrame(b *testing.B) {
	k := keyN(1)
	s, r := newSealer(1, k), newSealer(2, k)
	buf, dst, plain := make([]byte, 64, 2048), make([]byte, 0, 2048), make([]byte, 1400)
	b.SetBytes(1400)
	for b.Loop() {
		whole := s.Close(buf, plain, ToAll, views.HostID{})
		if _, err := r.Open(dst, speaker(1), k.ID(), whole[:64], whole[64:]); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	k := keyN(1)
	good := newSealer(1, k).frame("seed", ToOne)
	f.Add(good.head, good.body)
	f.Fuzz(func(t *testing.T, head, body []byte) {
		if len(head) < CounterSize {
			return
		}
		r := newSealer(2, k)
		_, err := r.Open(nil, speaker(1), k.ID(), head, body)
		if err == nil && binary.BigEndian.Uint64(head[len(head)-CounterSize:]) != 1 {
			t.Error("opened what was never sealed")
		}
	})
}
