package engine

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
	"github.com/gmsd/gmsd/views/vsync"
)

func memberN(n int) views.Member {
	m := views.Member{
		Name: fmt.Sprintf("h%d", n), Version: "test",
		Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), 7749),
	}
	m.Host[0], m.Host[1], m.Incarnation = byte(n>>8), byte(n), 1
	return m
}

// started gives an engine in its first view.
func started(t *testing.T, n, path int) *Engine {
	t.Helper()
	e, err := New(Config{Self: memberN(n), Group: "g", Nonce: uint64(n), PathBytes: path, PathSure: true, Multicast: true})
	if err != nil {
		t.Fatal(err)
	}
	out := e.Step(1, nil)
	e.Step(2, Persisted{Token: out.Persist.Token})
	return e
}

// rosterOf is a message of about 90 bytes a member.
func rosterOf(n int) *message.Roster {
	m := &message.Roster{Token: 7}
	for i := range n {
		one := memberN(i + 1)
		one.Attrs = []views.Attr{{Key: "k", Value: strings.Repeat("v", 45)}}
		m.Members = append(m.Members, one)
	}
	return m
}

func toHost(n int, m message.Message) vsync.Send {
	return vsync.Send{Scope: Direct, To: []netip.AddrPort{memberN(n).Addr}, Msg: m}
}

// sendOut makes the engine send and gives the frames of each burst, until no piece waits.
func sendOut(t *testing.T, e *Engine, sends ...vsync.Send) (bursts [][]Packet) {
	t.Helper()
	e.Step(e.now.Add(burstEvery), nil)
	e.out.Send = nil
	e.send(sends)
	bursts = append(bursts, copied(e.out.Send))
	for e.pieces.deadline() != 0 {
		if e.Deadline() > e.pieces.deadline() {
			t.Fatal("the driver is not told when the next burst goes")
		}
		out := e.Step(e.pieces.deadline(), nil)
		bursts = append(bursts, copied(out.Send))
	}
	return bursts
}

func copied(packets []Packet) []Packet {
	packets = slices.Clone(packets)
	for i := range packets {
		packets[i].Frame = slices.Clone(packets[i].Frame)
	}
	return packets
}

// What fits into a frame goes in one, be it to the last byte, and else in pieces that
// fit; what is put together from them is the message.
func TestOnlyWhatIsTooLongGoesInPieces(t *testing.T) {
	for _, path := range []int{548, 600, 1472, 8972, 61_000} {
		e := started(t, 1, path)
		whole := 0
		for n := range path/90 + 10 {
			m := rosterOf(n + 1)
			packets := slices.Concat(sendOut(t, e, toHost(2, m))...)
			for _, p := range packets {
				if len(p.Frame) > path {
					t.Fatalf("path %d: a frame of %d bytes", path, len(p.Frame))
				}
			}
			alone, err := wire.AppendMessage(wire.AppendHeader(nil, e.header), m)
			if fits := err == nil && len(alone) <= path; fits != (len(packets) == 1) {
				t.Fatalf("path %d: %d bytes in %d frames", path, len(alone), len(packets))
			}
			if len(packets) == 1 {
				whole++
			}
			if got := received(t, packets); len(got) != 1 || !reflect.DeepEqual(got[0], message.Message(m)) {
				t.Fatalf("path %d: %d messages came", path, len(got))
			}
		}
		if whole == 0 {
			t.Errorf("path %d: nothing went whole", path)
		}
	}
}

// received puts together what frames hold.
func received(t *testing.T, packets []Packet) (got []message.Message) {
	t.Helper()
	var ps parts
	for _, p := range packets {
		var f wire.Frame
		if err := wire.Decode(p.Frame, &f); err != nil || len(f.Broken) > 0 {
			t.Fatal(err, f.Broken)
		}
		for _, m := range f.Messages {
			piece, ok := m.(*message.Piece)
			if !ok {
				got = append(got, m)
				continue
			}
			if whole, why := ps.take(1, authorN(1), netip.AddrPort{}, piece); why != "" {
				t.Fatal(why)
			} else if whole != nil {
				m, err := wire.DecodeWhole(whole)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, m)
			}
		}
	}
	return got
}

// A long row goes burst after burst, a short one at once; what follows to the same
// place is not held up by it.
func TestPiecesArePaced(t *testing.T) {
	const path = 1472
	e := started(t, 1, path)
	if bursts := sendOut(t, e, toHost(2, rosterOf(600))); len(bursts) != 1 || len(bursts[0]) < 30 {
		t.Errorf("54 kB went in %d bursts", len(bursts))
	}
	bursts := sendOut(t, e, toHost(2, rosterOf(1000)), toHost(2, &message.Hold{}))
	if len(bursts) != 2 {
		t.Fatalf("90 kB went in %d bursts", len(bursts))
	}
	for _, b := range bursts {
		sum := 0
		for _, p := range b {
			sum += len(p.Frame)
		}
		if sum == 0 || sum > burstBytes+path {
			t.Errorf("a burst of %d bytes", sum)
		}
	}
	first := bursts[0]
	if got := received(t, first[len(first)-1:]); len(got) != 1 || got[0].Type() != message.TypeHold {
		t.Errorf("the first burst ends with %v", got)
	}
	if got := received(t, slices.Concat(bursts...)); len(got) != 2 {
		t.Errorf("%d messages came", len(got))
	}
}

