package wire

import (
	"encoding/binary"
	"math"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// reader takes values from the front of b. Its first error sticks and empties
// b, so that a decoder can read all its fields and look at err once; every
// loop is bounded by a count that was checked before. It never panics,
// whatever b holds, and nothing it gives shares memory with b but span.
type reader struct {
	b     []byte
	err   error
	field string
	// frame is what the body belongs to, for what is kept there; nil outside of one.
	frame *Frame
}

func (r *reader) fail(field string, err error) {
	if r.err == nil {
		r.err, r.field = err, field
	}
	r.b = nil
}

// wrap gives the error that stuck, with its place.
func (r *reader) wrap(t message.Type) *Error {
	return &Error{Type: t, Field: r.field, Err: r.err}
}

func (r *reader) byte(field string) byte {
	if len(r.b) == 0 {
		r.fail(field, ErrShort)
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) fixed64(field string) uint64 {
	if len(r.b) < 8 {
		r.fail(field, ErrShort)
		return 0
	}
	v := binary.BigEndian.Uint64(r.b)
	r.b = r.b[8:]
	return v
}

func (r *reader) uvarint(field string) uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 {
		v := uint64(r.b[0])
		r.b = r.b[1:]
		return v
	}
	return r.longUvarint(field)
}

// longUvarint reads a varint of any length. Only the shortest form is taken:
// one value has one encoding.
func (r *reader) longUvarint(field string) uint64 {
	v, n := binary.Uvarint(r.b)
	switch {
	case n == 0:
		r.fail(field, ErrShort)
		return 0
	case n < 0 || (n > 1 && r.b[n-1] == 0):
		r.fail(field, ErrVarint)
		return 0
	}
	r.b = r.b[n:]
	return v
}

// upTo reads a number that may be at most limit.
func (r *reader) upTo(field string, limit uint64) uint64 {
	v := r.uvarint(field)
	if v > limit {
		r.fail(field, ErrLimit)
		return 0
	}
	return v
}

// rank reads a place in a view.
func (r *reader) rank(field string) uint16 {
	return uint16(r.upTo(field, views.MembersMax-1)) //nolint:gosec // bounded by MembersMax
}

// stream reads the name of a stream.
func (r *reader) stream(field string) message.StreamID {
	return message.StreamID(r.upTo(field, uint64(message.StreamsMax)-1)) //nolint:gosec // bounded by StreamsMax
}

// size reads a number of members.
func (r *reader) size(field string) uint16 {
	return uint16(r.upTo(field, views.MembersMax)) //nolint:gosec // bounded by MembersMax
}

// streamSeq reads a place in a stream.
func (r *reader) streamSeq(field string) views.StreamSeq {
	return views.StreamSeq(r.uvarint(field))
}

// bool reads 0 or 1.
func (r *reader) bool(field string) bool {
	v := r.byte(field)
	if v > 1 {
		r.fail(field, ErrEnum)
	}
	return v == 1
}

// count reads the length of a list whose entries take at least least bytes
// each. What it gives is safe to allocate: it is within the limit, and the
// bytes for so many entries are there.
func (r *reader) count(field string, limit, least int) int {
	n := r.upTo(field, uint64(limit)) //nolint:gosec // limits are positive constants
	if n > uint64(len(r.b)/least) {
		r.fail(field, ErrShort)
		return 0
	}
	return int(n) //nolint:gosec // within limit
}

// span reads a length and so many bytes, which still belong to the frame.
func (r *reader) span(field string, limit int) []byte {
	n := r.count(field, limit, 1)
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

// bytes reads a length and a copy of so many bytes; nil for none.
func (r *reader) bytes(field string, limit int) []byte {
	v := r.span(field, limit)
	if len(v) == 0 {
		return nil
	}
	return append(make([]byte, 0, len(v)), v...)
}

func (r *reader) host(field string) (h views.HostID) {
	if len(r.b) < len(h) {
		r.fail(field, ErrShort)
		return h
	}
	copy(h[:], r.b)
	r.b = r.b[len(h):]
	return h
}

func (r *reader) incarnation(field string) views.Incarnation {
	return views.Incarnation(r.upTo(field, math.MaxUint32)) //nolint:gosec // bounded
}
