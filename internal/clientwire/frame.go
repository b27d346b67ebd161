package clientwire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Type names what a frame is. Its upper bits say who pays for it: see [Type.Asks]
// and [Type.Event].
type Type uint8

// Types of frames. The list is closed within a version, but for features that
// both sides have named.
const (
	// Of the session; free.
	TypeHello   Type = 0x01
	TypeWelcome Type = 0x02
	TypeError   Type = 0x03
	TypePing    Type = 0x04
	TypePong    Type = 0x05
	TypeCredit  Type = 0x06
	TypeBye     Type = 0x07

	// Words of the daemon, each about a token; free.
	TypeDone       Type = 0x10
	TypeFailed     Type = 0x11
	TypeReceipt    Type = 0x12
	TypeAnswer     Type = 0x13
	TypeAnswerPart Type = 0x14

	// What a program asks for, in order; paid from the daemon's credit.
	TypePart    Type = 0x20
	TypeSend    Type = 0x21
	TypeJoin    Type = 0x22
	TypeLeave   Type = 0x23
	TypeReady   Type = 0x24
	TypeRequest Type = 0x25
	TypeReply   Type = 0x26
	TypeBind    Type = 0x27
	TypeCancel  Type = 0x28

	// Events, in order; paid from the program's credit.
	TypeEventPart Type = 0x40
	TypeMessage   Type = 0x41
	TypeView      Type = 0x42
	TypeBlock     Type = 0x43
	TypeUnblock   Type = 0x44
	TypeParted    Type = 0x45
	TypeSender    Type = 0x46
	TypeState     Type = 0x47
	TypeDonate    Type = 0x48
	TypeProgress  Type = 0x49

	// Of the streams of states, under FeatureState; a Piece is paid from the credit
	// of its stream, the others are free.
	TypePiece Type = 0x60
	TypeMore  Type = 0x61
	TypeEnd   Type = 0x62
	TypeStop  Type = 0x63
	TypeGive  Type = 0x64
)

// Features are bits that both sides must know.
const (
	// FeatureState: states of groups at a join.
	FeatureState uint64 = 1
	// FeaturesKnown are all that this package speaks.
	FeaturesKnown = FeatureState
)

// Asks reports whether a frame of type t is paid from the credit of the daemon.
func (t Type) Asks() bool { return t >= 0x20 && t < 0x40 }

// Event reports whether a frame of type t is paid from the credit of the program.
func (t Type) Event() bool { return t >= 0x40 && t < 0x60 }

// Stream reports whether a frame of type t is of the stream of a state.
func (t Type) Stream() bool { return t >= 0x60 && t < 0x80 }

// Limits of the format.
const (
	// Version is the one this package speaks.
	Version = 1
	// FrameMax bounds what the length of a frame says: its type and its body.
	FrameMax = 64 << 10
	// HeadSize is the length and the type.
	HeadSize = 5
	// TailMax is how much of a payload goes into one frame; what is longer goes
	// before it in parts of that size.
	TailMax = 60 << 10
	// HandlesMax bounds the groups with a number on one connection.
	HandlesMax = 4096
	// SendersMax bounds the senders with a number on one connection.
	SendersMax = 4096
	// TextMax bounds a text for people, in bytes.
	TextMax = 512
	// CreditMax bounds a balance, in bytes.
	CreditMax = 1 << 30
	// StateMax bounds what is said of the size of a state, in bytes.
	StateMax = 1 << 62
	// StatesMax bounds the states that a program was given and has not closed.
	StatesMax = 4096
	// GiftsMax bounds the states that a program gives at a time.
	GiftsMax = 64
	// StreamWindow is what either side here grants for a stream.
	StreamWindow = 256 << 10
)

// Errors of [Cut] and of the parsers.
var (
	// ErrFrame: the length of a frame is 0 or beyond FrameMax.
	ErrFrame = errors.New("bad frame length")
	// ErrShort: the body ends inside a value.
	ErrShort = errors.New("body too short")
	// ErrVarint: a number is too long, or not in its shortest form.
	ErrVarint = errors.New("bad number")
	// ErrLimit: a value is beyond its limit.
	ErrLimit = errors.New("value beyond its limit")
	// ErrEnum: a value is not in its list, or an unknown flag is set.
	ErrEnum = errors.New("value not in its list")
	// ErrLeft: there are bytes behind the last value.
	ErrLeft = errors.New("bytes left over")
	// ErrMagic: a hello that is none of ours.
	ErrMagic = errors.New("not this protocol")
)

// Cut takes the first frame off b: its type, its body, which is a part of b, and
// how many bytes of b it takes. A size of 0 means that more bytes are needed. The
// error is ErrFrame.
func Cut(b []byte) (t Type, body []byte, size int, err error) {
	if len(b) < HeadSize {
		if len(b) >= 4 {
			err = checkLength(binary.BigEndian.Uint32(b))
		}
		return 0, nil, 0, err
	}
	n := binary.BigEndian.Uint32(b)
	if err := checkLength(n); err != nil {
		return 0, nil, 0, err
	}
	size = 4 + int(n)
	if len(b) < size {
		return 0, nil, 0, nil
	}
	return Type(b[4]), b[HeadSize:size:size], size, nil
}

func checkLength(n uint32) error {
	if n == 0 || n > FrameMax {
		return fmt.Errorf("%w: %d, want 1 to %d", ErrFrame, n, FrameMax)
	}
	return nil
}

// begin opens a frame behind dst; [end] closes the one that began at `at`.
func begin(dst []byte, t Type) []byte { return append(dst, 0, 0, 0, 0, byte(t)) }

func end(dst []byte, at int) []byte {
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4)) //nolint:gosec // a frame is at most FrameMax
	return dst
}

// AppendFrame appends a frame with a body that was read.
func AppendFrame(dst []byte, t Type, body []byte) []byte {
	at := len(dst)
	return end(append(begin(dst, t), body...), at)
}
