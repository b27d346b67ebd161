package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// dataN gives n packets in turn of both streams of rank 1, all different.
func dataN(n int) (all []message.Message) {
	for i := range n {
		all = append(all, &message.Data{
			View: viewN(3), Stream: message.StreamOf(1, message.Class(i)%message.Classes), Seq: views.StreamSeq(i + 1),
			Flags: message.DataFlags(i % 4), Body: fmt.Appendf(nil, "packet %d", i),
		})
	}
	return all
}

// The body of a Data is the frame's own bytes, and there is no way from it into
// what follows.
func TestDataLiesInTheFrame(t *testing.T) {
	frame, err := frameOf(append(dataN(2), &message.Pong{Token: 1})...)
	if err != nil {
		t.Fatal(err)
	}
	var f Frame
	if err := Decode(frame, &f); err != nil {
		t.Fatal(err)
	}
	for _, m := range f.Messages[:2] {
		body := m.(*message.Data).Body
		at := bytes.Index(frame, body)
		if at < 0 || &frame[at] != &body[0] {
			t.Errorf("%q is a copy", body)
		}
		if cap(body) != len(body) {
			t.Errorf("%q has a capacity of %d", body, cap(body))
		}
	}
}

// Several packets in one frame, alone and among other messages, are values of
// their own.
func TestSeveralDataInAFrame(t *testing.T) {
	mixed := append(dataN(3), sample(message.TypeAck), sample(message.TypeHeartbeat))
	mixed = append(mixed, dataN(5)[3:]...)
	var f Frame
	for _, sent := range [][]message.Message{dataN(7), mixed, dataN(1), mixed} {
		frame, err := frameOf(sent...)
		if err != nil {
			t.Fatal(err)
		}
		if err := Decode(frame, &f); err != nil || !reflect.DeepEqual(f.Messages, sent) {
			t.Fatalf("%v: got %+v\nwant %+v", err, f.Messages, sent)
		}
	}
}

// A packet that is no good does not take the place of the next one.
func TestBrokenDataAmongGood(t *testing.T) {
	good := dataN(2)
	b, err := AppendMessage(AppendHeader(nil, sampleHeader), good[0])
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, byte(message.TypeData), viewLeast+4)
	b = append(b, raw{}.view().uv(0, 1).u8(0).uv(0)...)
	if b, err = AppendMessage(b, good[1]); err != nil {
		t.Fatal(err)
	}
	Sum(b)
	var f Frame
	if err := Decode(b, &f); err != nil || !reflect.DeepEqual(f.Messages, good) || len(f.Broken) != 1 {
		t.Fatalf("%v %+v", err, f)
	}
	wantError(t, f.Broken[0], ErrForm, "Body")
}

// The next Decode takes the Data back: it is used again, and those that are
// not hold no frame. Other messages stay what they were. The same goes for a
// frame that is not believed.
func TestDataIsUsedAgain(t *testing.T) {
	first, err := frameOf(append(dataN(3), sample(message.TypeAck))...)
	if err != nil {
		t.Fatal(err)
	}
	second, err := frameOf(&message.Data{Seq: 9, Body: []byte("other")})
	if err != nil {
		t.Fatal(err)
	}
	var f Frame
	if err := Decode(first, &f); err != nil {
		t.Fatal(err)
	}
	kept := append([]message.Message(nil), f.Messages...)
	if err := Decode(second, &f); err != nil || len(f.Messages) != 1 || f.Messages[0] != kept[0] {
		t.Fatalf("%v: a new Data for %+v", err, f.Messages)
	}
	want := []message.Message{&message.Data{Seq: 9, Body: []byte("other")}, &message.Data{}, &message.Data{}, sample(message.TypeAck)}
	if !reflect.DeepEqual(kept, want) {
		t.Errorf("got %+v\nwant %+v", kept, want)
	}
	if Decode(nil, &f) == nil || !reflect.DeepEqual(kept[0], &message.Data{}) {
		t.Errorf("the frame is held on to: %+v", kept[0])
	}
}

// The bytes of a Data, written out independently of the code.
func TestDataBytes(t *testing.T) {
	m := &message.Data{Stream: message.StreamOf(300, message.ClassPlaced), Seq: 200, Flags: message.AckAll, Body: []byte("abc")}
	want := raw{}.view().u8(0xd9, 0x04, 0xc8, 0x01, 2, 3, 'a', 'b', 'c')
	if got, err := bodyOf(m); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got % x, %v\nwant % x", got, err, want)
	}
}

// A room is one more on the wire, so that no limit is a single 0; its ends do
// not meet.
func TestRoomBytes(t *testing.T) {
	for _, c := range []struct {
		room  uint64
		bytes []byte
	}{
		{math.MaxUint64, []byte{0}},
		{0, []byte{1}},
		{1, []byte{2}},
		{126, []byte{127}},
		{127, []byte{0x80, 1}},
		{math.MaxUint64 - 1, binary.AppendUvarint(nil, math.MaxUint64)},
	} {
		for _, m := range []message.Message{&message.Ack{Room: c.room, Turn: 5}, &message.Stable{Room: c.room, Slowest: 3, Turn: 5}} {
			want := append(raw{}.view().uv(0), c.bytes...)
			if m.Type() == message.TypeStable {
				want = append(want, 3)
			}
			want = append(want, 5)
			body, err := bodyOf(m)
			if err != nil || !bytes.Equal(body, want) {
				t.Errorf("%v %d: % x, %v, want % x", m.Type(), c.room, body, err, want)
			}
			if got, err := readAll(m.Type(), want); err != nil || !reflect.DeepEqual(got, m) {
				t.Errorf("%v %d: %+v, %v", m.Type(), c.room, got, err)
			}
		}
	}
}

// A head with the body behind it is the frame that AppendMessage makes.
func TestDataHead(t *testing.T) {
	for _, m := range samples() {
		d, ok := m.(*message.Data)
		if !ok {
			continue
		}
		for _, n := range []int{1, 127, 128, 60_000} {
			d.Body = bytes.Repeat([]byte{7}, n)
			want, err := AppendMessage([]byte("head"), d)
			if err != nil {
				t.Fatal(err)
			}
			if got := append(AppendDataHead([]byte("head"), d), d.Body...); !bytes.Equal(got, want) {
				t.Errorf("%d bytes: the head is %x, want %x", n, got[:len(got)-n], want[:len(want)-n])
			}
		}
	}
}
