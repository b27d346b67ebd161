package wire

import (
	"encoding/binary"
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// refused is a message that may not be sent. TestNothingBeyondALimitIsTaken
// encodes it all the same, so that the reader has to see it by itself.
type refused struct {
	name  string
	m     message.Message
	err   error
	field string
}

func attrs(keys ...string) (list []views.Attr) {
	for _, k := range keys {
		list = append(list, views.Attr{Key: k})
	}
	return list
}

func p(n byte) views.Process { return views.Process{Host: hostN(n), Incarnation: 1} }

func helloOf(change func(*views.Member)) message.Message {
	m := memberN(1)
	change(&m)
	return &message.Hello{Self: m}
}

// dataOf is a good packet with a change.
func dataOf(change func(*message.Data)) message.Message {
	d := &message.Data{Seq: 1, Body: []byte("x")}
	change(d)
	return d
}

func refusals() []refused {
	const (
		over    = views.MembersMax
		streams = message.StreamsMax
		stream  = message.StreamID(streams)
	)
	big := strings.Repeat("x", views.AttrValueMax)
	span := func(explicit bool, first, count uint16) message.MemberSpan {
		return message.MemberSpan{Explicit: explicit, First: first, Count: count}
	}
	return []refused{
		{"size", &message.Heartbeat{Size: over + 1}, ErrLimit, "Size"},
		{"accused rank", &message.Accuse{Subjects: []message.Accusation{{Rank: over}}}, ErrLimit, "Subjects"},
		{"accused twice", &message.Accuse{Subjects: []message.Accusation{{Rank: 1}, {Rank: 1}}}, ErrOrder, "Subjects"},
		{"accused falling", &message.Accuse{Subjects: []message.Accusation{{Rank: 2}, {Rank: 1}}}, ErrOrder, "Subjects"},
		{"evidence", &message.Accuse{Subjects: []message.Accusation{{Evidence: 200}}}, ErrEnum, "Subjects"},
		{"accusations", &message.Accuse{Subjects: make([]message.Accusation, over+1)}, ErrLimit, "Subjects"},
		{"a name of no characters", helloOf(func(m *views.Member) { m.Name = "h\xff" }), ErrText, "Self"},
		{"a name that clears the screen", helloOf(func(m *views.Member) { m.Name = "h\x1b[2J" }), ErrText, "Self"},
		{"a version of two lines", helloOf(func(m *views.Member) { m.Version = "1\n2" }), ErrText, "Self"},
		{"an attribute of no characters", helloOf(func(m *views.Member) { m.Attrs = []views.Attr{{Key: "k", Value: "\xff"}} }), ErrText, "Self"},
		{"no name", helloOf(func(m *views.Member) { m.Name = "" }), ErrForm, "Self"},
		{"long name", helloOf(func(m *views.Member) { m.Name = strings.Repeat("n", views.NameMax+1) }), ErrLimit, "Self"},
		{"long version", helloOf(func(m *views.Member) { m.Version = strings.Repeat("n", views.VersionMax+1) }), ErrLimit, "Self"},
		{"bits", helloOf(func(m *views.Member) { m.Bits = 8 }), ErrEnum, "Self"},
		{"attrs falling", helloOf(func(m *views.Member) { m.Attrs = attrs("b", "a") }), ErrOrder, "Self"},
		{"attr twice", helloOf(func(m *views.Member) { m.Attrs = attrs("", "") }), ErrOrder, "Self"},
		{"attr key", helloOf(func(m *views.Member) { m.Attrs = attrs(big[:views.AttrKeyMax+1]) }), ErrLimit, "Self"},
		{"attr value", helloOf(func(m *views.Member) { m.Attrs = []views.Attr{{Value: big + "x"}} }), ErrLimit, "Self"},
		{"attr bytes", helloOf(func(m *views.Member) {
			m.Attrs = []views.Attr{{Key: "1", Value: big}, {Key: "2", Value: big}, {Key: "3", Value: big}, {Key: "4", Value: big}}
		}), ErrLimit, "Self"},
		{"attrs", helloOf(func(m *views.Member) {
			m.Attrs = attrs("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q")
		}), ErrLimit, "Self"},
		{"no members", &message.Roster{}, ErrForm, "Members"},
		{"members", &message.Roster{Members: make([]views.Member, over+1)}, ErrLimit, "Members"},
		{"code", &message.Refuse{Code: 200}, ErrEnum, "Code"},
		{"hint", &message.Refuse{Hint: strings.Repeat("h", HintMax+1)}, ErrLimit, "Hint"},
		{"without rank", &message.Propose{Without: []uint16{over}}, ErrLimit, "Without"},
		{"leaving rank", &message.Propose{Leaving: []uint16{over}}, ErrLimit, "Leaving"},
		{"without", &message.Propose{Without: make([]uint16, over+1)}, ErrLimit, "Without"},
		{"leaving", &message.Propose{Leaving: make([]uint16, over+1)}, ErrLimit, "Leaving"},
		{"plus twice", &message.Propose{Plus: []views.Process{p(1), p(1)}, PlusMark: []uint64{1, 2}}, ErrOrder, "Plus"},
		{"ours twice", &message.Propose{Ours: []views.Process{p(1), p(1)}}, ErrOrder, "Ours"},
		{"plus falling", &message.Propose{Plus: []views.Process{p(2), p(1)}, PlusMark: []uint64{1, 2}}, ErrOrder, "Plus"},
		{"have stream", &message.Answer{Have: []message.StreamPos{{Stream: stream}}}, ErrLimit, "Have"},
		{"haves", &message.Answer{Have: make([]message.StreamPos, streams+1)}, ErrLimit, "Have"},
		{"stale", &message.Answer{Stale: make([]views.Process, over+1)}, ErrLimit, "Stale"},
		{"holder", &message.Recover{Cut: []message.CutEntry{{Holder: over}}}, ErrLimit, "Cut"},
		{"cut stream", &message.Recover{Cut: []message.CutEntry{{StreamPos: message.StreamPos{Stream: stream}}}}, ErrLimit, "Cut"},
		{"cut", &message.Recover{Cut: make([]message.CutEntry, streams+1)}, ErrLimit, "Cut"},
		{"kind", &message.Install{Kind: 2}, ErrEnum, "Kind"},
		{"reason", &message.Install{Reason: 200}, ErrEnum, "Reason"},
		{"layout past the parent", &message.Install{Layout: []message.MemberSpan{span(false, 1, over)}}, ErrLimit, "Layout"},
		{"layout too long", &message.Install{Layout: []message.MemberSpan{span(false, 0, over), span(false, 0, 1)}}, ErrLimit, "Layout"},
		{"layout without members", &message.Install{Layout: []message.MemberSpan{span(true, 0, 1)}}, ErrForm, "Layout"},
		{"layout rank", &message.Install{Layout: []message.MemberSpan{span(true, over, 0)}}, ErrLimit, "Layout"},
		{"spans", &message.Install{Layout: make([]message.MemberSpan, over+1)}, ErrLimit, "Layout"},
		{"group sizes", &message.Install{Groups: []message.InstallGroup{{Count: over}, {Count: 1}}}, ErrLimit, "Groups"},
		{"groups", &message.Install{Groups: make([]message.InstallGroup, views.SubgroupsMax+1)}, ErrLimit, "Groups"},
		{"no frame", &message.Relay{}, ErrForm, "Frame"},
		{"long frame", &message.Relay{Frame: make([]byte, RelayFrameMax+1)}, ErrLimit, "Frame"},
		{"stream", dataOf(func(d *message.Data) { d.Stream = stream }), ErrLimit, "Stream"},
		{"greatest stream", dataOf(func(d *message.Data) { d.Stream = math.MaxUint16 }), ErrLimit, "Stream"},
		{"packet 0", dataOf(func(d *message.Data) { d.Seq = 0 }), ErrForm, "Seq"},
		{"packet flag", dataOf(func(d *message.Data) { d.Flags = 4 }), ErrEnum, "Flags"},
		{"packet flags", dataOf(func(d *message.Data) { d.Flags = 0x80 | message.AckNow }), ErrEnum, "Flags"},
		{"no body", dataOf(func(d *message.Data) { d.Body = nil }), ErrForm, "Body"},
		{"empty body", dataOf(func(d *message.Data) { d.Body = []byte{} }), ErrForm, "Body"},
		{"long body", dataOf(func(d *message.Data) { d.Body = make([]byte, views.DatagramMax+1) }), ErrLimit, "Body"},
		{"resend stream", &message.Resend{Stream: stream}, ErrLimit, "Stream"},
		{"range from 0", &message.Resend{Ranges: []message.SeqRange{{First: 0, Last: 1}}}, ErrOrder, "Ranges"},
		{"range falling", &message.Resend{Ranges: []message.SeqRange{{First: 2, Last: 1}}}, ErrOrder, "Ranges"},
		{"ranges", &message.Resend{Ranges: make([]message.SeqRange, RangesMax+1)}, ErrLimit, "Ranges"},
		{"acknowledged stream", &message.Ack{Have: []message.StreamPos{{Stream: stream}}}, ErrLimit, "Have"},
		{"acknowledged", &message.Ack{Have: make([]message.StreamPos, streams+1)}, ErrLimit, "Have"},
		{"stable stream", &message.Stable{Have: []message.StreamPos{{Stream: stream}}}, ErrLimit, "Have"},
		{"stable", &message.Stable{Have: make([]message.StreamPos, streams+1)}, ErrLimit, "Have"},
		{"slowest", &message.Stable{Slowest: over}, ErrLimit, "Slowest"},
		{"place 0", &message.Grant{Ranges: []message.PlaceRange{{Count: 1}}}, ErrForm, "Ranges"},
		{"no places", &message.Grant{Ranges: []message.PlaceRange{{K: 1}}}, ErrForm, "Ranges"},
		{"places run over", &message.Grant{Ranges: []message.PlaceRange{{K: math.MaxUint64, Count: 2}}}, ErrLimit, "Ranges"},
		{"places", &message.Grant{Ranges: make([]message.PlaceRange, RangesMax+1)}, ErrLimit, "Ranges"},
		{"strangers", &message.Probe{Whom: make([]message.Contact, message.ProbeMax+1)}, ErrLimit, "Whom"},
		{"no transfer", &message.Transfer{}, ErrForm, "Body"},
		{"long transfer", &message.Transfer{Body: make([]byte, views.DatagramMax+1)}, ErrLimit, "Body"},
		{"whole", &message.Piece{Total: views.MessageMax + 1, Count: message.PiecesMax, Bytes: make([]byte, 129)}, ErrLimit, "Total"},
		{"pieces", &message.Piece{Total: views.MessageMax, Count: message.PiecesMax + 1, Bytes: make([]byte, 128)}, ErrLimit, "Count"},
		{"no pieces", &message.Piece{Total: 300}, ErrForm, "Count"},
		{"one piece", &message.Piece{Total: 300, Count: 1, Bytes: make([]byte, 300)}, ErrForm, "Count"},
		{"pieces of nothing", &message.Piece{Count: 2}, ErrForm, "Count"},
		{"short pieces", &message.Piece{Total: 254, Count: 2, Bytes: make([]byte, 127)}, ErrForm, "Count"},
		{"empty last piece", &message.Piece{Total: 128 * 258, Count: 259, Index: 258}, ErrForm, "Count"},
		{"piece behind the last", &message.Piece{Total: 300, Count: 2, Index: 2}, ErrForm, "Index"},
		{"piece too short", &message.Piece{Total: 300, Count: 2, Bytes: make([]byte, 149)}, ErrForm, "Bytes"},
		{"piece too long", &message.Piece{Total: 300, Count: 2, Bytes: make([]byte, 151)}, ErrForm, "Bytes"},
		{"last piece too long", &message.Piece{Total: 301, Count: 2, Index: 1, Bytes: make([]byte, 151)}, ErrForm, "Bytes"},
		{"reached", &message.Reached{Who: make([]views.Process, over+1)}, ErrLimit, "Who"},
	}
}

func TestNothingBeyondALimitIsSent(t *testing.T) {
	local := []refused{ // what bytes cannot even say
		{"zone", &message.Catchup{Holder: netip.MustParseAddrPort("[fe80::1%eth0]:1")}, ErrForm, "Holder"},
		{"plus without origin", &message.Propose{Plus: []views.Process{p(1)}}, ErrForm, "PlusMark"},
		{"origin without plus", &message.Propose{PlusMark: []uint64{1}}, ErrForm, "PlusMark"},
		{"too much in all", dataOf(func(d *message.Data) { d.Body = make([]byte, dataBodyMax+1) }), ErrLimit, "Body"},
	}
	for _, c := range append(refusals(), local...) {
		t.Run(c.name, func(t *testing.T) {
			_, err := AppendMessage(nil, c.m)
			wantError(t, err, c.err, c.field)
		})
	}
}

// The reader refuses the same by itself. The bytes are made by the writer with
// its error ignored where it goes on after an error; those where it stops are
// written out in TestBytesBeyondALimit.
func TestNothingBeyondALimitIsTaken(t *testing.T) {
	for _, c := range refusals() {
		t.Run(c.name, func(t *testing.T) {
			var w writer
			writeBody(&w, c.m)
			got, err := readAll(c.m.Type(), w.b)
			if err == nil {
				t.Fatalf("taken: %+v", got)
			}
		})
	}
}

// raw builds a body by hand.
type raw []byte

func (b raw) uv(v ...uint64) raw {
	for _, x := range v {
		b = binary.AppendUvarint(b, x)
	}
	return b
}

func (b raw) u8(v ...byte) raw { return append(b, v...) }

func (b raw) zero(n int) raw { return append(b, make([]byte, n)...) }

// view is the zero view.
func (b raw) view() raw { return b.zero(viewLeast) }

// self is a member up to its attributes.
func (b raw) self() raw { return b.zero(processLeast+nonceSize).u8(1, 'n', addrNone, 0).uv(0) }

func TestBytesBeyondALimit(t *testing.T) {
	const (
		huge    = 0x80000000
		max     = math.MaxUint64
		streams = uint64(message.StreamsMax)
	)
	fill := func(n int) raw { return raw{}.zero(n) }
	for _, c := range []struct {
		name  string
		typ   message.Type
		body  raw
		err   error
		field string
	}{
		{"seq over 64 bits", message.TypeHold, raw{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}.zero(20), ErrVarint, "Ballot"},
		{"seq without end", message.TypeHold, raw{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}.zero(20), ErrVarint, "Ballot"},
		{"seq in a long form", message.TypeHold, raw{0x81, 0x00}.zero(20), ErrVarint, "Ballot"},
		{"incarnation over 32 bits", message.TypePing, raw{}.zero(8 + 16).uv(1 << 32), ErrLimit, "To"},
		{"size", message.TypeHeartbeat, raw{}.view().uv(views.MembersMax + 1), ErrLimit, "Size"},
		{"huge size", message.TypeHeartbeat, raw{}.view().uv(1 << 16), ErrLimit, "Size"},
		{"accused rank", message.TypeAccuse, raw{}.view().uv(1, 1, views.MembersMax).u8(1), ErrLimit, "Subjects"},
		{"huge list", message.TypeAccuse, raw{}.view().uv(1, huge), ErrLimit, "Subjects"},
		{"list longer than the body", message.TypeAccuse, raw{}.view().uv(1, 1000).zero(1999), ErrShort, "Subjects"},
		{"name length", message.TypeHello, raw{}.zero(processLeast+nonceSize).uv(huge, huge), ErrLimit, "Self"},
		{"name length over 64 bits in sum", message.TypeHello, raw{}.zero(processLeast+nonceSize).uv(max, max), ErrLimit, "Self"},
		{"name beyond the body", message.TypeHello, raw{}.zero(processLeast + nonceSize).uv(views.NameMax).zero(views.NameMax - 1), ErrShort, "Self"},
		{"address length", message.TypeCatchup, raw{}.view().view().u8(4).zero(40), ErrEnum, "Holder"},
		{"address beyond the body", message.TypeCatchup, raw{}.view().view().u8(addrV6).zero(17), ErrShort, "Holder"},
		{"attrs", message.TypeHello, raw{}.self().uv(views.AttrsMax + 1).zero(100), ErrLimit, "Self"},
		{"attr key", message.TypeHello, raw{}.self().uv(1, views.AttrKeyMax+1).zero(100), ErrLimit, "Self"},
		{"attr value", message.TypeHello, raw{}.self().uv(1, 0, views.AttrValueMax+1).zero(300), ErrLimit, "Self"},
		{"attr lengths in sum", message.TypeHello, raw{}.self().uv(2, huge, huge, huge, huge), ErrLimit, "Self"},
		{"joiner", message.TypeHello, raw{}.self().uv(0).view().uv(0).u8(2), ErrEnum, "Joiner"},
		{"members", message.TypeRoster, raw{}.zero(8).view().uv(0).u8(0).uv(views.MembersMax + 1).zero(40000), ErrLimit, "Members"},
		{"members beyond the body", message.TypeRoster, raw{}.zero(8).view().uv(0).u8(0).uv(views.MembersMax).zero(1000), ErrShort, "Members"},
		{"hint", message.TypeRefuse, raw{}.zero(processLeast + 8 + 1).uv(HintMax + 1).zero(300), ErrLimit, "Hint"},
		{"without", message.TypePropose, raw{}.view().view().uv(1, views.MembersMax).zero(3), ErrLimit, "Without"},
		{"leaving", message.TypePropose, raw{}.view().view().uv(0, 1, views.MembersMax).zero(3), ErrLimit, "Leaving"},
		{"withouts", message.TypePropose, raw{}.view().view().uv(views.MembersMax + 1).zero(3000), ErrLimit, "Without"},
		{"plus", message.TypePropose, raw{}.view().view().uv(0, 0, huge).zero(3000), ErrLimit, "Plus"},
		{"origins beyond the body", message.TypePropose, raw{}.view().view().uv(0, 0, 1).zero(processLeast + 7), ErrShort, "PlusMark"},
		{"have stream", message.TypeAnswer, raw{}.view().view().view().view().zero(8).uv(1, streams, 1), ErrLimit, "Have"},
		{"have list", message.TypeAnswer, raw{}.view().view().view().view().zero(8).uv(streams + 1).zero(9000), ErrLimit, "Have"},
		{"answer flags", message.TypeAnswer, raw{}.view().view().view().view().zero(8).uv(0, 64, 0), ErrEnum, "Flags"},
		{"missed without a holder", message.TypeAnswer, raw{}.view().view().view().view().zero(8).uv(0, 32, 0).view().u8(addrNone), ErrForm, "Holder"},
		{"cut stream", message.TypeRecover, raw{}.view().view().uv(1, streams, 0, 0), ErrLimit, "Cut"},
		{"cut list", message.TypeRecover, raw{}.view().view().uv(streams + 1).zero(9000), ErrLimit, "Cut"},
		{"cut holder", message.TypeRecover, raw{}.view().view().uv(1, 0, 0, views.MembersMax), ErrLimit, "Cut"},
		{"span", message.TypeInstall, raw{}.view().zero(2).view().uv(1, 2*views.MembersMax+2, 0, 0, 0), ErrLimit, "Layout"},
		{"span rank", message.TypeInstall, raw{}.view().zero(2).view().uv(1, 0, views.MembersMax, 0, 0), ErrLimit, "Layout"},
		{"spans", message.TypeInstall, raw{}.view().zero(2).view().uv(views.MembersMax + 1).zero(5000), ErrLimit, "Layout"},
		{"group size", message.TypeInstall, raw{}.view().zero(2).view().uv(0, 0, 1).view().uv(2 * (views.MembersMax + 1)).zero(8), ErrLimit, "Groups"},
		{"groups", message.TypeInstall, raw{}.view().zero(2).view().uv(0, 0, views.SubgroupsMax+1).zero(60000), ErrLimit, "Groups"},
		{"frame", message.TypeRelay, raw{}.u8(0).uv(RelayFrameMax + 1).zero(70000), ErrLimit, "Frame"},
		{"frame beyond the body", message.TypeRelay, raw{}.u8(0).uv(huge), ErrLimit, "Frame"},
		{"stream", message.TypeData, raw{}.view().uv(streams, 1).u8(0).uv(1, 0), ErrLimit, "Stream"},
		{"stream over 16 bits", message.TypeData, raw{}.view().uv(1<<16, 1).u8(0).uv(1, 0), ErrLimit, "Stream"},
		{"packet 0", message.TypeData, raw{}.view().uv(0, 0).u8(0).uv(1, 0), ErrForm, "Seq"},
		{"packet flags", message.TypeData, raw{}.view().uv(0, 1).u8(4).uv(1, 0), ErrEnum, "Flags"},
		{"no body", message.TypeData, raw{}.view().uv(0, 1).u8(0).uv(0), ErrForm, "Body"},
		{"body", message.TypeData, raw{}.view().uv(0, 1).u8(0).uv(views.DatagramMax + 1).zero(70000), ErrLimit, "Body"},
		{"body beyond the frame", message.TypeData, raw{}.view().uv(0, 1).u8(0).uv(10).zero(9), ErrShort, "Body"},
		{"resend stream", message.TypeResend, raw{}.view().uv(streams, 0), ErrLimit, "Stream"},
		{"range from 0", message.TypeResend, raw{}.view().uv(0, 1, 0, 5), ErrOrder, "Ranges"},
		{"range runs over", message.TypeResend, raw{}.view().uv(0, 1, max, 1), ErrOrder, "Ranges"},
		{"ranges", message.TypeResend, raw{}.view().uv(0, RangesMax+1).zero(9000), ErrLimit, "Ranges"},
		{"ack stream", message.TypeAck, raw{}.view().uv(1, streams, 1, 0), ErrLimit, "Have"},
		{"ack beyond the body", message.TypeAck, raw{}.view().uv(9).zero(17), ErrShort, "Have"},
		{"ack list", message.TypeAck, raw{}.view().uv(streams + 1).zero(9000), ErrLimit, "Have"},
		{"ack without room", message.TypeAck, raw{}.view().uv(0), ErrShort, "Room"},
		{"room over 64 bits", message.TypeAck, raw{}.view().uv(0).u8(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2), ErrVarint, "Room"},
		{"room in a long form", message.TypeAck, raw{}.view().uv(0).u8(0x80, 0), ErrVarint, "Room"},
		{"ack without turn", message.TypeAck, raw{}.view().uv(0, 0), ErrShort, "Turn"},
		{"turn over 64 bits", message.TypeAck, raw{}.view().uv(0, 0).u8(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2), ErrVarint, "Turn"},
		{"stable list", message.TypeStable, raw{}.view().uv(streams + 1).zero(9000), ErrLimit, "Have"},
		{"stable without room", message.TypeStable, raw{}.view().uv(0), ErrShort, "Room"},
		{"stable without turn", message.TypeStable, raw{}.view().uv(0, 0, 1), ErrShort, "Turn"},
		{"slowest", message.TypeStable, raw{}.view().uv(0, 0, views.MembersMax), ErrLimit, "Slowest"},
		{"places", message.TypeGrant, raw{}.view().uv(0, 1, 1, 1<<32), ErrLimit, "Ranges"},
		{"places run over", message.TypeGrant, raw{}.view().uv(0, 1, max, 1), ErrLimit, "Ranges"},
		{"no places", message.TypeGrant, raw{}.view().uv(0, 1, 5, 0), ErrForm, "Ranges"},
		{"grants", message.TypeGrant, raw{}.view().uv(0, RangesMax+1).zero(9000), ErrLimit, "Ranges"},
		{"strangers", message.TypeProbe, raw{}.zero(8).uv(message.ProbeMax + 1).zero(9000), ErrLimit, "Whom"},
		{"strangers beyond the body", message.TypeProbe, raw{}.zero(8).uv(2).zero(35), ErrShort, "Whom"},
		{"reached beyond the body", message.TypeReached, raw{}.zero(8).uv(2).zero(33), ErrShort, "Who"},
		{"no transfer", message.TypeTransfer, raw{}.uv(0), ErrForm, "Body"},
		{"transfer", message.TypeTransfer, raw{}.uv(views.DatagramMax + 1).zero(70000), ErrLimit, "Body"},
		{"transfer beyond the body", message.TypeTransfer, raw{}.uv(10).zero(9), ErrShort, "Body"},
		{"whole", message.TypePiece, raw{}.zero(8).uv(views.MessageMax + 1).zero(9), ErrLimit, "Total"},
		{"pieces", message.TypePiece, raw{}.zero(8).uv(300, message.PiecesMax+1).zero(9), ErrLimit, "Count"},
		{"piece over 16 bits", message.TypePiece, raw{}.zero(8).uv(300, 2, 1<<16, 150).zero(150), ErrLimit, "Index"},
		{"span over 32 bits", message.TypeUnheard, raw{}.uv(1 << 32), ErrLimit, "Span"},
		{"count over 32 bits", message.TypeSpoken, raw{}.uv(1 << 32), ErrLimit, "Count"},
		{"piece beyond the body", message.TypePiece, raw{}.zero(8).uv(300, 2, 1, 150).zero(149), ErrShort, "Bytes"},
		{"echo rank", message.TypeEcho, raw{}.zero(8).uv(1).zero(16).view().uv(views.MembersMax, 1, 0), ErrLimit, "First"},
		{"echo beyond the body", message.TypeEcho, raw{}.zero(8).uv(1).zero(16).view().uv(0, 1, 9).zero(8), ErrShort, "Pad"},
		{"seq over 32 bits", message.TypeEchoReply, raw{}.zero(8).uv(1 << 32), ErrLimit, "Seq"},
		{"no runs", message.TypeMissing, raw{}.zero(8).uv(10, 5, 0), ErrForm, "Runs"},
		{"an empty run", message.TypeMissing, raw{}.zero(8).uv(10, 5, 1, 0, 0), ErrOrder, "Runs"},
		{"runs that touch", message.TypeMissing, raw{}.zero(8).uv(10, 5, 2, 0, 1, 1, 1), ErrOrder, "Runs"},
		{"a run beyond the pieces", message.TypeMissing, raw{}.zero(8).uv(10, 5, 1, 4, 2), ErrForm, "Runs"},
		{"runs", message.TypeMissing, raw{}.zero(8).uv(10, 5, message.MissingMax+1).zero(999), ErrLimit, "Runs"},
		{"report kind", message.TypeReport, raw{}.u8(3).zero(8).uv(0, 0), ErrEnum, "Kind"},
		{"report", message.TypeReport, raw{}.u8(1).zero(8).uv(0, ReportMax+1), ErrLimit, "Body"},
		{"half a signature", message.TypeSigned, raw{}.zero(95), ErrShort, "Signature"},
		{"signed packet", message.TypeSigned, raw{}.zero(96).u8(byte(message.TypeData)).uv(0), ErrForm, "Inner"},
		{"signed beyond the body", message.TypeSigned, raw{}.zero(96).u8(byte(message.TypeLeave)).uv(9).zero(8), ErrShort, "Body"},
		{"half a signature of a view", message.TypeInstall, raw{}.view().zero(2).view().uv(0, 0, 0).u8(1).zero(95), ErrShort, "Signature"},
		{"key ids", message.TypeKeys, raw{}.zero(20).u8(0).uv(message.KeyIDsMax + 1).zero(200), ErrLimit, "Has"},
		{"key ids beyond the body", message.TypeKeys, raw{}.zero(20).u8(0).uv(2).zero(7), ErrShort, "Has"},
		{"key ids not rising", message.TypeKeys, raw{}.zero(20).u8(0).uv(2).zero(8), ErrOrder, "Has"},
		{"half a public key", message.TypeKeyAsk, raw{}.zero(39), ErrShort, "Public"},
		{"box", message.TypeKeyGrant, raw{}.zero(40).uv(views.MessageMax + 1), ErrLimit, "Box"},
		{"box beyond the body", message.TypeKeyGrant, raw{}.zero(40).uv(9).zero(8), ErrShort, "Box"},
		{"unknown type", message.TypeEnd, fill(9), ErrType, "Message"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := readAll(c.typ, c.body)
			wantError(t, err, c.err, c.field)
		})
	}
}

