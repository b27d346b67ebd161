package stream

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/views"
)

// A queue gives what was put in, in order, without what it shed, and holds no more
// than it is told to.
func TestQueueKeepsOrderAndBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q Queue
		var want [][]byte
		most := rapid.IntRange(1000, 400_000).Draw(t, "most")
		for i := range rapid.IntRange(0, 60).Draw(t, "frames") {
			size := rapid.OneOf(rapid.IntRange(0, 50), rapid.IntRange(0, views.DatagramMax)).Draw(t, "size")
			frame := bytes.Repeat([]byte{byte(i)}, size)
			want = want[q.Shed(HeadSize+size, most):]
			q.Put(Piece{Body: frame})
			want = append(want, frame)
			if q.frames != len(want) || q.bytes > max(most, HeadSize+size) {
				t.Fatalf("%d frames of %d bytes, want %d frames within %d", q.frames, q.bytes, len(want), most)
			}
		}
		var got [][]byte
		q.Each(func(f []byte) { got = append(got, f) })
		if !equal(got, want) {
			t.Fatal("looked at, the frames are others")
		}
		got = nil
		for !q.Empty() {
			out, frames, size := q.take(100_000)
			all := bytes.Join(out, nil)
			if len(all) != size {
				t.Fatalf("%d bytes are said to be %d", len(all), size)
			}
			for len(all) > 0 {
				kind, body, rest, err := Cut(all, anySize)
				if err != nil || body == nil || kind != KindFrame {
					t.Fatal("a piece is not whole")
				}
				got, all = append(got, body), rest
				frames--
			}
			if frames != 0 {
				t.Fatalf("%d frames more were told than came", frames)
			}
		}
		if !equal(got, want) || q.bytes != 0 || q.frames != 0 {
			t.Fatal("taken out, the frames are others")
		}
	})
}

func equal(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// What a write took in part goes on where it stopped.
func TestTornPiece(t *testing.T) {
	var g Gather
	g.Init()
	pieces := []Piece{{Body: []byte("one")}, {}, {Kind: 7, Prefix: []byte("to whom"), Body: []byte("three")}, {Prefix: []byte("p")}}
	if fit := g.fill(pieces); fit != len(pieces) {
		t.Fatalf("%d pieces fit, want all", fit)
	}
	var stream []byte
	write := func(to []byte, p *Piece) []byte {
		h := Head(p.Kind, p.Len())
		return append(append(append(to, h[:]...), p.Prefix...), p.Body...)
	}
	for i := range pieces {
		stream = write(stream, &pieces[i])
	}
	for n := range len(stream) + 1 {
		whole, torn := g.taken(pieces, n)
		if torn != nil {
			whole++
		}
		sent := append([]byte{}, torn...)
		for i := range pieces[whole:] {
			sent = write(sent, &pieces[whole+i])
		}
		if !bytes.Equal(sent, stream[n:]) {
			t.Errorf("after %d bytes %q goes, want %q", n, sent, stream[n:])
		}
	}
}

// FuzzCut: whatever comes, in whatever portions, no piece is longer than is allowed, and
// a long declaration is refused at once.
func FuzzCut(f *testing.F) {
	h := Head(KindFrame, 3)
	f.Add(append(h[:], "abc"...), 2)
	f.Add([]byte{0, 1, 0, 0}, 1)
	f.Add([]byte{1, 0, 0, 1, 2}, 4)
	f.Fuzz(func(t *testing.T, stream []byte, portion int) {
		portion = max(1, min(portion, 1<<16))
		var held []byte
		for len(stream) > 0 {
			n := min(portion, len(stream))
			held, stream = append(held, stream[:n]...), stream[n:]
			for {
				before := len(held)
				kind, body, rest, err := Cut(held, frameOrWord)
				if err != nil {
					return
				}
				if body == nil {
					if before >= HeadSize+views.DatagramMax {
						t.Fatalf("%d bytes are held and give no piece", before)
					}
					break
				}
				if len(body) > views.DatagramMax || len(rest) >= before || kind == 1 && len(body) != 1 {
					t.Fatalf("a piece of kind %d with %d bytes", kind, len(body))
				}
				held = rest
			}
		}
	})
}

// frameOrWord allows frames, and one byte of kind 1.
func frameOrWord(kind byte, n int) bool {
	return kind == KindFrame && n <= views.DatagramMax || kind == 1 && n == 1
}
