package wire

import (
	"math"

	"github.com/gmsd/gmsd/views/message"
)

// writeEarshot writes what is said of multicast.
func writeEarshot(w *writer, m message.Message) {
	switch m := m.(type) {
	case *message.Unheard:
		w.upTo("Span", uint64(m.Span), math.MaxUint32)
	case *message.Spoken:
		w.upTo("Count", uint64(m.Count), math.MaxUint32)
	default:
		w.fail("Message", ErrType)
	}
}

// readEarshot reads what is said of multicast.
func readEarshot(r *reader, typ message.Type) message.Message {
	switch typ {
	case message.TypeUnheard:
		return &message.Unheard{Span: uint32(r.upTo("Span", math.MaxUint32))}
	case message.TypeSpoken:
		return &message.Spoken{Count: uint32(r.upTo("Count", math.MaxUint32))}
	default:
		r.fail("Message", ErrType)
		return nil
	}
}
