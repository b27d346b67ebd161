package clientwire

import (
	"math"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// Message is a message that was delivered.
type Message struct {
	Order        views.Order
	Transitional bool
	Parts        bool
	Handle       uint32
	// Sender is the number that a Sender frame gave.
	Sender uint32
	// N is its count at the sender's host.
	N uint64
	// K is its place in the agreed order; not sent for FIFO, where it is 0.
	K views.Position
	// Request is not 0 where an answer is wanted.
	Request uint64
	Tail    []byte
}

// AppendMessage appends the frame.
func AppendMessage(dst []byte, m *Message) []byte {
	at := len(dst)
	f := byte(m.Order) | partsFlag(m.Parts)
	if m.Transitional {
		f |= flagTrans
	}
	if m.Request != 0 {
		f |= flagAsks
	}
	dst = append(begin(dst, TypeMessage), f)
	dst = appendUvarint(appendUvarint(appendUvarint(dst, m.Handle), m.Sender), m.N)
	if m.Order.Placed() {
		dst = appendUvarint(dst, m.K)
	}
	if m.Request != 0 {
		dst = appendUvarint(dst, m.Request)
	}
	return end(append(dst, m.Tail...), at)
}

// ParseMessage reads the body.
func ParseMessage(body []byte) (Message, error) {
	r := reader{b: body}
	f := r.flags(flagOrder | flagTrans | flagAsks | flagParts)
	if f&flagOrder >= ordersEnd {
		r.fail(ErrEnum)
	}
	m := Message{
		Order: views.Order(f & flagOrder), Transitional: f&flagTrans != 0, Parts: f&flagParts != 0,
		Handle: r.handle(), Sender: r.sender(), N: r.uvarint(),
	}
	if m.Order.Placed() {
		m.K = views.Position(r.uvarint())
	}
	if f&flagAsks != 0 {
		if m.Request = r.uvarint(); m.Request == 0 {
			r.fail(ErrEnum)
		}
	}
	m.Tail = r.tail()
	return m, r.err
}

// View carries a group's new view; the payload is what [AppendGroupView] wrote.
type View struct {
	Parts  bool
	Handle uint32
	Tail   []byte
}

// AppendView appends the frame.
func AppendView(dst []byte, v *View) []byte {
	at := len(dst)
	dst = appendUvarint(append(begin(dst, TypeView), partsFlag(v.Parts)), v.Handle)
	return end(append(dst, v.Tail...), at)
}

// ParseView reads the body.
func ParseView(body []byte) (View, error) {
	r := reader{b: body}
	v := View{Parts: r.flags(flagParts) != 0, Handle: r.handle(), Tail: r.tail()}
	return v, r.err
}

// AppendBlock says that a group's view is about to change.
func AppendBlock(dst []byte, handle uint32) []byte { return appendHandle(dst, TypeBlock, handle) }

// AppendUnblock says that nothing came of it.
func AppendUnblock(dst []byte, handle uint32) []byte { return appendHandle(dst, TypeUnblock, handle) }

// Parted says that the program is out of a group.
type Parted struct {
	Handle uint32
	Why    groups.Why
	// Code and Text say more where it did not ask for it; else CodeNone.
	Code Code
	Text string
}

// AppendParted appends the frame.
func AppendParted(dst []byte, p *Parted) []byte {
	at := len(dst)
	dst = append(appendUvarint(begin(dst, TypeParted), p.Handle), byte(p.Why))
	return end(appendText(appendUvarint(dst, p.Code), p.Text, TextMax), at)
}

// ParseParted reads the body.
func ParseParted(body []byte) (Parted, error) {
	r := reader{b: body}
	p := Parted{Handle: r.handle(), Why: groups.Why(r.byte()), Code: r.code(), Text: r.text(TextMax)}
	return p, r.end()
}

// Sender gives who sends a number, for the messages from here on.
type Sender struct {
	Index uint32
	From  views.Process
	// Port is 0 for a host that sends without one.
	Port uint32
}

// AppendSender appends the frame.
func AppendSender(dst []byte, s *Sender) []byte {
	at := len(dst)
	dst = appendProcess(appendUvarint(begin(dst, TypeSender), s.Index), s.From)
	return end(appendUvarint(dst, s.Port), at)
}

// ParseSender reads the body.
func ParseSender(body []byte) (Sender, error) {
	r := reader{b: body}
	s := Sender{Index: r.sender(), From: r.process(), Port: uint32(r.upTo(math.MaxUint32))} //nolint:gosec // bounded
	return s, r.end()
}
