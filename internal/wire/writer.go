package wire

import (
	"encoding/binary"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// writer appends values to b and holds them against the same limits as the
// reader. Its first error sticks; what was written is then thrown away by
// [AppendMessage].
type writer struct {
	b     []byte
	err   error
	field string
}

func (w *writer) fail(field string, err error) {
	if w.err == nil {
		w.err, w.field = err, field
	}
}

func (w *writer) byte(v byte) { w.b = append(w.b, v) }

func (w *writer) fixed64(v uint64) { w.b = binary.BigEndian.AppendUint64(w.b, v) }

func (w *writer) uvarint(v uint64) {
	if v < 0x80 {
		w.b = append(w.b, byte(v))
		return
	}
	w.b = binary.AppendUvarint(w.b, v)
}

func (w *writer) upTo(field string, v, limit uint64) {
	if v > limit {
		w.fail(field, ErrLimit)
		return
	}
	w.uvarint(v)
}

func (w *writer) rank(field string, v uint16) { w.upTo(field, uint64(v), views.MembersMax-1) }

func (w *writer) stream(field string, v message.StreamID) {
	w.upTo(field, uint64(v), uint64(message.StreamsMax)-1)
}

func (w *writer) size(field string, v uint16) { w.upTo(field, uint64(v), views.MembersMax) }

func (w *writer) bool(v bool) {
	if v {
		w.byte(1)
		return
	}
	w.byte(0)
}

// count writes the length of a list and says whether its entries may follow.
func (w *writer) count(field string, n, limit int) bool {
	if n > limit {
		w.fail(field, ErrLimit)
		return false
	}
	w.uvarint(uint64(n)) //nolint:gosec // a length
	return true
}

func (w *writer) bytes(field string, v []byte, limit int) {
	if w.count(field, len(v), limit) {
		w.b = append(w.b, v...)
	}
}

func (w *writer) host(h views.HostID) { w.b = append(w.b, h[:]...) }

func (w *writer) incarnation(v views.Incarnation) { w.uvarint(uint64(v)) }
