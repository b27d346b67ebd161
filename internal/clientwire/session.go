package clientwire

import (
	"bytes"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// magic opens a hello.
var magic = []byte("gmsd")

// Hello is the first frame of a program. What is behind its last value is
// ignored, so that a later version may add to it.
type Hello struct {
	// Low and High are the lowest and the highest version it speaks.
	Low, High uint32
	// Features are the bits it knows.
	Features uint64
	// Credit is how many bytes of events it is ready to take.
	Credit int
	// Name is its name of itself, up to groups.NameMax bytes.
	Name string
}

// AppendHello appends the frame.
func AppendHello(dst []byte, h *Hello) []byte {
	at := len(dst)
	dst = append(begin(dst, TypeHello), magic...)
	dst = appendUvarint(appendUvarint(dst, h.Low), h.High)
	dst = appendCount(appendUvarint(dst, h.Features), h.Credit)
	return end(appendText(dst, h.Name, groups.NameMax), at)
}

// ParseHello reads the body.
func ParseHello(body []byte) (Hello, error) {
	rest, ok := bytes.CutPrefix(body, magic)
	if !ok {
		return Hello{}, ErrMagic
	}
	r := reader{b: rest}
	h := Hello{Low: r.u32(), High: r.u32(), Features: r.uvarint(), Credit: r.credit(), Name: r.text(groups.NameMax)}
	return h, r.err
}

// Welcome answers a hello. What is behind its last value is ignored.
type Welcome struct {
	// Version is the one that is spoken from here on, Features the bits that
	// both know.
	Version  uint32
	Features uint64
	// Self and Port say who the program is in a view.
	Self views.Process
	Port uint32
	// Credit is how many bytes of asking frames the daemon is ready to take.
	Credit int
	// Handles, Tokens and Payload bound the groups with a number, the tokens
	// under way and a message.
	Handles, Tokens, Payload uint32
	// Software is the daemon's version, for people.
	Software string
}

// AppendWelcome appends the frame.
func AppendWelcome(dst []byte, w *Welcome) []byte {
	at := len(dst)
	dst = appendUvarint(begin(dst, TypeWelcome), w.Version)
	dst = appendProcess(appendUvarint(dst, w.Features), w.Self)
	dst = appendCount(appendUvarint(dst, w.Port), w.Credit)
	dst = appendUvarint(appendUvarint(appendUvarint(dst, w.Handles), w.Tokens), w.Payload)
	return end(appendText(dst, w.Software, views.VersionMax), at)
}

// ParseWelcome reads the body.
func ParseWelcome(body []byte) (Welcome, error) {
	r := reader{b: body}
	w := Welcome{
		Version: r.u32(), Features: r.uvarint(), Self: r.process(), Port: r.u32(), Credit: r.credit(),
		Handles: r.u32(), Tokens: r.u32(), Payload: r.u32(), Software: r.text(views.VersionMax),
	}
	return w, r.err
}

// Error is the last frame of the daemon.
type Error struct {
	Code Code
	// Text says what was wrong and Hint what to do, for people.
	Text, Hint string
}

// AppendError appends the frame; long texts are cut.
func AppendError(dst []byte, e *Error) []byte {
	at := len(dst)
	dst = appendText(appendUvarint(begin(dst, TypeError), e.Code), e.Text, TextMax)
	return end(appendText(dst, e.Hint, TextMax), at)
}

// ParseError reads the body.
func ParseError(body []byte) (Error, error) {
	r := reader{b: body}
	e := Error{Code: r.code(), Text: r.text(TextMax), Hint: r.text(TextMax)}
	return e, r.end()
}

// appendNumber appends a frame of one number.
func appendNumber(dst []byte, t Type, n uint64) []byte {
	at := len(dst)
	return end(appendUvarint(begin(dst, t), n), at)
}

// AppendPing asks the other side for a Pong with the same number.
func AppendPing(dst []byte, n uint64) []byte { return appendNumber(dst, TypePing, n) }

// AppendPong answers a Ping.
func AppendPong(dst []byte, n uint64) []byte { return appendNumber(dst, TypePong, n) }

// AppendCredit lets the other side send n bytes more, up to CreditMax.
func AppendCredit(dst []byte, n int) []byte { return appendNumber(dst, TypeCredit, uint64(n)) } //nolint:gosec // positive

// AppendCancel takes a join, leave or request back. Its token is answered all the same.
func AppendCancel(dst []byte, token uint64) []byte { return appendNumber(dst, TypeCancel, token) }

// AppendDone answers a token: it is done.
func AppendDone(dst []byte, token uint64) []byte { return appendNumber(dst, TypeDone, token) }

// AppendBye says that the program goes.
func AppendBye(dst []byte) []byte {
	at := len(dst)
	return end(begin(dst, TypeBye), at)
}

// ParseNumber reads the body of a Ping, Pong, Credit, Cancel or Done.
func ParseNumber(body []byte) (uint64, error) {
	r := reader{b: body}
	n := r.uvarint()
	return n, r.end()
}

// ParseEmpty reads the body of a Bye.
func ParseEmpty(body []byte) error {
	r := reader{b: body}
	return r.end()
}

// Bind gives a group a number, for all frames from here on.
type Bind struct {
	Handle uint32
	Group  string
}

// AppendBind appends the frame.
func AppendBind(dst []byte, b *Bind) []byte {
	at := len(dst)
	return end(appendText(appendUvarint(begin(dst, TypeBind), b.Handle), b.Group, views.GroupNameMax), at)
}

// ParseBind reads the body.
func ParseBind(body []byte) (Bind, error) {
	r := reader{b: body}
	b := Bind{Handle: r.handle(), Group: r.text(views.GroupNameMax)}
	return b, r.end()
}
