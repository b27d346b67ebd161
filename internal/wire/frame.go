package wire

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Version is the wire version this code speaks.
const Version = 1

const (
	magic0, magic1 = 'G', 'M'

	// flagsCritical are the flags that a receiver must understand; the other
	// half it may ignore.
	flagsCritical = 0xf0
	// flagsKnown are those of the critical ones that this code understands.
	flagsKnown = flagSealed
	// flagSealed: what follows the header is sealed (internal/seal).
	flagSealed = 0x10

	offVersion = 2
	offFlags   = 3
	offCRC     = 4
	offKey     = 4 // of a sealed frame
	offGroup   = 8
	offHost    = 16
	// fixedSize is what stands at the same place in every wire version.
	fixedSize = 32
)

const (
	// HeaderMax bounds the bytes of a plain header.
	HeaderMax = fixedSize + binary.MaxVarintLen32 + 8
	// SealedMore bounds what a sealed frame takes beyond a plain one: the seq of the
	// view, the counter and the tag behind the messages.
	SealedMore = binary.MaxVarintLen64 + 8 + 16
)

// BodyMax bounds the body of one message: type, length and body still fit in
// a datagram behind a header.
const BodyMax = views.DatagramMax - HeaderMax - SealedMore - 1 - binary.MaxVarintLen32

// BrokenMax bounds the errors that are kept of one frame.
const BrokenMax = 8

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	// crcField stands in for the checksum while it is computed. It is a
	// variable of the package because a local one would escape to the heap.
	crcField [4]byte
)

// AppendHeader appends the header of a plain frame that begins at len(dst).
// [AppendMessage] must follow at least once, then [Sum].
func AppendHeader(dst []byte, h message.Header) []byte { return appendHeader(dst, h, 0, 0) }

// AppendSealedHeader appends the header of a frame that will be sealed under the
// key of that name, while its sender's view has that seq. It ends with eight zero
// bytes for the counter; messages must follow at least once.
func AppendSealedHeader(dst []byte, h message.Header, key uint32, view views.Seq) []byte {
	dst = appendHeader(dst, h, flagSealed, key)
	dst = binary.AppendUvarint(dst, uint64(view))
	return binary.BigEndian.AppendUint64(dst, 0)
}

func appendHeader(dst []byte, h message.Header, flags byte, key uint32) []byte {
	dst = append(dst, magic0, magic1, Version, flags)
	dst = binary.BigEndian.AppendUint32(dst, key)
	dst = binary.BigEndian.AppendUint64(dst, h.Group)
	dst = append(dst, h.From.Host[:]...)
	dst = binary.AppendUvarint(dst, uint64(h.From.Incarnation))
	return binary.BigEndian.AppendUint64(dst, h.Nonce)
}

// Sum writes the checksum into a plain frame that is otherwise complete. The frame
// must begin with what [AppendHeader] wrote; after Sum it must not change.
func Sum(frame []byte) {
	binary.BigEndian.PutUint32(frame[offCRC:offGroup], checksum(frame))
}

// checksum is the CRC-32C of the frame with its CRC field taken as zero.
func checksum(frame []byte) uint32 {
	sum := crc32.Update(0, castagnoli, frame[:offCRC])
	sum = crc32.Update(sum, castagnoli, crcField[:])
	return crc32.Update(sum, castagnoli, frame[offGroup:])
}

// Head is what stands before the messages of a frame.
type Head struct {
	message.Header
	// Sealed: Key names the key, View is the seq of the sender's view.
	Sealed bool
	Key    uint32
	View   views.Seq
	// Size is how many bytes it takes.
	Size int
}

// DecodeHeader reads the header alone, without the checksum: it is for
// dropping the frames of other groups cheaply, and nothing else may be
// concluded from it before the checksum or the seal has held. With [ErrVersion] it
// still holds Group and From.Host where the frame is long enough, since these keep
// their places in every version.
func DecodeHeader(frame []byte) (Head, error) {
	h := Head{Header: fixedHeader(frame)}
	if err := checkPreamble(frame); err != nil {
		return h, err
	}
	r := reader{b: frame[fixedSize:]}
	h.From.Incarnation = r.incarnation("Incarnation")
	h.Nonce = r.fixed64("Nonce")
	if frame[offFlags]&flagSealed != 0 {
		h.Sealed, h.Key = true, binary.BigEndian.Uint32(frame[offKey:])
		h.View = views.Seq(r.uvarint("View"))
		r.fixed64("Counter")
	}
	if r.err != nil {
		return Head{}, r.wrap(message.TypeNone)
	}
	h.Size = len(frame) - len(r.b)
	return h, nil
}

