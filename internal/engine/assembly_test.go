package engine

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

func authorN(n byte) author {
	a := author{nonce: uint64(n)}
	a.Host[0], a.Incarnation = n, 1
	return a
}

// cutUp gives the pieces of a whole of so many bytes; no two seeds give the same.
func cutUp(seed byte, total, size int) (whole []byte, pieces []*message.Piece) {
	whole = make([]byte, total)
	for i := range whole {
		whole[i] = seed + byte(i*i/3)
	}
	count := message.PiecesFor(total, size)
	for i := range count {
		pieces = append(pieces, wire.Cut(whole, wholeID(whole), count, i))
	}
	return whole, pieces
}

// Whatever the order, whatever comes twice: the whole comes out once, as it was, when
// its last piece does, and leaves nothing behind.
func TestPiecesInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(2*message.PieceLeast, 3000).Draw(t, "size")
		total := rapid.IntRange(size+1, 40*size).Draw(t, "total")
		whole, pieces := cutUp(1, total, size)
		order := rapid.Permutation(pieces).Draw(t, "order")
		var ps parts
		for i, p := range order {
			got, why := ps.take(1, authorN(1), netip.AddrPort{}, p)
			if why != "" || (got != nil) != (i == len(order)-1) || got != nil && !bytes.Equal(got, whole) {
				t.Fatalf("piece %d of %d: %q, %d bytes", i, len(order), why, len(got))
			}
			if again := order[rapid.IntRange(0, i).Draw(t, "again")]; got == nil {
				if got, why := ps.take(1, authorN(1), netip.AddrPort{}, again); got != nil || why != "" {
					t.Fatalf("twice: %q, %d bytes", why, len(got))
				}
			}
		}
		if len(ps.all) != 0 || ps.bytes != 0 || ps.deadline() != 0 {
			t.Fatalf("%d are left, %d bytes", len(ps.all), ps.bytes)
		}
	})
}

// A message of which every second piece is lost is whole once it was sent again;
// what is then left of it goes with time.
func TestRepetitionFillsIn(t *testing.T) {
	whole, pieces := cutUp(1, 10_000, 500)
	var ps parts
	for i, p := range pieces {
		if i%2 == 0 {
			ps.take(1, authorN(1), netip.AddrPort{}, p)
		}
	}
	wholes := 0
	for _, p := range pieces {
		if got, _ := ps.take(2, authorN(1), netip.AddrPort{}, p); got != nil {
			wholes++
			if !bytes.Equal(got, whole) {
				t.Error("it came out otherwise")
			}
		}
	}
	if wholes != 1 || len(ps.all) != 0 {
		t.Errorf("%d wholes, %d left", wholes, len(ps.all))
	}
	ps.take(3, authorN(1), netip.AddrPort{}, pieces[0])
	kept := views.Instant(3).Add(partsKept)
	for asks := 0; ps.deadline() != kept; {
		now := ps.deadline()
		if now > kept || asks > asksMost {
			t.Fatalf("the deadline is %v after %d questions, want %v", now, asks, kept)
		}
		for _, a := range ps.due(now) {
			asks++
			if m := a.missing(); len(m.Runs) != 1 || m.Runs[0] != (message.PieceRun{First: 1, Count: uint16(len(pieces) - 1)}) {
				t.Errorf("missing: %+v of %d", m, len(pieces))
			}
		}
	}
	ps.advance(kept - 1)
	if len(ps.all) != 1 {
		t.Error("it went too early")
	}
	ps.advance(kept)
	if len(ps.all) != 0 || ps.bytes != 0 {
		t.Error("it did not go")
	}
}

// Pieces of two authors, or of one author's two lives, or two cuts of one message, do
// not mix; a piece with other bytes spoils its own message and no more.
func TestPiecesDoNotMix(t *testing.T) {
	_, pieces := cutUp(1, 1000, 500)
	_, finer := cutUp(1, 1000, 256)
	later := authorN(1)
	later.nonce++
	var ps parts
	ps.take(1, authorN(1), netip.AddrPort{}, pieces[0])
	for _, c := range []struct {
		from author
		p    *message.Piece
	}{{authorN(2), pieces[1]}, {later, pieces[1]}, {authorN(1), finer[1]}} {
		if got, why := ps.take(1, c.from, netip.AddrPort{}, c.p); got != nil || why != "" {
			t.Errorf("%v: taken, %q", c.from, why)
		}
	}
	bad := *pieces[1]
	bad.Bytes = slices.Clone(bad.Bytes)
	bad.Bytes[0]++
	if got, why := ps.take(1, authorN(1), netip.AddrPort{}, &bad); got != nil || why != "pieces-mixed" {
		t.Errorf("taken, %q", why)
	}
	if got, _ := ps.take(1, authorN(2), netip.AddrPort{}, pieces[0]); got == nil {
		t.Error("another's was spoiled")
	}
	if len(ps.all) != 2 {
		t.Errorf("%d left, want 2", len(ps.all))
	}
}

