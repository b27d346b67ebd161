package wire

import (
	"bytes"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// What may be divided is the same as a whole as it is in a frame.
func TestWholes(t *testing.T) {
	for _, typ := range allTypes() {
		t.Run(typ.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				m := generators[typ](t)
				whole, err := AppendWhole([]byte("before"), m)
				if !typ.Divisible() {
					wantRefused(t, whole, err)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				whole = whole[len("before"):]
				got, err := DecodeWhole(whole)
				clear(whole)
				if err != nil || !reflect.DeepEqual(got, m) {
					t.Fatalf("%v\ngot  %+v\nwant %+v", err, got, m)
				}
			})
		})
	}
}

func wantRefused(t *rapid.T, whole []byte, err error) {
	if string(whole) != "before" || Reason(err) != "wire-form" {
		t.Fatalf("%v, %q", err, whole)
	}
}

// Signs of life, packets, relays and pieces have no place in pieces, nor has a type
// that nobody knows.
func TestWholesThatAreNotTaken(t *testing.T) {
	for _, m := range samples() {
		body, err := bodyOf(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeWhole(append([]byte{byte(m.Type())}, body...))
		if (err == nil) != m.Type().Divisible() || (got == nil) == (err == nil) {
			t.Errorf("%v: %v, %v", m.Type(), got, err)
		}
	}
	for whole, reason := range map[string]string{
		"": "wire-limit", "\x00": ReasonUnknownType, "\xff": ReasonUnknownType, string(rune(message.TypeEnd)): ReasonUnknownType,
		string(make([]byte, views.MessageMax+1)): "wire-limit", "\x11": "wire-short",
	} {
		if m, err := DecodeWhole([]byte(whole)); m != nil || Reason(err) != reason {
			t.Errorf("%.9q: %v, %v", whole, m, err)
		}
	}
	if _, err := AppendWhole(nil, nil); Reason(err) != ReasonUnknownType {
		t.Errorf("nil: %v", err)
	}
}

// Pieces of any size cover the whole, each byte once, and are taken.
func TestCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(2*message.PieceLeast, 70_000).Draw(t, "size")
		whole := make([]byte, rapid.IntRange(size+1, max(size+1, 200_000)).Draw(t, "total"))
		for i := range whole {
			whole[i] = byte(i * 7)
		}
		n := message.PiecesFor(len(whole), min(size, 60_000))
		var again []byte
		for i := range n {
			frame, err := frameOf(Cut(whole, 5, n, i))
			if err != nil {
				t.Fatal(err)
			}
			var f Frame
			if err := Decode(frame, &f); err != nil || len(f.Messages) != 1 {
				t.Fatalf("piece %d of %d: %v %v", i, n, err, f.Broken)
			}
			p := f.Messages[0].(*message.Piece)
			if len(frame)-len(p.Bytes) > HeaderMax+PieceHeadMax {
				t.Fatalf("%d bytes beside the piece's", len(frame)-len(p.Bytes))
			}
			again = append(again, p.Bytes...)
		}
		if !bytes.Equal(again, whole) {
			t.Fatal("it came out otherwise")
		}
	})
}

// A frame in a Relay is no longer than its constant says.
func TestRelayHead(t *testing.T) {
	to := netip.MustParseAddrPort("[fd00::2]:7749")
	inner := make([]byte, 60_000)
	h := sampleHeader
	h.From.Incarnation = math.MaxUint32
	outer, err := AppendMessage(AppendHeader(nil, h), &message.Relay{To: to, Frame: inner})
	if err != nil || len(outer)-len(inner) != RelayHeadMax {
		t.Errorf("%d bytes beside the frame, %v", len(outer)-len(inner), err)
	}
}

// Whatever is within the limits of package views fits into pieces: the largest view,
// of members that say all they may, each of which came from a view of its own, takes
// no more than three quarters of what may be.
func TestTheLargestViewFits(t *testing.T) {
	large := largestMember()
	members := make([]views.Member, views.MembersMax)
	groups := make([]message.InstallGroup, views.SubgroupsMax)
	layout := make([]message.MemberSpan, views.MembersMax)
	id := views.ViewID{Seq: math.MaxUint64, Incarnation: math.MaxUint32}
	for i := range members {
		members[i] = large
		groups[i] = message.InstallGroup{From: id, Count: 1, Digest: math.MaxUint64}
		layout[i] = message.MemberSpan{Explicit: true, First: views.MembersMax - 1, Count: 1}
	}
	for _, m := range []message.Message{
		&message.Install{View: id, Parent: id, Layout: layout, Members: members, Groups: groups},
		&message.Roster{Token: math.MaxUint64, View: id, Promised: math.MaxUint64, Members: members, Joiner: true},
	} {
		whole, err := AppendWhole(nil, m)
		if err != nil || len(whole) > views.MessageMax*3/4 {
			t.Errorf("%v: %d bytes, %v", m.Type(), len(whole), err)
		}
		t.Logf("%v: %d bytes", m.Type(), len(whole))
		if got, err := DecodeWhole(whole); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%v comes back otherwise: %v", m.Type(), err)
		}
	}
}

func largestMember() views.Member {
	m := views.Member{
		Process: views.Process{Host: hostN(1), Incarnation: math.MaxUint32}, Nonce: math.MaxUint64,
		Name: strings.Repeat("n", views.NameMax), Version: strings.Repeat("v", views.VersionMax),
		Addr: netip.MustParseAddrPort("[fd00::2]:7749"), Bits: views.Started,
	}
	left := views.AttrBytesMax
	for i := range views.AttrsMax {
		key := fmt.Sprintf("%02d", i)
		n := min(left-len(key)-(views.AttrsMax-1-i)*2, views.AttrValueMax)
		m.Attrs = append(m.Attrs, views.Attr{Key: key, Value: strings.Repeat("v", n)})
		left -= len(key) + n
	}
	return m
}
