package clientwire

import (
	"github.com/gmsd/gmsd/views"
)

// Flags that several frames share.
const (
	flagOrder  = 0x03
	flagNeed   = 0x03
	flagBlock  = 0x01
	flagState  = 0x02
	flagTrans  = 0x04
	flagAsks   = 0x08
	flagGone   = 0x01
	flagParts  = 0x80
	ordersEnd  = byte(views.OrderEnd)
	needsEnd   = 3
	blockMsMax = 1 << 31
)

// Part is a piece of a long payload. The pieces come in a row, as far as frames of
// its kind go, and the frame with the parts flag that ends the row has the rest.
type Part struct {
	// Left is how many bytes of the payload come behind this part.
	Left uint32
	// Bytes are at least one.
	Bytes []byte
}

// AppendPart appends a frame of type t: TypePart, TypeAnswerPart or TypeEventPart.
func AppendPart(dst []byte, t Type, p *Part) []byte {
	at := len(dst)
	return end(append(appendUvarint(begin(dst, t), p.Left), p.Bytes...), at)
}

// ParsePart reads the body.
func ParsePart(body []byte) (Part, error) {
	r := reader{b: body}
	p := Part{Left: r.left(), Bytes: r.tail()}
	if r.err == nil && len(p.Bytes) == 0 {
		r.err = ErrShort
	}
	return p, r.err
}

// Send multicasts to a group.
type Send struct {
	Order views.Order
	// Parts: the payload is that of the parts before, and Tail.
	Parts  bool
	Handle uint32
	// Token is 0 for no word; else a Receipt or a Failed comes.
	Token uint64
	Tail  []byte
}

// AppendSend appends the frame.
func AppendSend(dst []byte, s *Send) []byte {
	at := len(dst)
	dst = append(begin(dst, TypeSend), byte(s.Order)|partsFlag(s.Parts))
	dst = appendUvarint(appendUvarint(dst, s.Handle), s.Token)
	return end(append(dst, s.Tail...), at)
}

// ParseSend reads the body.
func ParseSend(body []byte) (Send, error) {
	r := reader{b: body}
	f := r.flags(flagOrder | flagParts)
	if f&flagOrder >= ordersEnd {
		r.fail(ErrEnum)
	}
	s := Send{
		Order: views.Order(f & flagOrder), Parts: f&flagParts != 0,
		Handle: r.handle(), Token: r.uvarint(), Tail: r.tail(),
	}
	return s, r.err
}

// EndsParts reports whether a frame with this body is the last of a row of [TypePart].
func EndsParts(t Type, body []byte) bool {
	return (t == TypeSend || t == TypeRequest || t == TypeReply) && len(body) > 0 && body[0]&flagParts != 0
}

func partsFlag(parts bool) byte {
	if parts {
		return flagParts
	}
	return 0
}

// Join enters a group; a Done or a Failed comes.
type Join struct {
	// Block: ask before the view changes. State: the state is wanted.
	Block, State bool

	Handle uint32
	Token  uint64
	// BlockFor is how long an answer may take, in milliseconds; 0: the daemon's default.
	BlockFor uint32
}

// AppendJoin appends the frame.
func AppendJoin(dst []byte, j *Join) []byte {
	at := len(dst)
	var f byte
	if j.Block {
		f |= flagBlock
	}
	if j.State {
		f |= flagState
	}
	dst = append(begin(dst, TypeJoin), f)
	dst = appendUvarint(appendUvarint(dst, j.Handle), j.Token)
	return end(appendUvarint(dst, j.BlockFor), at)
}

// ParseJoin reads the body.
func ParseJoin(body []byte) (Join, error) {
	r := reader{b: body}
	f := r.flags(flagBlock | flagState)
	j := Join{Block: f&flagBlock != 0, State: f&flagState != 0, Handle: r.handle(), Token: r.uvarint()}
	j.BlockFor = uint32(r.upTo(blockMsMax)) //nolint:gosec // bounded
	return j, r.end()
}

// Leave goes out of a group; a Done or a Failed comes.
type Leave struct {
	Handle uint32
	Token  uint64
}

// AppendLeave appends the frame.
func AppendLeave(dst []byte, l *Leave) []byte {
	at := len(dst)
	return end(appendUvarint(appendUvarint(begin(dst, TypeLeave), l.Handle), l.Token), at)
}

// ParseLeave reads the body.
func ParseLeave(body []byte) (Leave, error) {
	r := reader{b: body}
	l := Leave{Handle: r.handle(), Token: r.uvarint()}
	return l, r.end()
}

// appendHandle appends a frame about a group and nothing more.
func appendHandle(dst []byte, t Type, handle uint32) []byte {
	return appendNumber(dst, t, uint64(handle))
}

// AppendReady says that the program has stopped sending to a group.
func AppendReady(dst []byte, handle uint32) []byte { return appendHandle(dst, TypeReady, handle) }

// ParseHandle reads the body of a Ready, Block or Unblock.
func ParseHandle(body []byte) (uint32, error) {
	r := reader{b: body}
	h := r.handle()
	return h, r.end()
}

// Request asks all members of a group; Answers come, then a Done or a Failed.
type Request struct {
	// Need is 0 for all, 1 for the majority, 2 for the first.
	Need   uint8
	Parts  bool
	Handle uint32
	Token  uint64
	Tail   []byte
}

// AppendRequest appends the frame.
func AppendRequest(dst []byte, q *Request) []byte {
	at := len(dst)
	dst = append(begin(dst, TypeRequest), q.Need|partsFlag(q.Parts))
	dst = appendUvarint(appendUvarint(dst, q.Handle), q.Token)
	return end(append(dst, q.Tail...), at)
}

// ParseRequest reads the body.
func ParseRequest(body []byte) (Request, error) {
	r := reader{b: body}
	f := r.flags(flagNeed | flagParts)
	if f&flagNeed >= needsEnd {
		r.fail(ErrEnum)
	}
	q := Request{Need: f & flagNeed, Parts: f&flagParts != 0, Handle: r.handle(), Token: r.uvarint(), Tail: r.tail()}
	return q, r.err
}

// Reply answers a message that was a request.
type Reply struct {
	Parts  bool
	Handle uint32
	// Token is 0 for no word; else a Done or a Failed comes.
	Token uint64
	// From, Port, N and Request name the message, as it came.
	From    views.Process
	Port    uint32
	N       uint64
	Request uint64
	Tail    []byte
}

// AppendReply appends the frame.
func AppendReply(dst []byte, p *Reply) []byte {
	at := len(dst)
	dst = append(begin(dst, TypeReply), partsFlag(p.Parts))
	dst = appendProcess(appendUvarint(appendUvarint(dst, p.Handle), p.Token), p.From)
	dst = appendUvarint(appendUvarint(appendUvarint(dst, p.Port), p.N), p.Request)
	return end(append(dst, p.Tail...), at)
}

// ParseReply reads the body.
func ParseReply(body []byte) (Reply, error) {
	r := reader{b: body}
	p := Reply{
		Parts: r.flags(flagParts) != 0, Handle: r.handle(), Token: r.uvarint(), From: r.process(),
		Port: r.u32(), N: r.uvarint(), Request: r.uvarint(), Tail: r.tail(),
	}
	return p, r.err
}