// Where there is no multicast, what is for all is so many times as long for who sends it.
func TestPacingCountsEveryReceiver(t *testing.T) {
	e := started(t, 1, 1472)
	e.cfg.Multicast = false
	all := vsync.Send{Scope: All, Msg: rosterOf(200)} // 18 kB
	for n := range 100 {
		all.To = append(all.To, memberN(n+2).Addr)
	}
	bursts := sendOut(t, e, all)
	if len(bursts) < 10 {
		t.Errorf("1.8 MB went in %d bursts", len(bursts))
	}
	if got := received(t, slices.Concat(bursts...)); len(got) != 1 {
		t.Errorf("%d messages came", len(got))
	}
}

// What is still on its way to a place is not sent there again; what waits is bounded
// in number and in bytes, and one message to many is kept once.
func TestWhatWaitsIsBounded(t *testing.T) {
	e := started(t, 1, 1472)
	e.Step(e.now.Add(burstEvery), nil)
	long := rosterOf(20)
	e.send([]vsync.Send{toHost(2, rosterOf(1024)), toHost(2, long), toHost(2, long), {Scope: All, To: []netip.AddrPort{memberN(3).Addr}, Msg: long}, toHost(3, long)})
	if n := len(e.pieces.parcels); n != 3 {
		t.Errorf("%d parcels wait, want 3", n)
	}
	before := e.pieces.bytes
	for n := range parcelsMax {
		e.send([]vsync.Send{toHost(100+n, long)})
	}
	if n := len(e.pieces.parcels); n != parcelsMax || e.pieces.bytes != before {
		t.Errorf("%d parcels wait, of %d bytes, %d before", n, e.pieces.bytes, before)
	}
	e.pieces.parcels = e.pieces.parcels[:3]
	for n := range 200 {
		other := rosterOf(900)
		other.Token = uint64(n)
		e.send([]vsync.Send{toHost(2, other)})
	}
	if e.pieces.bytes > parcelBytes || e.pieces.bytes < parcelBytes-100_000 {
		t.Errorf("%d bytes wait", e.pieces.bytes)
	}
	if !e.dropped("pieces-full") {
		t.Error("no drop tells of it")
	}
	for e.pieces.deadline() != 0 {
		e.Step(e.pieces.deadline(), nil)
	}
	if e.pieces.bytes != 0 {
		t.Errorf("nothing waits, and yet %d bytes", e.pieces.bytes)
	}
}

func (e *Engine) dropped(reason string) bool {
	return slices.ContainsFunc(e.Status().Drops, func(d trace.Drop) bool { return d.Reason == reason })
}

// Through a third member no frame is too long either, and the pieces are the same as
// by the direct way, so that they fill in each other.
func TestPiecesThroughAThird(t *testing.T) {
	const path = 1472
	e := started(t, 1, path)
	direct, via := toHost(2, rosterOf(100)), toHost(2, rosterOf(100))
	via.Via = memberN(3).Addr
	var inner []Packet
	for _, p := range slices.Concat(sendOut(t, e, via)...) {
		var f wire.Frame
		if err := wire.Decode(p.Frame, &f); err != nil || len(p.Frame) > path || p.To[0] != via.Via {
			t.Fatal(err, len(p.Frame), p.To)
		}
		relay := f.Messages[0].(*message.Relay)
		inner = append(inner, Packet{Frame: relay.Frame})
	}
	other := slices.Concat(sendOut(t, e, direct)...)
	if got := received(t, append(slices.Clone(inner[:3]), other[3:]...)); len(inner) != len(other) || len(got) != 1 {
		t.Errorf("%d pieces by the one way, %d by the other, %d messages", len(inner), len(other), len(got))
	}
	for n := range 40 { // what goes whole by the direct way may be too long for a Relay
		via.Msg = rosterOf(n + 1)
		for _, p := range slices.Concat(sendOut(t, e, via)...) {
			if len(p.Frame) > path {
				t.Fatalf("%d bytes", len(p.Frame))
			}
		}
	}
}

