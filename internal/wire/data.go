package wire

import (
	"math"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// ItemsMax bounds the packets in one Data.
const ItemsMax = 4096

const itemLeast = 5

func writeData(w *writer, m *message.Data) {
	if err := checkRun(m.First, len(m.Items)); err != nil {
		w.fail("Items", err)
	}
	w.view(m.View)
	w.rank("Origin", m.Origin)
	w.uvarint(uint64(m.First))
	if !w.count("Items", len(m.Items), ItemsMax) {
		return
	}
	for i := range m.Items {
		writeItem(w, &m.Items[i])
	}
}

func writeItem(w *writer, it *message.Item) {
	if err := checkItem(it); err != nil {
		w.fail("Items", err)
		return
	}
	w.byte(byte(it.Kind))
	w.uvarint(uint64(it.K))
	w.uvarint(it.N)
	w.text("Items", it.Group, views.GroupNameMax)
	w.bytes("Items", it.Payload, views.PayloadMax)
	if it.Kind == message.ItemState {
		if it.State == nil {
			w.fail("Items", ErrForm)
			return
		}
		w.bits("Items", it.State.Bits)
		w.attrs("Items", it.State.Attrs)
	} else if it.State != nil {
		w.fail("Items", ErrForm)
	}
}

// dataOne is a Data with room for its only item: one allocation instead of
// two, for the most frequent case.
type dataOne struct {
	data  message.Data
	items [1]message.Item
}

func newData(items int) *message.Data {
	if items != 1 {
		return &message.Data{Items: make([]message.Item, items)}
	}
	one := new(dataOne)
	one.data.Items = one.items[:]
	return &one.data
}

func readData(r *reader) *message.Data {
	view := r.view("View")
	origin := r.rank("Origin")
	first := r.streamSeq("First")
	n := r.count("Items", ItemsMax, itemLeast)
	if r.err != nil {
		return nil
	}
	if err := checkRun(first, n); err != nil {
		r.fail("Items", err)
		return nil
	}
	m := newData(n)
	m.View, m.Origin, m.First = view, origin, first
	for i := range m.Items {
		readItem(r, &m.Items[i])
		if r.err != nil {
			return nil
		}
	}
	return m
}

func readItem(r *reader, it *message.Item) {
	it.Kind = message.ItemKind(r.byte("Items"))
	it.K = views.Position(r.uvarint("Items"))
	it.N = r.uvarint("Items")
	if r.err != nil {
		return
	}
	if err := checkItem(it); err != nil {
		r.fail("Items", err)
		return
	}
	it.Group = r.groupName("Items")
	it.Payload = r.bytes("Items", views.PayloadMax)
	if it.Kind == message.ItemState {
		it.State = &message.State{Bits: r.bits("Items"), Attrs: r.attrs("Items")}
	}
}

// checkRun holds items consecutive packets from first against what a stream
// can be: they begin at 1 and their numbers do not run over.
func checkRun(first views.StreamSeq, items int) error {
	if first == 0 || items == 0 {
		return ErrForm
	}
	if uint64(first) > math.MaxUint64-uint64(items) { //nolint:gosec // a length
		return ErrLimit
	}
	return nil
}

// checkItem: the kind is known, and exactly the agreed kinds have a place in
// the agreed order.
func checkItem(it *message.Item) error {
	if !it.Kind.Valid() {
		return ErrEnum
	}
	if (it.Kind == message.ItemFIFO) != (it.K == 0) {
		return ErrForm
	}
	return nil
}
