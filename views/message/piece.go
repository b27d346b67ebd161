package message

import "github.com/gmsd/gmsd/views"

// Pieces of one message but the last are all of the same length, of at least
// PieceLeast bytes; PiecesMax bounds how many there are.
const (
	PieceLeast = 128
	PiecesMax  = views.MessageMax / PieceLeast
)

// Piece is a part of a message that is longer than a frame. The same message, sent
// again, has the same pieces, so those that were lost are filled in by the
// repetition that every such message has anyway.
type Piece struct {
	// ID is a hash of the whole: 64-bit FNV-1a. It names the message and finds
	// accidents; it proves nothing.
	ID uint64
	// Total is the length of the whole, up to [views.MessageMax] bytes.
	Total uint32
	// Count is the number of pieces, 2..[PiecesMax], Index the place of this one, from 0.
	Count, Index uint16
	// Bytes are those of the whole from Index times [PieceSize] on: so many, and
	// the rest in the last.
	Bytes []byte
}

// MissingMax bounds the runs of one Missing.
const MissingMax = 128

// Missing asks the author of pieces for those that have not come.
type Missing struct {
	// ID, Total and Count are those of the pieces.
	ID    uint64
	Total uint32
	Count uint16
	// Runs are those that are missing, rising and apart; not empty.
	Runs []PieceRun
}

// PieceRun is Count pieces from First.
type PieceRun struct{ First, Count uint16 }

// Type is TypeMissing.
func (*Missing) Type() Type { return TypeMissing }

// PiecesFor is how many pieces of at most size bytes a whole of total bytes makes.
// Where size is at least twice PieceLeast, and the whole longer than one, it is a
// cut that the codec takes.
func PiecesFor(total, size int) int { return (total + size - 1) / size }

// PieceSize is the length of all pieces but the last of a whole of total bytes in
// count pieces; count is not 0.
func PieceSize(total, count int) int { return (total + count - 1) / count }

// Span gives where in the whole the bytes of the piece belong, as its numbers say.
func (p *Piece) Span() (from, to int) {
	size := PieceSize(int(p.Total), int(p.Count))
	from = int(p.Index) * size
	return from, min(from+size, int(p.Total))
}

// Divisible reports whether messages of a type may travel in pieces. Signs of life are
// short, what carries another message, or is or asks for a part of one, is not divided again, and
// an Echo is as long as it is to see whether that arrives. Packets and parts of a
// state are made for the path; in pieces they go where it has become shorter.
func (k Type) Divisible() bool {
	switch k {
	case TypeNone, TypeHeartbeat, TypePing, TypePong, TypeRelay, TypePiece,
		TypeUnheard, TypeSpoken, TypeEcho, TypeEchoReply, TypeMissing:
		return false
	default:
		return k < TypeEnd
	}
}

// Cuts reports whether a whole comes out as so many pieces, none of them empty and all
// but the last long enough.
func Cuts(total, count int) bool {
	if count < 2 {
		return false
	}
	size := PieceSize(total, count)
	return size >= PieceLeast && (count-1)*size < total
}