// A count that the bytes cannot fill, be it for one byte, takes no memory.
func TestCountsAllocateNothing(t *testing.T) {
	const streams = message.StreamsMax
	list := func(b raw, n, least int) raw { return b.uv(uint64(n)).zero(n*least - 1) }
	bodies := map[message.Type]raw{
		message.TypeAccuse:  list(raw{}.view().uv(1), views.MembersMax, 2),
		message.TypeRoster:  list(raw{}.zero(8).view().uv(0).u8(0), views.MembersMax, 31),
		message.TypeRecover: list(raw{}.view().view(), streams, 3),
		message.TypeData:    list(raw{}.view().uv(0, 1).u8(0), views.DatagramMax, 1),
		message.TypeAck:     list(raw{}.view(), streams, 2),
		message.TypeStable:  list(raw{}.view(), streams, 2),
		message.TypeResend:  list(raw{}.view().uv(0), RangesMax, 2),
		message.TypeGrant:   list(raw{}.view().uv(0), RangesMax, 2),
		message.TypeProbe:   list(raw{}.zero(8), message.ProbeMax, 18),
		message.TypeReached: list(raw{}.zero(8), views.MembersMax, 17),
		message.TypePiece:   list(raw{}.zero(8).uv(views.MessageMax, 20, 0), views.DatagramMax, 1),
	}
	for typ, body := range bodies {
		allocs := testing.AllocsPerRun(100, func() {
			r := reader{b: body}
			readBody(&r, typ)
			if r.err == nil {
				t.Fatal("taken")
			}
		})
		if allocs > 1 { // the message itself
			t.Errorf("%v: %v allocations", typ, allocs)
		}
	}
}