// Whatever comes, of whomever, and however much of it is never whole: the bounds hold,
// and the sums are right.
func TestAssemblyIsBounded(t *testing.T) {
	bytesOf := make([]byte, 60_000)
	rapid.Check(t, func(t *rapid.T) {
		var ps parts
		now := views.Instant(1)
		for range rapid.IntRange(1, 60).Draw(t, "runs") {
			now = now.Add(time.Duration(rapid.IntRange(0, int(partsKept/4)).Draw(t, "later")))
			ps.advance(now)
			who := authorN(rapid.ByteRange(0, 20).Draw(t, "author"))
			p := message.Piece{
				ID: uint64(rapid.IntRange(0, 30).Draw(t, "id")), Count: 16,
				Total: uint32(rapid.SampledFrom([]int{16 * message.PieceLeast, 16 * 60_000}).Draw(t, "total")),
			}
			for range rapid.IntRange(1, 16).Draw(t, "come") {
				from, to := p.Span()
				p.Bytes = bytesOf[:to-from]
				ps.take(now, who, netip.AddrPort{}, &p)
				p.Index++
				checkParts(t, &ps)
			}
		}
	})
}

func checkParts(t *rapid.T, ps *parts) {
	sum := 0
	for i, a := range ps.all {
		sum += len(a.bytes)
		if i > 0 && ps.all[i-1].at > a.at {
			t.Fatal("they are not in the order of their last pieces")
		}
		if n, held := ps.of(a.author); n > authorParts || held > authorBytes {
			t.Fatalf("%d of one author, %d bytes", n, held)
		}
	}
	if sum != ps.bytes || sum > partsBytes || len(ps.all) > partsMax {
		t.Fatalf("%d of %d bytes, said to be %d", len(ps.all), sum, ps.bytes)
	}
}

// Many that each send as much as one may, and never the last piece, hold no more than
// there is for all; who came last is kept.
func TestAssemblyIsBoundedInAll(t *testing.T) {
	var ps parts
	for n := range byte(3 * partsBytes / authorBytes) {
		for id := range uint64(2) {
			p := &message.Piece{ID: id, Total: views.MessageMax, Count: 17}
			for ; p.Index < 16; p.Index++ {
				from, to := p.Span()
				p.Bytes = make([]byte, to-from)
				ps.take(views.Instant(n)+1, authorN(n), netip.AddrPort{}, p)
			}
		}
		if ps.bytes > partsBytes {
			t.Fatalf("%d bytes", ps.bytes)
		}
		if held, _ := ps.of(authorN(n)); held != 2 {
			t.Fatalf("%d of the last", held)
		}
	}
	if ps.bytes < partsBytes-views.MessageMax {
		t.Errorf("only %d bytes are kept", ps.bytes)
	}
}

// One flood of first pieces, each of another author and message: it is bounded in
// number, costs what its bytes cost, and tells that something went.
func TestFloodOfFirstPieces(t *testing.T) {
	var ps parts
	pushed := 0
	p := &message.Piece{Total: views.MessageMax, Count: message.PiecesMax, Bytes: make([]byte, message.PieceLeast)}
	for i := range 3 * partsMax {
		from := authorN(1)
		from.nonce = uint64(i)
		p.ID = uint64(i)
		if _, why := ps.take(views.Instant(i+1), from, netip.AddrPort{}, p); why == "pieces-pushed-out" {
			pushed++
		}
	}
	if len(ps.all) != partsMax || pushed != 2*partsMax || ps.bytes != partsMax*message.PieceLeast {
		t.Errorf("%d are kept, %d pushed out, %d bytes", len(ps.all), pushed, ps.bytes)
	}
	for _, a := range ps.all {
		if cap(a.bytes) > 2*message.PieceLeast || cap(a.pieces) > 4 {
			t.Fatalf("%d bytes were taken for %d", cap(a.bytes), len(a.bytes))
		}
	}
}
