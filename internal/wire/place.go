package wire

import (
	"math"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

func writeRequest(w *writer, m *message.Request) {
	w.view(m.View)
	w.uvarint(m.Have)
	w.uvarint(m.Want)
}

func readRequest(r *reader) *message.Request {
	m := new(message.Request)
	m.View = r.view("View")
	m.Have = r.uvarint("Have")
	m.Want = r.uvarint("Want")
	return m
}

func writeGrant(w *writer, m *message.Grant) {
	w.view(m.View)
	w.uvarint(m.First)
	if !w.count("Ranges", len(m.Ranges), RangesMax) {
		return
	}
	for _, g := range m.Ranges {
		if err := checkPlaces(g); err != nil {
			w.fail("Ranges", err)
			return
		}
		w.uvarint(uint64(g.K))
		w.uvarint(uint64(g.Count))
	}
}

func readGrant(r *reader) *message.Grant {
	m := new(message.Grant)
	m.View = r.view("View")
	m.First = r.uvarint("First")
	n := r.count("Ranges", RangesMax, rangeLeast)
	if n == 0 {
		return m
	}
	m.Ranges = make([]message.PlaceRange, n)
	for i := range m.Ranges {
		g := message.PlaceRange{
			K:     views.Position(r.uvarint("Ranges")),
			Count: uint32(r.upTo("Ranges", math.MaxUint32)), //nolint:gosec // bounded
		}
		if r.err != nil {
			return nil
		}
		if err := checkPlaces(g); err != nil {
			r.fail("Ranges", err)
			return nil
		}
		m.Ranges[i] = g
	}
	return m
}

// checkPlaces: places begin at 1, and a range is not empty and does not run over.
func checkPlaces(g message.PlaceRange) error {
	if g.K == 0 || g.Count == 0 {
		return ErrForm
	}
	if uint64(g.K) > math.MaxUint64-uint64(g.Count) {
		return ErrLimit
	}
	return nil
}
