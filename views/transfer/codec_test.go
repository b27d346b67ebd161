package transfer

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
)

func samples() []Message {
	id := TransferID{
		Group: strings.Repeat("g", views.GroupNameMax), View: views.ViewID{Seq: 1<<64 - 1, Coordinator: views.HostID{1}, Incarnation: 1<<32 - 1},
		K: 1<<64 - 1, Joiner: process(3), Port: 1<<32 - 1,
	}
	want := &Want{Tag: 1, Serial: echoMax, Next: indexMax - 5000, Limit: indexMax, Stalled: true}
	for i := range uint64(rangesMax) {
		want.Missing = append(want.Missing, Range{indexMax - 5000 + i*70, 66})
	}
	return []Message{
		&Ask{id, 1, chunkMin, WindowMin, 1 << 40},
		&Offer{1 << 63, echoMax, echoMax, chunkMax, slotsMax, bytesMax},
		want, &Want{Tag: 1},
		&Have{2, 3, 4, make([]Hash, hashesMax)},
		&Chunk{2, indexMax, echoMax, echoMax, 77, make([]byte, PacketDefault-chunkOverhead)},
		&Same{2, echoMax, echoMax, indexMax, make([]Hash, hashesMax)},
		&End{3, 1, 2, 3, 4, Sum{5}},
		&Done{9}, &Stop{9, true, StopDisk},
	}
}

func TestRoundTrip(t *testing.T) {
	for _, m := range samples() {
		b := m.AppendTo([]byte("head"))
		if !bytes.HasPrefix(b, []byte("head")) {
			t.Fatal("AppendTo overwrites")
		}
		b = b[4:]
		if len(b) > PacketMin && len(b) > PacketDefault {
			t.Errorf("%T takes %d bytes", m, len(b))
		}
		if _, ok := m.(*Chunk); !ok && len(b) > PacketMin {
			t.Errorf("%T takes %d bytes, more than the least packet", m, len(b))
		}
		got, err := Decode(b)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%+v became %+v: %v", m, got, err)
		}
		for n := range b {
			if _, err := Decode(b[:n]); err == nil {
				t.Errorf("%T: taken with %d bytes of %d", m, n, len(b))
			}
		}
		if _, err := Decode(append(b, 0)); !errors.Is(err, ErrTrailing) {
			t.Errorf("%T with a byte more: %v", m, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	id := TransferID{Group: "g", Joiner: process(3)}
	for _, c := range []struct {
		name string
		b    []byte
		want error
	}{
		{"empty", nil, ErrShort},
		{"version", []byte{9, kindDone}, ErrKind},
		{"kind", []byte{version, 99}, ErrKind},
		{"too long", make([]byte, PacketMax+1), ErrLimit},
		{"no group", (&Ask{TransferID{}, 1, chunkMin, WindowMin, 0}).AppendTo(nil), ErrLimit},
		{"chunk too small", (&Ask{id, 1, 5, WindowMin, 0}).AppendTo(nil), ErrLimit},
		{"window too small", (&Ask{id, 1, chunkMin, 5, 0}).AppendTo(nil), ErrLimit},
		{"serial", (&Ask{id, echoMax + 1, chunkMin, WindowMin, 0}).AppendTo(nil), ErrLimit},
		{"slots", (&Offer{1, 0, 0, chunkMin, 7, 0}).AppendTo(nil), ErrLimit},
		{"no hashes", (&Have{1, 0, 0, nil}).AppendTo(nil), ErrLimit},
		{"too many hashes", (&Have{1, 0, 0, make([]Hash, 65)}).AppendTo(nil), ErrLimit},
		{"too many ranges", (&Want{Tag: 1, Missing: make([]Range, 65)}).AppendTo(nil), ErrLimit},
		{"empty range", (&Want{Tag: 1, Missing: []Range{{1, 0}}}).AppendTo(nil), ErrLimit},
		{"touching ranges", (&Want{Tag: 1, Missing: []Range{{1, 1}, {2, 1}}}).AppendTo(nil), ErrLimit},
		{"no data", (&Chunk{1, 0, 0, 0, 0, nil}).AppendTo(nil), ErrLimit},
		{"reason", (&Stop{1, false, stopEnd}).AppendTo(nil), ErrLimit},
		{"flag", append((&Done{1}).AppendTo(nil)[:0:0], version, kindStop, 0, 0, 0, 0, 0, 0, 0, 1, 2, 1), ErrForm},
		{"long number", append(appendHead(nil, kindEnd, 1), 0x80, 0), ErrForm},
	} {
		if m, err := Decode(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %+v %v, want %v", c.name, m, err, c.want)
		}
	}
}

// FuzzDecode: what is taken is encoded to the very bytes it came in, and no
// machine in the middle of a transfer is harmed by it.
func FuzzDecode(f *testing.F) {
	for _, m := range samples() {
		f.Add(m.AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Decode(b)
		if err != nil {
			return
		}
		if again := m.AppendTo(nil); !bytes.Equal(again, b) {
			t.Fatalf("% x became % x", b, again)
		}
		l := newLab(t, 1, 2, Config{Window: WindowMin})
		d, j := l.hosts[0], l.hosts[1]
		d.state = make([]byte, 200_000)
		id := idOf(j, 1)
		l.begin(id, d, j)
		l.run(1700*time.Microsecond, never)
		retag(m, id)
		d.m.Handle(l.now, j.self, m)
		j.m.Handle(l.now, d.self, m)
		d.drain()
		j.drain()
		l.run(time.Second, l.over(id, d, j))
		if d.m.Held() > WindowMin || j.m.Held() > WindowMin {
			t.Fatal("too much is held")
		}
	})
}

// retag makes a message one of a transfer.
func retag(m Message, id TransferID) {
	tag := id.Tag()
	switch m := m.(type) {
	case *Ask:
		m.ID = id
	case *Offer:
		m.Tag = tag
	case *Want:
		m.Tag = tag
	case *Have:
		m.Tag = tag
	case *Chunk:
		m.Tag, m.CRC = tag, ChunkSum(tag, m.Index, m.Data)
	case *Same:
		m.Tag = tag
	case *End:
		m.Tag = tag
	case *Done:
		m.Tag = tag
	case *Stop:
		m.Tag = tag
	}
}

func TestNames(t *testing.T) {
	for r := Cancelled; r < reasonEnd; r++ {
		if r.String() == "" || r.String() == "unknown" {
			t.Errorf("reason %d has no name", r)
		}
	}
	for d := range dropEnd {
		if d.String() == "" || d.String() == "unknown-drop" {
			t.Errorf("drop %d has no name", d)
		}
	}
	if reasonEnd.String() != "unknown" || dropEnd.String() != "unknown-drop" || Donor.String() == Joiner.String() {
		t.Error("names")
	}
	id := TransferID{Group: "orders", View: views.ViewID{Seq: 12, Coordinator: views.HostID{0x1a}}, K: 7, Joiner: process(2), Port: 80}
	if got := id.String(); got != "orders 12@1a000000/7 to 02000000/2:80" {
		t.Error(got)
	}
}
