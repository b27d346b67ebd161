package clientwire

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// Failed answers a token: it did not come about.
type Failed struct {
	Token uint64
	Code  Code
	Text  string
}

// AppendFailed appends the frame; a long text is cut.
func AppendFailed(dst []byte, f *Failed) []byte {
	return appendReason(dst, TypeFailed, f.Token, f.Code, f.Text)
}

// appendReason appends a frame that says why what a number stands for has ended.
func appendReason(dst []byte, t Type, number uint64, code Code, text string) []byte {
	at := len(dst)
	dst = appendUvarint(appendUvarint(begin(dst, t), number), code)
	return end(appendText(dst, text, TextMax), at)
}

// ParseFailed reads the body.
func ParseFailed(body []byte) (Failed, error) {
	r := reader{b: body}
	f := Failed{Token: r.uvarint(), Code: r.code(), Text: r.text(TextMax)}
	return f, r.end()
}

// Receipt answers the token of a Send: where the message was delivered.
type Receipt struct {
	Token uint64
	// N is the message's count at this host.
	N    uint64
	View views.ViewID
	// K is its place in the view's agreed order; 0 for FIFO.
	K views.Position
}

// AppendReceipt appends the frame.
func AppendReceipt(dst []byte, r *Receipt) []byte {
	at := len(dst)
	dst = appendUvarint(appendUvarint(begin(dst, TypeReceipt), r.Token), r.N)
	return end(appendUvarint(appendViewID(dst, r.View), r.K), at)
}

// ParseReceipt reads the body.
func ParseReceipt(body []byte) (Receipt, error) {
	r := reader{b: body}
	x := Receipt{Token: r.uvarint(), N: r.uvarint(), View: r.viewID(), K: views.Position(r.uvarint())}
	return x, r.end()
}

// Answer is one member's answer to a Request.
type Answer struct {
	// Gone: the member went before it answered.
	Gone  bool
	Parts bool
	Token uint64
	From  groups.Member
	Tail  []byte
}

// AppendAnswer appends the frame.
func AppendAnswer(dst []byte, a *Answer) []byte {
	at := len(dst)
	f := partsFlag(a.Parts)
	if a.Gone {
		f |= flagGone
	}
	dst = appendUvarint(append(begin(dst, TypeAnswer), f), a.Token)
	return end(append(appendMember(dst, &a.From, 0), a.Tail...), at)
}

// ParseAnswer reads the body.
func ParseAnswer(body []byte) (Answer, error) {
	r := reader{b: body}
	f := r.flags(flagGone | flagParts)
	a := Answer{Gone: f&flagGone != 0, Parts: f&flagParts != 0, Token: r.uvarint()}
	a.From, _ = r.member(0)
	a.Tail = r.tail()
	return a, r.err
}