// checkPreamble checks what decides whether the header can be read at all. An
// unknown version is reported before a short frame: it may be the cause.
func checkPreamble(frame []byte) error {
	switch {
	case len(frame) <= offVersion:
		return frameError("Magic", ErrShort)
	case frame[0] != magic0 || frame[1] != magic1:
		return frameError("Magic", ErrMagic)
	case frame[offVersion] != Version:
		return frameError("Version", VersionError{Seen: frame[offVersion]})
	case len(frame) < fixedSize:
		return frameError("Header", ErrShort)
	case len(frame) > views.DatagramMax:
		return frameError("Length", ErrLimit)
	case frame[offFlags]&flagsCritical&^flagsKnown != 0:
		return frameError("Flags", ErrFlags)
	}
	return nil
}

// fixedHeader reads what stands at the same place in every version, or
// nothing where the frame is no frame of ours or too short.
func fixedHeader(frame []byte) (h message.Header) {
	if len(frame) >= fixedSize && frame[0] == magic0 && frame[1] == magic1 {
		h.Group = binary.BigEndian.Uint64(frame[offGroup:])
		copy(h.From.Host[:], frame[offHost:])
	}
	return h
}

func frameError(field string, err error) error {
	return &Error{Type: message.TypeNone, Field: field, Err: err}
}

// Frame is a decoded frame. Its zero value is ready for [Decode]; used again
// and again it saves allocations.
type Frame struct {
	Header message.Header
	// Messages are those that could be read, in the order of the frame. They
	// are the caller's to keep and share nothing with the frame's bytes, but for a
	// Data: its Body lies in the frame, and the Data itself is cleared and used
	// again by the next Decode, as the slice is.
	Messages []message.Message
	// Unknown counts the messages of types this version does not know; they
	// were skipped.
	Unknown int
	// Broken says what is wrong with each message that could not be read, for
	// the first [BrokenMax] of them; More counts the others.
	Broken []*Error
	More   int

	packets packets
}

// Decode reads a whole plain frame into f, which it resets first. An error means
// that nothing in the frame can be believed: a wrong header or checksum, no
// message at all, or message lengths that do not add up; f.Messages is then
// empty. A message that is wrong in itself is reported in f.Broken and does
// not harm its neighbours.
func Decode(frame []byte, f *Frame) error {
	f.reset()
	h, err := DecodeHeader(frame)
	switch {
	case err != nil:
		return err
	case h.Sealed:
		return frameError("Flags", ErrSealed)
	case binary.BigEndian.Uint32(frame[offCRC:offGroup]) != checksum(frame):
		return frameError("CRC", ErrChecksum)
	}
	return DecodeMessages(h.Header, frame[h.Size:], f)
}

// DecodeMessages reads what stands behind the header of a frame whose seal has held
// into f, as Decode does.
func DecodeMessages(h message.Header, body []byte, f *Frame) error {
	f.reset()
	f.Header = h
	if len(body) == 0 {
		return frameError("Messages", ErrShort)
	}
	r := reader{b: body}
	for len(r.b) > 0 {
		typ := message.Type(r.byte("Type"))
		body := r.span("Body", BodyMax)
		if r.err != nil {
			err := r.wrap(typ)
			f.reset()
			return err
		}
		f.take(typ, body)
	}
	return nil
}

// take decodes one message into f.
func (f *Frame) take(typ message.Type, body []byte) {
	if typ == message.TypeNone || typ >= message.TypeEnd {
		f.Unknown++
		return
	}
	r := reader{b: body, frame: f}
	m := readBody(&r, typ)
	switch {
	case r.err == nil:
		f.Messages = append(f.Messages, m)
	case len(f.Broken) < BrokenMax:
		f.Broken = append(f.Broken, r.wrap(typ))
	default:
		f.More++
	}
}

// reset empties f but keeps its memory; what the slices held is let go.
func (f *Frame) reset() {
	clear(f.Messages)
	clear(f.Broken)
	f.packets.reset()
	*f = Frame{Messages: f.Messages[:0], Broken: f.Broken[:0], packets: f.packets}
}
