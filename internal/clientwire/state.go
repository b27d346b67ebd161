package clientwire

// State is the event of a state that comes, or of none: the program is the first
// that has it.
type State struct {
	Handle uint32
	// Number names the stream on which it comes; 0: there is none.
	Number uint64
	// Size is its length in bytes.
	Size uint64
}

// AppendState appends the frame.
func AppendState(dst []byte, s *State) []byte {
	at := len(dst)
	dst = appendUvarint(appendUvarint(begin(dst, TypeState), s.Handle), s.Number)
	return end(appendUvarint(dst, s.Size), at)
}

// ParseState reads the body.
func ParseState(body []byte) (State, error) {
	r := reader{b: body}
	s := State{Handle: r.handle(), Number: r.uvarint(), Size: r.upTo(StateMax)}
	if s.Number == 0 && s.Size != 0 {
		r.fail(ErrEnum)
	}
	return s, r.end()
}

// Donate is the event of a state that is wanted of the program.
type Donate struct {
	Handle uint32
	// Number names the stream on which it shall go; never 0.
	Number uint64
}

// AppendDonate appends the frame.
func AppendDonate(dst []byte, d *Donate) []byte {
	return appendPair(dst, TypeDonate, uint64(d.Handle), d.Number)
}

// ParseDonate reads the body.
func ParseDonate(body []byte) (Donate, error) {
	r := reader{b: body}
	d := Donate{Handle: r.handle(), Number: r.stream()}
	return d, r.end()
}

// Progress is the event of how far a state has come.
type Progress struct {
	Handle uint32
	// Total is 0 while it is not known.
	Bytes, Total uint64
}

// AppendProgress appends the frame.
func AppendProgress(dst []byte, p *Progress) []byte {
	at := len(dst)
	dst = appendUvarint(appendUvarint(begin(dst, TypeProgress), p.Handle), p.Bytes)
	return end(appendUvarint(dst, p.Total), at)
}

// ParseProgress reads the body.
func ParseProgress(body []byte) (Progress, error) {
	r := reader{b: body}
	p := Progress{Handle: r.handle(), Bytes: r.upTo(StateMax), Total: r.upTo(StateMax)}
	return p, r.end()
}

// Piece is some of a state; the next one has what follows.
type Piece struct {
	Number uint64
	// Bytes are at least one, and at most TailMax where we send them.
	Bytes []byte
}

// AppendPiece appends the frame.
func AppendPiece(dst []byte, p *Piece) []byte {
	at := len(dst)
	return end(append(appendUvarint(begin(dst, TypePiece), p.Number), p.Bytes...), at)
}

// ParsePiece reads the body.
func ParsePiece(body []byte) (Piece, error) {
	r := reader{b: body}
	p := Piece{Number: r.stream(), Bytes: r.tail()}
	if r.err == nil && len(p.Bytes) == 0 {
		r.err = ErrShort
	}
	return p, r.err
}

// More lets the writer of a stream send more; Give says that a state comes, and how
// long it will be, 0 where that is not known.
type (
	More struct{ Number, Bytes uint64 }
	Give struct{ Number, Size uint64 }
)

// AppendMore appends the frame.
func AppendMore(dst []byte, m *More) []byte { return appendPair(dst, TypeMore, m.Number, m.Bytes) }

// AppendGive appends the frame.
func AppendGive(dst []byte, g *Give) []byte { return appendPair(dst, TypeGive, g.Number, g.Size) }

// ParseMore reads the body.
func ParseMore(body []byte) (More, error) {
	r := reader{b: body}
	m := More{Number: r.stream(), Bytes: r.upTo(CreditMax)}
	return m, r.end()
}

// ParseGive reads the body.
func ParseGive(body []byte) (Give, error) {
	r := reader{b: body}
	g := Give{Number: r.stream(), Size: r.upTo(StateMax)}
	return g, r.end()
}

func appendPair(dst []byte, t Type, a, b uint64) []byte {
	at := len(dst)
	return end(appendUvarint(appendUvarint(begin(dst, t), a), b), at)
}

// End is the writer's last word of a stream.
type End struct {
	Number uint64
	// Code is CodeNone where the state is whole; else there is none, and Text says
	// why, for people.
	Code Code
	Text string
}

// AppendEnd appends the frame; a long text is cut.
func AppendEnd(dst []byte, e *End) []byte {
	return appendReason(dst, TypeEnd, e.Number, e.Code, e.Text)
}

// ParseEnd reads the body.
func ParseEnd(body []byte) (End, error) {
	r := reader{b: body}
	e := End{Number: r.stream(), Code: r.code(), Text: r.text(TextMax)}
	return e, r.end()
}

// AppendStop is the reader's last word of a stream.
func AppendStop(dst []byte, number uint64) []byte { return appendNumber(dst, TypeStop, number) }

// ParseStop reads the body.
func ParseStop(body []byte) (uint64, error) {
	r := reader{b: body}
	n := r.stream()
	return n, r.end()
}

// stream reads the number of one.
func (r *reader) stream() uint64 {
	n := r.uvarint()
	if n == 0 {
		r.fail(ErrEnum)
	}
	return n
}
