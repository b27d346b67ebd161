package wire

import (
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

func TestRoundTrip(t *testing.T) {
	for _, typ := range allTypes() {
		t.Run(typ.String(), func(t *testing.T) {
			generate := generators[typ]
			if generate == nil {
				t.Fatal("no generator")
			}
			rapid.Check(t, func(t *rapid.T) { checkRoundTrip(t, generate(t)) })
		})
	}
}

// checkRoundTrip encodes m, decodes it, destroys the bytes and compares: so it
// also sees a decoded value that shares memory with the frame (but for a Data
// or Transfer, whose body is meant to: TestDataLiesInTheFrame).
func checkRoundTrip(t *rapid.T, m message.Message) {
	frame, err := frameOf(m)
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	var f Frame
	if err := Decode(frame, &f); err != nil {
		t.Fatalf("decode: %v", err)
	}
	for _, m := range f.Messages {
		keepBody(m)
	}
	clear(frame)
	if len(f.Messages) != 1 || f.Unknown != 0 || f.Header != sampleHeader {
		t.Fatalf("%+v %v", f, f.Broken)
	}
	if !reflect.DeepEqual(f.Messages[0], m) {
		t.Fatalf("got  %+v\nwant %+v", f.Messages[0], m)
	}
}

func TestRoundTripOfFrames(t *testing.T) {
	var f Frame // used again and again, as the engine does
	rapid.Check(t, func(t *rapid.T) {
		h := message.Header{Group: genU64(t), From: genProcess(t), Nonce: genU64(t)}
		frame := AppendHeader(nil, h)
		var sent []message.Message
		for range rapid.IntRange(1, 5).Draw(t, "messages") {
			typ := rapid.SampledFrom(allTypes()).Draw(t, "type")
			m := generators[typ](t)
			var err error
			if frame, err = AppendMessage(frame, m); err != nil {
				t.Fatal(err)
			}
			sent = append(sent, m)
		}
		Sum(frame)
		if err := Decode(frame, &f); err != nil {
			t.Fatal(err)
		}
		if f.Header != h || !reflect.DeepEqual(f.Messages, sent) {
			t.Fatalf("got  %+v\nwant %+v", f.Messages, sent)
		}
		if early, err := DecodeHeader(frame); err != nil || early.Header != h {
			t.Fatalf("early header %+v: %v", early, err)
		}
	})
}

// An empty list and none are the same on the wire and read as nil.
func TestEmptyListsReadAsNil(t *testing.T) {
	pairs := []struct{ empty, none message.Message }{
		{&message.Accuse{Subjects: []message.Accusation{}}, &message.Accuse{}},
		{&message.Propose{Without: []uint16{}, Leaving: []uint16{}, Plus: []views.Process{}}, &message.Propose{}},
		{&message.Answer{Have: []message.StreamPos{}, Stale: []views.Process{}}, &message.Answer{}},
		{&message.Recover{Cut: []message.CutEntry{}}, &message.Recover{}},
		{
			&message.Install{Layout: []message.MemberSpan{}, Members: []views.Member{}, Groups: []message.InstallGroup{}},
			&message.Install{},
		},
		{&message.Resend{Ranges: []message.SeqRange{}}, &message.Resend{}},
		{&message.Ack{Have: []message.StreamPos{}}, &message.Ack{}},
		{&message.Stable{Have: []message.StreamPos{}}, &message.Stable{}},
		{&message.Grant{Ranges: []message.PlaceRange{}}, &message.Grant{}},
	}
	for _, p := range pairs {
		body, err := bodyOf(p.empty)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readAll(p.empty.Type(), body); err != nil || !reflect.DeepEqual(got, p.none) {
			t.Errorf("%v: %+v, %v", p.empty.Type(), got, err)
		}
	}
}

// dataBodyMax is the longest body that a Data of the zero view carries.
const dataBodyMax = BodyMax - viewLeast - 1 - 1 - 1 - 3

// Lists at their limits go through where the datagram carries them.
func TestFullLists(t *testing.T) {
	positions := make([]message.StreamPos, message.StreamsMax)
	cut := make([]message.CutEntry, message.StreamsMax)
	for i := range positions {
		positions[i] = message.StreamPos{Stream: message.StreamID(i), Seq: 1 << 40}
		cut[i] = message.CutEntry{StreamPos: positions[i], Holder: views.MembersMax - 1}
	}
	ranks := make([]uint16, views.MembersMax)
	processes := make([]views.Process, views.MembersMax)
	subjects := make([]message.Accusation, views.MembersMax)
	members := make([]views.Member, views.MembersMax)
	for i := range views.MembersMax {
		subjects[i] = message.Accusation{Rank: uint16(i), Evidence: message.EvidenceSilent}
		members[i] = views.Member{Process: views.Process{Host: hostN(byte(i))}, Name: "host-0001", Version: "0.1.0"}
	}
	layout := []message.MemberSpan{{Explicit: true, Count: views.MembersMax}}
	ranges := make([]message.SeqRange, RangesMax)
	for i := range ranges {
		ranges[i] = message.SeqRange{First: math.MaxUint32, Last: math.MaxUint32}
	}
	all := []message.Message{
		&message.Ack{Have: positions, Room: math.MaxUint64 - 1, Turn: math.MaxUint64},
		&message.Stable{Have: positions, Room: math.MaxUint64 - 1, Slowest: views.MembersMax - 1, Turn: math.MaxUint64},
		&message.Ack{Have: make([]message.StreamPos, message.StreamsMax)},
		&message.Recover{Cut: make([]message.CutEntry, message.StreamsMax)},
		&message.Answer{Have: positions, Stale: processes},
		&message.Recover{Cut: cut},
		&message.Propose{Without: ranks, Leaving: ranks},
		&message.Reached{Who: processes},
		&message.Resend{Stream: message.StreamID(lastStream), Ranges: ranges},
		&message.Accuse{Subjects: subjects},
		&message.Roster{Members: members},
		&message.Install{Layout: layout, Members: members, Groups: []message.InstallGroup{{Count: views.MembersMax}}},
		&message.Install{Layout: []message.MemberSpan{{Count: views.MembersMax}}},
		&message.Data{Seq: 1, Body: make([]byte, dataBodyMax)},
		&message.Relay{Frame: make([]byte, RelayFrameMax)},
		&message.Transfer{Body: make([]byte, dataBodyMax)},
	}
	for _, m := range all {
		frame, err := frameOf(m)
		if err != nil {
			t.Fatalf("%v: %v", m.Type(), err)
		}
		if len(frame) > views.DatagramMax {
			t.Fatalf("%v: %d bytes", m.Type(), len(frame))
		}
		var f Frame
		if err := Decode(frame, &f); err != nil || len(f.Messages) != 1 || !reflect.DeepEqual(f.Messages[0], m) {
			t.Errorf("%v: %v %v", m.Type(), err, f.Broken)
		}
	}
}
