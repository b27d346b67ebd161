package stream

import (
	"encoding/binary"
	"net"
	"slices"
)

// Slabs of a queue begin small and grow to slabMax, which holds any piece.
const (
	slabLeast = 4 << 10
	slabMax   = 128 << 10
)

// Queue holds what the kernel had no room for, or what waits for a connection.
// The zero value is empty. One goroutine at a time.
type Queue struct {
	// torn is the rest of a piece whose beginning is written: it must go first.
	torn []byte
	// slabs hold whole pieces, one behind the other; the first begins at first.
	slabs  [][]byte
	first  int
	bytes  int // in slabs
	frames int
}

// Empty reports whether there is nothing in it.
func (q *Queue) Empty() bool { return len(q.torn) == 0 && q.bytes == 0 }

// Frames is how many frames are in it, Bytes how many bytes, heads included.
func (q *Queue) Frames() int { return q.frames }

// Bytes is described at Frames.
func (q *Queue) Bytes() int { return q.bytes }

// Put copies a piece in.
func (q *Queue) Put(p Piece) {
	need := HeadSize + p.Len()
	if n := len(q.slabs); n == 0 || cap(q.slabs[n-1])-len(q.slabs[n-1]) < need {
		q.slabs = append(q.slabs, make([]byte, 0, q.slabSize(need)))
	}
	last := &q.slabs[len(q.slabs)-1]
	h := Head(p.Kind, p.Len())
	*last = append(append(append(*last, h[:]...), p.Prefix...), p.Body...)
	q.bytes += need
	if p.Kind == KindFrame {
		q.frames++
	}
}

// slabSize doubles with the number of slabs, so that a frame that waits now and then
// takes little, and many take few slabs.
func (q *Queue) slabSize(need int) int {
	return max(need, min(slabMax, slabLeast<<min(len(q.slabs), 10)))
}

// Shed drops the oldest pieces until there is room for n bytes below most. It gives
// how many frames it dropped.
func (q *Queue) Shed(n, most int) int {
	dropped := 0
	for q.bytes > 0 && q.bytes+n > most {
		slab := q.slabs[0]
		size := HeadSize + int(binary.BigEndian.Uint32(slab[q.first:])&0xffffff)
		q.first += size
		q.bytes -= size
		if slab[q.first-size] == KindFrame {
			q.frames--
			dropped++
		}
		if q.first == len(slab) {
			q.slabs, q.first = slices.Delete(q.slabs, 0, 1), 0
		}
	}
	return dropped
}

// take takes whole slabs out, about most bytes, for one write.
func (q *Queue) take(most int) (out net.Buffers, frames, bytes int) {
	if len(q.torn) > 0 {
		out, q.torn = append(out, q.torn), nil
	}
	for len(q.slabs) > 0 && bytes < most {
		slab := q.slabs[0][q.first:]
		q.slabs, q.first = slices.Delete(q.slabs, 0, 1), 0
		bytes += len(slab)
		frames += framesIn(slab)
		out = append(out, slab)
	}
	q.bytes -= bytes
	q.frames -= frames
	return out, frames, bytes
}

func framesIn(slab []byte) int {
	n := 0
	for len(slab) > 0 {
		if slab[0] == KindFrame {
			n++
		}
		slab = slab[HeadSize+int(binary.BigEndian.Uint32(slab)&0xffffff):]
	}
	return n
}

// Each gives the pieces in it, without heads, oldest first.
func (q *Queue) Each(f func(body []byte)) {
	first := q.first
	for _, slab := range q.slabs {
		for rest := slab[first:]; len(rest) > 0; {
			var body []byte
			_, body, rest, _ = Cut(rest, anySize) // what was put in is whole
			f(body)
		}
		first = 0
	}
}
