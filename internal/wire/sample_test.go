package wire

import (
	"net/netip"
	"strings"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

func hostN(n byte) (h views.HostID) {
	for i := range h {
		h[i] = n + byte(i)
	}
	return h
}

func viewN(seq views.Seq) views.ViewID {
	return views.ViewID{Seq: seq, Coordinator: hostN(byte(seq)), Incarnation: views.Incarnation(seq) + 1}
}

func memberN(n byte) views.Member {
	return views.Member{
		Process: views.Process{Host: hostN(n), Incarnation: 3},
		Name:    "h" + string('0'+rune(n%10)),
		Addr:    netip.MustParseAddrPort("10.77.0.1:7749"),
		Bits:    views.Started | views.HasDB,
		Nonce:   0x0102030405060708, Version: "0.1.0",
		Attrs: []views.Attr{{Key: "rack", Value: "r1"}, {Key: "zone", Value: "b"}},
	}
}

var sampleHeader = message.Header{
	Group: 0x0102030405060708,
	From:  views.Process{Host: hostN(0xa0), Incarnation: 300},
	Nonce: 0xf1f2f3f4f5f6f7f8,
}

// samples holds one message of each type with every field set, in the order
// of the types. They are the golden frames and the seeds of the fuzz targets.
func samples() []message.Message {
	addr := netip.MustParseAddrPort("10.77.0.2:7749")
	addr6 := netip.MustParseAddrPort("[fd00::2]:7749")
	have := []message.StreamPos{{Stream: message.StreamOf(1, message.ClassPlaced), Seq: 200}, {Stream: message.StreamOf(300, message.ClassFIFO), Seq: 1}}
	self := memberN(7)
	members := []views.Member{memberN(1), memberN(2)}
	members[1].Addr = addr6
	signature := message.Signature{Key: message.Identity{1, 2, 3}, Sig: [64]byte{4, 5, 6}}
	hello := message.Hello{Self: memberN(4), View: viewN(9), Size: 5, Joiner: true, New: true}
	return []message.Message{
		&message.Heartbeat{View: viewN(12), Size: 5, Sent: [message.Classes]views.StreamSeq{1000, 3}},
		&message.Ping{Token: 0xdeadbeef, To: views.Process{Host: hostN(1), Incarnation: 2}},
		&message.Pong{Token: 0xdeadbeef},
		&message.Accuse{View: viewN(12), Version: 77, Subjects: []message.Accusation{
			{Rank: 1, Evidence: message.EvidenceSilent}, {Rank: 300, Evidence: message.EvidenceRefused},
		}},
		&hello,
		&message.Introduce{Hello: hello},
		&message.Ask{Token: 5, Addr: addr, View: viewN(12), Size: 5, Joiner: true},
		&message.Roster{Token: 5, View: viewN(9), Promised: 400, Members: members, Joiner: true},
		&message.Refuse{To: views.Process{Host: hostN(1), Incarnation: 2}, Nonce: 6, Code: views.RefuseName, Hint: "h1 is taken"},
		&message.Propose{
			Ballot: viewN(13), Base: viewN(12), Without: []uint16{3, 1}, Leaving: []uint16{400},
			Plus:     []views.Process{{Host: hostN(1), Incarnation: 1}, {Host: hostN(1), Incarnation: 2}, {Host: hostN(2), Incarnation: 1}},
			PlusMark: []uint64{1, 2, 0xfffffffe},
			Ours:     []views.Process{{Host: hostN(3), Incarnation: 1}, {Host: hostN(4), Incarnation: 7}},
			Via:      addr,
		},
		&message.Answer{
			Ballot: viewN(13), From: viewN(12), Prev: viewN(11), Highest: viewN(10), Digest: 0xabcdef, Have: have,
			Self: &self, Joiner: true, Leaving: true, Relayed: true, Bare: true, Stale: []views.Process{{Host: hostN(3), Incarnation: 1}},
			Missed: viewN(9), Holder: addr6,
		},
		&message.Nack{Ballot: viewN(13), Promised: viewN(14)},
		&message.Hold{Ballot: viewN(13)},
		&message.Recover{Ballot: viewN(13), From: viewN(12), Cut: []message.CutEntry{{StreamPos: have[0], Holder: 4}}},
		&message.Catchup{Ballot: viewN(13), View: viewN(12), Holder: addr6},
		&message.Fetch{View: viewN(12)},
		&message.Install{
			View: viewN(13), Kind: views.Merge, Reason: views.ReasonMerge, Parent: viewN(12),
			Layout:    []message.MemberSpan{{First: 1, Count: 2}, {Explicit: true, Count: 2}},
			Members:   members,
			Groups:    []message.InstallGroup{{From: viewN(12), Count: 2, Digest: 8}, {From: viewN(9), Count: 2, Digest: 9, Bare: true}},
			Signature: signature,
		},
		&message.Relay{To: addr, Frame: []byte("a frame")},
		&message.Abdicate{Ballot: viewN(13)},
		&message.Leave{View: viewN(12)},
		&message.Data{
			View: viewN(12), Stream: message.StreamOf(2, message.ClassPlaced), Seq: 300, Flags: message.AckNow | message.AckAll,
			Body: []byte(strings.Repeat("x", 200)),
		},
		&message.Resend{View: viewN(12), Stream: message.StreamOf(2, message.ClassPlaced), Ranges: []message.SeqRange{{First: 1, Last: 1}, {First: 300, Last: 500}}},
		&message.Ack{View: viewN(12), Have: have, Room: 1 << 20, Turn: 200},
		&message.Stable{View: viewN(12), Have: have, Room: 1 << 19, Slowest: 300, Turn: 7},
		&message.Request{View: viewN(12), Have: 3, Want: 300},
		&message.Grant{View: viewN(12), First: 3, Ranges: []message.PlaceRange{{K: 130, Count: 4}, {K: 200, Count: 1}}},
		&message.Probe{Token: 8, Whom: []message.Contact{{Process: views.Process{Host: hostN(1), Incarnation: 2}, Addr: addr}, {Process: views.Process{Host: hostN(2), Incarnation: 1}, Addr: addr6}}},
		&message.Reached{Token: 8, Who: []views.Process{{Host: hostN(1), Incarnation: 2}}},
		&message.Transfer{Body: []byte("a piece of a state")},
		&message.Piece{ID: 0xfedcba9876543210, Total: 1000, Count: 4, Index: 3, Bytes: []byte(strings.Repeat("p", 250))},
		&message.Signed{Signature: signature, Inner: message.TypeLeave, Body: []byte("the body of a Leave")},
		&message.Keys{Digest: 0xabcdef, Known: 0xfedcba, Sending: 0x01020304, Has: []uint32{0x01020304, 0xf1f2f3f4}, Want: true},
		&message.KeyAsk{Token: 9, Public: [32]byte{7, 8, 9}},
		&message.KeyGrant{Token: 9, Public: [32]byte{9, 8, 7}, Box: []byte("a sealed ring")},
		&message.Unheard{Span: 1250},
		&message.Spoken{Count: 3},
		&message.Echo{Token: 11, Seq: 300, To: hostN(5), View: viewN(12), First: 3, Count: 8, Pad: []byte("padding")},
		&message.EchoReply{Token: 11, Seq: 300, Size: 1472, Got: 299},
		&message.Report{Kind: message.ReportGiven, Token: 12, Wall: -1234567890123, Body: []byte("a report")},
		&message.Missing{ID: 0xfedcba9876543210, Total: 1000, Count: 7, Runs: []message.PieceRun{{First: 1, Count: 2}, {First: 6, Count: 1}}},
	}
}

// sample gives the sample of one type.
func sample(t message.Type) message.Message { return samples()[t-1] }

// frameOf seals a frame of the sample header and the messages given.
func frameOf(msgs ...message.Message) ([]byte, error) {
	b := AppendHeader(nil, sampleHeader)
	for _, m := range msgs {
		var err error
		if b, err = AppendMessage(b, m); err != nil {
			return nil, err
		}
	}
	Sum(b)
	return b, nil
}

// rawFrame seals a frame of the sample header and raw bytes after it.
func rawFrame(rest ...byte) []byte {
	b := append(AppendHeader(nil, sampleHeader), rest...)
	Sum(b)
	return b
}

// bodyOf gives the body alone.
func bodyOf(m message.Message) ([]byte, error) {
	var w writer
	writeBody(&w, m)
	if w.err != nil {
		return nil, &Error{Type: m.Type(), Field: w.field, Err: w.err}
	}
	return w.b, nil
}

// readAll decodes a body alone, as Decode does.
func readAll(t message.Type, body []byte) (message.Message, error) {
	r := reader{b: body, frame: new(Frame)}
	m := readBody(&r, t)
	if r.err != nil {
		return nil, r.wrap(t)
	}
	return m, nil
}

// allTypes lists every type of message.
func allTypes() (all []message.Type) {
	for t := message.TypeNone + 1; t < message.TypeEnd; t++ {
		all = append(all, t)
	}
	return all
}
