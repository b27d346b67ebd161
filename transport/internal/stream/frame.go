package stream

import (
	"encoding/binary"
	"errors"

	"github.com/gmsd/gmsd/views"
)

// HeadSize is what stands before every piece of a stream: kind 1, length 3,
// big-endian.
const HeadSize = 4

// KindFrame is the kind of frames: what may be dropped where it is too much. Other
// kinds are their users'.
const KindFrame = 0

// PrefixMax bounds what may stand before the frame in its piece, PieceMax a piece
// without its head.
const (
	PrefixMax = 2 << 10
	PieceMax  = views.DatagramMax + PrefixMax
)

// ErrGarbage: what came is no stream of pieces.
var ErrGarbage = errors.New("stream: not a stream of pieces")

// Piece is what is written as one: Prefix, then Body.
type Piece struct {
	Kind         byte
	Prefix, Body []byte
}

// Len is its length without head.
func (p *Piece) Len() int { return len(p.Prefix) + len(p.Body) }

// Head gives what stands before n bytes of a kind.
func Head(kind byte, n int) [HeadSize]byte {
	var h [HeadSize]byte
	binary.BigEndian.PutUint32(h[:], uint32(kind)<<24|uint32(n)) //nolint:gosec // n is at most PieceMax
	return h
}

// Sizes says whether a piece of a kind may have n bytes, which are at most PieceMax.
type Sizes func(kind byte, n int) bool

// Cut takes the first piece off b. It gives a nil body where b holds no whole one yet.
// Error: ErrGarbage, as soon as the head is there.
func Cut(b []byte, sizes Sizes) (kind byte, body, rest []byte, err error) {
	if len(b) < HeadSize {
		return 0, nil, b, nil
	}
	word := binary.BigEndian.Uint32(b)
	kind = byte(word >> 24)
	n := int(word & 0xffffff)
	if n > PieceMax || !sizes(kind, n) {
		return 0, nil, b, ErrGarbage
	}
	if len(b) < HeadSize+n {
		return 0, nil, b, nil
	}
	return kind, b[HeadSize : HeadSize+n : HeadSize+n], b[HeadSize+n:], nil
}

// any lets every piece be: for those that we have put in ourselves.
func anySize(byte, int) bool { return true }