// hostile sends pieces of what has no place in pieces, or is no message at all.
func TestHostilePieces(t *testing.T) {
	heartbeat, _ := wire.AppendMessage(nil, &message.Heartbeat{Size: 2})
	roster, _ := wire.AppendWhole(nil, rosterOf(10))
	long := func(head ...byte) []byte { return append(head, make([]byte, 1000)...) }
	for _, c := range []struct {
		name, reason string
		whole        []byte
	}{
		{"a heartbeat", "wire-form", long(append([]byte{byte(message.TypeHeartbeat)}, heartbeat[2:]...)...)},
		{"a packet", "wire-form", long(byte(message.TypeData))},
		{"a piece", "wire-form", long(byte(message.TypePiece))},
		{"a frame for another", "wire-form", long(byte(message.TypeRelay))},
		{"a ping", "wire-form", long(byte(message.TypePing))},
		{"nothing", "wire-unknown-type", long()},
		{"of a later version", "wire-unknown-type", long(200)},
		{"half a roster", "wire-short", roster[:len(roster)/2]},
		{"limits", "wire-limit", long(slices.Concat([]byte{byte(message.TypeRoster)}, make([]byte, 8+18+2), []byte{0xff, 0x7f})...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := started(t, 1, 0)
			deliver(e, memberN(9), pieceFrames(memberN(9), c.whole, 300)...)
			if !e.dropped(c.reason) {
				t.Errorf("no drop %q: %v", c.reason, e.Status().Drops)
			}
			if in := e.traffic.In; in[message.TypePiece] == 0 || len(e.parts.all) != 0 {
				t.Errorf("%d pieces came, %d messages are in parts", in[message.TypePiece], len(e.parts.all))
			}
		})
	}
}

// Two processes with one name, a host and its copy, do not fill in each other.
func TestPiecesOfACopy(t *testing.T) {
	e := started(t, 1, 0)
	roster, _ := wire.AppendWhole(nil, rosterOf(10))
	frames := pieceFrames(memberN(9), roster, 300)
	h := message.Header{Group: GroupHash("g"), From: memberN(9).Process, Nonce: 98}
	last, err := wire.AppendMessage(wire.AppendHeader(nil, h), wire.Cut(roster, wholeID(roster), len(frames), len(frames)-1))
	if err != nil {
		t.Fatal(err)
	}
	wire.Sum(last)
	deliver(e, memberN(9), append(frames[:len(frames)-1:len(frames)-1], Packet{Frame: last})...)
	if e.traffic.In[message.TypeRoster] != 0 || len(e.parts.all) != 2 {
		t.Errorf("%d rosters, %d parts", e.traffic.In[message.TypeRoster], len(e.parts.all))
	}
}

// A whole message of a foreign group, or of a frame whose checksum is wrong, is not
// even begun; one in its place is taken, and answered.
func TestPiecesOfTheGroup(t *testing.T) {
	ask, _ := wire.AppendWhole(nil, &message.Hello{Self: longMember(9), View: views.ViewID{Seq: 3, Coordinator: memberN(9).Host, Incarnation: 1}, Size: 1, Joiner: true})
	e := started(t, 1, 0)
	good := pieceFrames(memberN(9), ask, 300)
	foreign, broken := copied(good), copied(good)
	for i := range good {
		foreign[i].Frame[10]++
		wire.Sum(foreign[i].Frame)
		broken[i].Frame[len(broken[i].Frame)-1]++
	}
	deliver(e, memberN(9), append(foreign, broken...)...)
	if len(e.parts.all) != 0 || e.traffic.In[message.TypePiece] != 0 {
		t.Fatal("they were taken")
	}
	deliver(e, memberN(9), good...)
	if e.traffic.In[message.TypeHello] != 1 || e.traffic.Out[message.TypeAsk] != 1 {
		t.Errorf("%d came, %d answers", e.traffic.In[message.TypeHello], e.traffic.Out[message.TypeAsk])
	}
}

// What is never whole goes when its time has come, without another input.
func TestPartsGoByThemselves(t *testing.T) {
	e := started(t, 1, 0)
	roster, _ := wire.AppendWhole(nil, rosterOf(10))
	deliver(e, memberN(9), pieceFrames(memberN(9), roster, 300)[1:]...)
	if len(e.parts.all) != 1 {
		t.Fatal("it was not kept")
	}
	end := e.now.Add(partsKept)
	for steps := 0; e.Deadline() < end && steps < 1000; steps++ {
		e.Step(e.Deadline(), nil)
	}
	if d := e.Deadline(); d != end {
		t.Errorf("the next deadline is %v, want %v", d, end)
	}
	e.Step(end, nil)
	if len(e.parts.all) != 0 {
		t.Error("it is still there")
	}
}

func longMember(n int) views.Member {
	m := memberN(n)
	for i := range 4 {
		m.Attrs = append(m.Attrs, views.Attr{Key: string(rune('a' + i)), Value: strings.Repeat("v", 120)})
	}
	return m
}

// pieceFrames cuts a whole, whatever it is, into frames of a sender.
func pieceFrames(from views.Member, whole []byte, size int) (frames []Packet) {
	count := message.PiecesFor(len(whole), size)
	h := message.Header{Group: GroupHash("g"), From: from.Process, Nonce: 99}
	for i := range count {
		frame, err := wire.AppendMessage(wire.AppendHeader(nil, h), wire.Cut(whole, wholeID(whole), count, i))
		if err != nil {
			panic(err)
		}
		wire.Sum(frame)
		frames = append(frames, Packet{Frame: frame})
	}
	return frames
}

func deliver(e *Engine, from views.Member, frames ...Packet) {
	for _, p := range frames {
		e.Step(e.now+1, Received{From: from.Addr, Frame: p.Frame})
	}
}
