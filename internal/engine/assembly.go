package engine

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Bounds of what is kept of messages of which pieces are missing: of one author, and
// in all. Where there is no room the one that has waited longest for a piece goes; it
// is sent again.
const (
	authorParts = 8
	authorBytes = 2 * views.MessageMax
	partsMax    = 2 * views.MembersMax
	partsBytes  = 16 * views.MessageMax
	// partsKept is how long one is kept after its last piece came.
	partsKept = 5 * time.Second
)

// author is the process that sent a piece.
type author struct {
	views.Process
	nonce uint64
}

// assembly holds the pieces of one message that have come so far.
type assembly struct {
	author
	id           uint64
	total, count int
	// pieces stand by index; their bytes stand in bytes as they came.
	pieces []placedPiece
	bytes  []byte
	// at is when the last one came, from is where it came from.
	at   views.Instant
	from netip.AddrPort
	// askAt is when those that are missing are to be asked for, asks how often they were.
	askAt views.Instant
	asks  int
}

// placedPiece says where in the bytes of an assembly a piece begins.
type placedPiece struct{ index, at int }

// Pieces that are missing are asked for when none has come for askAfter, a few times,
// each later than the one before. The whole is sent again by its own timer besides.
const (
	askAfter = 10 * time.Millisecond
	asksMost = 5
)

// parts are the assemblies; the one that has waited longest stands first.
type parts struct {
	all   []*assembly
	bytes int
	// askAt is when some are to be asked for, or earlier; 0: none.
	askAt views.Instant
}

// take keeps a piece. It gives the whole once that is complete, and else, where
// something was thrown away, why.
func (ps *parts) take(now views.Instant, from author, addr netip.AddrPort, p *message.Piece) (whole []byte, why string) {
	a, why := ps.find(from, p)
	a.at, a.from = now, addr
	a.askAt = now.Add(askAfter << a.asks)
	ps.askAt = views.Earliest(ps.askAt, a.askAt)
	if !a.add(p) {
		return nil, why // it has come before
	}
	ps.bytes += len(p.Bytes)
	if len(a.pieces) < a.count {
		if ps.makeRoom(a) {
			why = "pieces-pushed-out"
		}
		return nil, why
	}
	ps.remove(len(ps.all) - 1)
	if whole = a.whole(); wholeID(whole) != a.id {
		return nil, "pieces-mixed"
	}
	return whole, why
}

// find gives the assembly that a piece belongs to, a new one if need be, and puts it
// behind the others.
func (ps *parts) find(from author, p *message.Piece) (a *assembly, why string) {
	i := slices.IndexFunc(ps.all, func(a *assembly) bool {
		return a.id == p.ID && a.total == int(p.Total) && a.count == int(p.Count) && a.author == from
	})
	if i >= 0 {
		a = ps.all[i]
		ps.all = append(slices.Delete(ps.all, i, i+1), a)
		return a, ""
	}
	if n, _ := ps.of(from); n >= authorParts && ps.removeOldest(from) || len(ps.all) >= partsMax && ps.remove(0) {
		why = "pieces-pushed-out"
	}
	a = &assembly{author: from, id: p.ID, total: int(p.Total), count: int(p.Count)}
	ps.all = append(ps.all, a)
	return a, why
}

// of says how many there are of an author, and how many bytes they hold.
func (ps *parts) of(from author) (n, held int) {
	for _, a := range ps.all {
		if a.author == from {
			n++
			held += len(a.bytes)
		}
	}
	return n, held
}

// makeRoom keeps the bounds of bytes after a, the last, has grown, and reports whether
// another had to go. It alone is always within them.
func (ps *parts) makeRoom(a *assembly) (pushed bool) {
	for _, held := ps.of(a.author); held > authorBytes; _, held = ps.of(a.author) {
		pushed = ps.removeOldest(a.author)
	}
	for ps.bytes > partsBytes {
		pushed = ps.remove(0)
	}
	return pushed
}

func (ps *parts) removeOldest(from author) bool {
	return ps.remove(slices.IndexFunc(ps.all, func(a *assembly) bool { return a.author == from }))
}

func (ps *parts) remove(i int) bool {
	ps.bytes -= len(ps.all[i].bytes)
	ps.all = slices.Delete(ps.all, i, i+1)
	return true
}

// deadline is when the first is thrown away, 0 where there is none.
func (ps *parts) deadline() views.Instant {
	if len(ps.all) == 0 {
		return 0
	}
	return views.Earliest(ps.all[0].at.Add(partsKept), ps.askAt)
}

// due gives those of which pieces are to be asked for now.
func (ps *parts) due(now views.Instant) (list []*assembly) {
	if ps.askAt == 0 || ps.askAt > now {
		return nil
	}
	ps.askAt = 0
	for _, a := range ps.all {
		if a.asks >= asksMost {
			continue
		}
		if a.askAt <= now {
			a.asks++
			a.askAt = now.Add(askAfter << a.asks)
			list = append(list, a)
		}
		ps.askAt = views.Earliest(ps.askAt, a.askAt)
	}
	return list
}

// missing says which pieces have not come.
func (a *assembly) missing() *message.Missing {
	m := &message.Missing{ID: a.id, Total: uint32(a.total), Count: uint16(a.count)} //nolint:gosec // as they came
	next := 0
	for i := 0; i <= len(a.pieces) && len(m.Runs) < message.MissingMax; i++ {
		until := a.count
		if i < len(a.pieces) {
			until = a.pieces[i].index
		}
		if until > next {
			m.Runs = append(m.Runs, message.PieceRun{First: uint16(next), Count: uint16(until - next)}) //nolint:gosec // below count
		}
		next = until + 1
	}
	return m
}

// advance throws away what has waited too long. It is no loss: of a message that
// came whole, and was sent again, some pieces are left as a rule.
func (ps *parts) advance(now views.Instant) {
	for len(ps.all) > 0 && ps.all[0].at.Add(partsKept) <= now {
		ps.remove(0)
	}
}

// add keeps the bytes of a piece and reports whether it is new. The bytes in hand are
// all that memory is taken for.
func (a *assembly) add(p *message.Piece) bool {
	i, found := slices.BinarySearchFunc(a.pieces, int(p.Index), func(k placedPiece, index int) int { return k.index - index })
	if found {
		return false
	}
	a.pieces = slices.Insert(a.pieces, i, placedPiece{int(p.Index), len(a.bytes)})
	a.bytes = append(a.bytes, p.Bytes...)
	return true
}

// whole puts the pieces in their order; all are there.
func (a *assembly) whole() []byte {
	whole := make([]byte, 0, a.total)
	size := message.PieceSize(a.total, a.count)
	for i, p := range a.pieces {
		n := min(size, a.total-i*size)
		whole = append(whole, a.bytes[p.at:p.at+n]...)
	}
	return whole
}
