package wire

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

const (
	// PieceHeadMax bounds what a Piece takes in a frame beside its bytes.
	PieceHeadMax = 1 + 3 + 8 + 3 + 2 + 2 + 3
	// RelayHeadMax bounds what a frame takes more once it is in a Relay that is plain.
	RelayHeadMax = HeaderMax + 1 + 3 + 1 + addrV6 + 3
)

func writePiece(w *writer, m *message.Piece) {
	if field, err := checkPiece(m); err != nil {
		w.fail(field, err)
	}
	w.fixed64(m.ID)
	w.upTo("Total", uint64(m.Total), views.MessageMax)
	w.upTo("Count", uint64(m.Count), message.PiecesMax)
	w.upTo("Index", uint64(m.Index), message.PiecesMax)
	w.bytes("Bytes", m.Bytes, views.DatagramMax)
}

func readPiece(r *reader) *message.Piece {
	m := &message.Piece{
		ID:    r.fixed64("ID"),
		Total: uint32(r.upTo("Total", views.MessageMax)),  //nolint:gosec // bounded
		Count: uint16(r.upTo("Count", message.PiecesMax)), //nolint:gosec // bounded
		Index: uint16(r.upTo("Index", message.PiecesMax)), //nolint:gosec // bounded
		Bytes: r.span("Bytes", views.DatagramMax),
	}
	if r.err != nil {
		return nil
	}
	if field, err := checkPiece(m); err != nil {
		r.fail(field, err)
		return nil
	}
	m.Bytes = append(make([]byte, 0, len(m.Bytes)), m.Bytes...)
	return m
}

func writeMissing(w *writer, m *message.Missing) {
	if err := checkMissing(m); err != nil {
		w.fail("Runs", err)
	}
	w.fixed64(m.ID)
	w.upTo("Total", uint64(m.Total), views.MessageMax)
	w.upTo("Count", uint64(m.Count), message.PiecesMax)
	if w.count("Runs", len(m.Runs), message.MissingMax) {
		for _, r := range m.Runs {
			w.uvarint(uint64(r.First))
			w.uvarint(uint64(r.Count))
		}
	}
}

func readMissing(r *reader) *message.Missing {
	m := &message.Missing{
		ID:    r.fixed64("ID"),
		Total: uint32(r.upTo("Total", views.MessageMax)),  //nolint:gosec // bounded
		Count: uint16(r.upTo("Count", message.PiecesMax)), //nolint:gosec // bounded
	}
	for range r.count("Runs", message.MissingMax, 2) {
		m.Runs = append(m.Runs, message.PieceRun{
			First: uint16(r.upTo("Runs", message.PiecesMax)), //nolint:gosec // bounded
			Count: uint16(r.upTo("Runs", message.PiecesMax)), //nolint:gosec // bounded
		})
	}
	if err := checkMissing(m); r.err == nil && err != nil {
		r.fail("Runs", err)
	}
	return m
}

// checkMissing: there are runs, within the pieces, rising and apart.
func checkMissing(m *message.Missing) error {
	next := 0
	for _, r := range m.Runs {
		if r.Count == 0 || int(r.First) < next {
			return ErrOrder
		}
		next = int(r.First) + int(r.Count) + 1
	}
	if len(m.Runs) == 0 || next > int(m.Count)+1 {
		return ErrForm
	}
	return nil
}

// checkPiece: the cut is one that a sender may make, and the bytes are as many as
// its numbers say.
func checkPiece(m *message.Piece) (field string, err error) {
	switch {
	case m.Total > views.MessageMax:
		return "Total", ErrLimit
	case m.Count > message.PiecesMax:
		return "Count", ErrLimit
	case m.Count < 2 || !message.Cuts(int(m.Total), int(m.Count)):
		return "Count", ErrForm
	case m.Index >= m.Count:
		return "Index", ErrForm
	}
	if from, to := m.Span(); len(m.Bytes) != to-from {
		return "Bytes", ErrForm
	}
	return "", nil
}

// AppendWhole appends a message as it is cut into pieces: its type and its body, at
// most [views.MessageMax] bytes. One beyond a limit, or that is not to be divided,
// is refused with an [*Error], and dst comes back as it was.
func AppendWhole(dst []byte, m message.Message) ([]byte, error) {
	if m == nil {
		return dst, frameError("Message", ErrType)
	}
	w := writer{b: append(dst, byte(m.Type()))}
	if !m.Type().Divisible() {
		w.fail("Message", ErrForm)
	}
	writeBody(&w, m)
	if len(w.b)-len(dst) > views.MessageMax {
		w.fail("Body", ErrLimit)
	}
	if w.err != nil {
		return dst, &Error{Type: m.Type(), Field: w.field, Err: w.err}
	}
	return w.b, nil
}

// DecodeWhole reads what AppendWhole wrote. The message shares no memory with it.
func DecodeWhole(whole []byte) (message.Message, error) {
	r := reader{b: whole}
	typ := message.Type(r.byte("Type"))
	switch {
	case r.err != nil || len(whole) > views.MessageMax:
		return nil, frameError("Length", ErrLimit)
	case typ == message.TypeNone || typ >= message.TypeEnd:
		return nil, frameError("Type", ErrType)
	case !typ.Divisible():
		return nil, &Error{Type: typ, Field: "Message", Err: ErrForm}
	}
	m := readBody(&r, typ)
	if r.err != nil {
		return nil, r.wrap(typ)
	}
	return m, nil
}

// Cut gives piece index of a whole that AppendWhole made, cut into count pieces; its
// bytes lie in the whole.
func Cut(whole []byte, id uint64, count, index int) *message.Piece {
	p := &message.Piece{ID: id, Total: uint32(len(whole)), Count: uint16(count), Index: uint16(index)} //nolint:gosec // bounded
	from, to := p.Span()
	p.Bytes = whole[from:to]
	return p
}
