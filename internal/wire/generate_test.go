package wire

import (
	"bytes"
	"cmp"
	"math"
	"net/netip"
	"slices"
	"unicode"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Generators of every message within its limits. Lists are nil where empty,
// since that is how they are read.

func genU64(t *rapid.T) uint64 {
	return rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 300), rapid.Just(uint64(math.MaxUint64))).Draw(t, "u64")
}

func genHost(t *rapid.T) (h views.HostID) {
	copy(h[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "host"))
	return h
}

func genProcess(t *rapid.T) views.Process {
	return views.Process{Host: genHost(t), Incarnation: views.Incarnation(rapid.Uint32().Draw(t, "incarnation"))}
}

func genView(t *rapid.T) views.ViewID {
	if rapid.Bool().Draw(t, "no view") {
		return views.ViewID{}
	}
	p := genProcess(t)
	return views.ViewID{Seq: views.Seq(genU64(t)), Coordinator: p.Host, Incarnation: p.Incarnation}
}

func genRank(t *rapid.T) uint16 { return rapid.Uint16Range(0, views.MembersMax-1).Draw(t, "rank") }

func genSize(t *rapid.T) uint16 { return rapid.Uint16Range(0, views.MembersMax).Draw(t, "size") }

// genList draws up to most entries; nil for none.
func genList[T any](t *rapid.T, most int, entry func(*rapid.T) T) []T {
	n := rapid.IntRange(0, most).Draw(t, "entries")
	if n == 0 {
		return nil
	}
	list := make([]T, n)
	for i := range list {
		list[i] = entry(t)
	}
	return list
}

func genBytes(t *rapid.T, least, most int) []byte {
	b := rapid.SliceOfN(rapid.Byte(), least, most).Draw(t, "bytes")
	if len(b) == 0 {
		return nil
	}
	return b
}

func genText(t *rapid.T, least, most int) string {
	return rapid.StringN(least, -1, most).Draw(t, "text")
}

// genLine has nothing that moves a cursor.
func genLine(t *rapid.T, least, most int) string {
	return rapid.StringOfN(rapid.RuneFrom(nil, unicode.L, unicode.N, unicode.P, unicode.S, unicode.Zs), least, -1, most).Draw(t, "line")
}

func genAddr(t *rapid.T) netip.AddrPort {
	port := rapid.Uint16().Draw(t, "port")
	switch rapid.IntRange(0, 2).Draw(t, "family") {
	case 1:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(genBytes(t, 4, 4))), port)
	case 2:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(genBytes(t, 16, 16))), port)
	}
	return netip.AddrPort{}
}

func genBits(t *rapid.T) views.Bits { return views.Bits(rapid.Uint8Range(0, 7).Draw(t, "bits")) }

func genAttrs(t *rapid.T) []views.Attr {
	all := genList(t, views.AttrsMax, func(t *rapid.T) views.Attr {
		return views.Attr{Key: genLine(t, 0, views.AttrKeyMax), Value: genText(t, 0, views.AttrValueMax)}
	})
	slices.SortFunc(all, func(a, b views.Attr) int { return cmp.Compare(a.Key, b.Key) })
	all = slices.CompactFunc(all, func(a, b views.Attr) bool { return a.Key == b.Key })
	sum := 0
	for i, a := range all {
		if sum += len(a.Key) + len(a.Value); sum > views.AttrBytesMax {
			all = all[:i]
			break
		}
	}
	return nilIfEmpty(all)
}

func nilIfEmpty[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

func genMember(t *rapid.T) views.Member {
	return views.Member{
		Process: genProcess(t),
		Name:    genLine(t, 1, views.NameMax),
		Addr:    genAddr(t),
		Bits:    genBits(t),
		Nonce:   genU64(t),
		Version: rapid.SampledFrom([]string{"", "0.1.0", "0.1.1", "a very long version of 32 bytes!"}).Draw(t, "version"),
		Attrs:   genAttrs(t),
	}
}

func genPos(t *rapid.T) message.StreamPos {
	return message.StreamPos{Stream: genStream(t), Seq: views.StreamSeq(genU64(t))}
}

func genStream(t *rapid.T) message.StreamID {
	return message.StreamID(rapid.IntRange(0, message.StreamsMax-1).Draw(t, "stream"))
}

// genRoom draws the ends of what a room may be as often as anything between.
func genRoom(t *rapid.T) uint64 {
	ends := rapid.SampledFrom([]uint64{0, 1, math.MaxUint64 - 1, math.MaxUint64})
	return rapid.OneOf(rapid.Uint64(), ends).Draw(t, "room")
}

func genHello(t *rapid.T) message.Hello {
	return message.Hello{Self: genMember(t), View: genView(t), Size: genSize(t), Joiner: rapid.Bool().Draw(t, "joiner"), New: rapid.Bool().Draw(t, "new")}
}

func genAccuse(t *rapid.T) message.Message {
	list := genList(t, 20, func(t *rapid.T) message.Accusation {
		e := message.Evidence(rapid.Uint8Range(0, uint8(message.EvidenceDeparted)).Draw(t, "evidence"))
		return message.Accusation{Rank: genRank(t), Evidence: e}
	})
	slices.SortFunc(list, func(a, b message.Accusation) int { return cmp.Compare(a.Rank, b.Rank) })
	list = slices.CompactFunc(list, func(a, b message.Accusation) bool { return a.Rank == b.Rank })
	return &message.Accuse{View: genView(t), Version: genU64(t), Subjects: list}
}

func genPropose(t *rapid.T) message.Message {
	plus := genList(t, 20, genProcess)
	slices.SortFunc(plus, views.Process.Compare)
	ours := genList(t, 20, genProcess)
	slices.SortFunc(ours, views.Process.Compare)
	m := &message.Propose{
		Ballot: genView(t), Base: genView(t),
		Without: genList(t, 20, genRank), Leaving: genList(t, 20, genRank),
		Plus: slices.Compact(plus), Ours: slices.Compact(ours), Via: genAddr(t),
	}
	for range m.Plus {
		m.PlusMark = append(m.PlusMark, rapid.Uint64().Draw(t, "mark"))
	}
	return m
}

func genAnswer(t *rapid.T) message.Message {
	m := &message.Answer{
		Ballot: genView(t), From: genView(t), Prev: genView(t), Highest: genView(t), Digest: genU64(t),
		Have: genList(t, 20, genPos), Stale: genList(t, 20, genProcess),
		Joiner: rapid.Bool().Draw(t, "joiner"), Leaving: rapid.Bool().Draw(t, "leaving"), Relayed: rapid.Bool().Draw(t, "relayed"), Bare: rapid.Bool().Draw(t, "bare"),
	}
	if rapid.Bool().Draw(t, "with self") {
		self := genMember(t)
		m.Self = &self
	}
	if m.Holder = genAddr(t); m.HasMissed() {
		m.Missed = genView(t)
	}
	return m
}

func genInstall(t *rapid.T) message.Message {
	m := &message.Install{
		View: genView(t), Parent: genView(t),
		Kind:    views.Kind(rapid.Uint8Range(0, 1).Draw(t, "kind")),
		Reason:  views.Reason(rapid.Uint8Range(0, uint8(views.ReasonMerge)).Draw(t, "reason")),
		Members: genList(t, 10, genMember),
		Groups: genList(t, 20, func(t *rapid.T) message.InstallGroup {
			return message.InstallGroup{From: genView(t), Count: rapid.Uint16Range(0, 50).Draw(t, "count"), Digest: genU64(t), Bare: rapid.Bool().Draw(t, "bare")}
		}),
	}
	left := len(m.Members)
	m.Layout = genList(t, 20, func(t *rapid.T) message.MemberSpan {
		if rapid.Bool().Draw(t, "explicit") {
			n := rapid.IntRange(0, left).Draw(t, "count")
			left -= n
			return message.MemberSpan{Explicit: true, First: genRank(t), Count: uint16(n)}
		}
		return message.MemberSpan{
			First: rapid.Uint16Range(0, 900).Draw(t, "first"),
			Count: rapid.Uint16Range(0, 50).Draw(t, "count"),
		}
	})
	return m
}

func genData(t *rapid.T) message.Message {
	return &message.Data{
		View: genView(t), Stream: genStream(t), Seq: views.StreamSeq(max(1, genU64(t))),
		Flags: message.DataFlags(rapid.Uint8Range(0, uint8(message.AckNow|message.AckAll)).Draw(t, "flags")),
		Body:  genBytes(t, 1, 500),
	}
}

func genSeqRange(t *rapid.T) message.SeqRange {
	first := rapid.Uint64Min(1).Draw(t, "first")
	last := rapid.Uint64Range(first, math.MaxUint64).Draw(t, "last")
	return message.SeqRange{First: views.StreamSeq(first), Last: views.StreamSeq(last)}
}

func genPlaces(t *rapid.T) message.PlaceRange {
	return message.PlaceRange{
		K:     views.Position(rapid.Uint64Range(1, math.MaxUint64-math.MaxUint32).Draw(t, "k")),
		Count: rapid.Uint32Min(1).Draw(t, "count"),
	}
}

// generators by type; generate fails where one is missing.
var generators = map[message.Type]func(*rapid.T) message.Message{
	message.TypeHeartbeat: func(t *rapid.T) message.Message {
		m := &message.Heartbeat{View: genView(t), Size: genSize(t)}
		for class := range m.Sent {
			m.Sent[class] = views.StreamSeq(genU64(t))
		}
		return m
	},
	message.TypePing:   func(t *rapid.T) message.Message { return &message.Ping{Token: genU64(t), To: genProcess(t)} },
	message.TypePong:   func(t *rapid.T) message.Message { return &message.Pong{Token: genU64(t)} },
	message.TypeAccuse: genAccuse,
	message.TypeHello: func(t *rapid.T) message.Message {
		h := genHello(t)
		return &h
	},
	message.TypeIntroduce: func(t *rapid.T) message.Message { return &message.Introduce{Hello: genHello(t)} },
	message.TypeAsk: func(t *rapid.T) message.Message {
		return &message.Ask{Token: genU64(t), Addr: genAddr(t), View: genView(t), Size: genSize(t), Joiner: rapid.Bool().Draw(t, "joiner")}
	},
	message.TypeRoster: func(t *rapid.T) message.Message {
		return &message.Roster{
			Token: genU64(t), View: genView(t), Promised: views.Seq(genU64(t)), Joiner: rapid.Bool().Draw(t, "joiner"),
			Members: append([]views.Member{genMember(t)}, genList(t, 5, genMember)...),
		}
	},
	message.TypeRefuse: func(t *rapid.T) message.Message {
		code := views.RefuseCode(rapid.Uint8Range(0, uint8(views.RefuseEvicted)).Draw(t, "code"))
		return &message.Refuse{To: genProcess(t), Nonce: genU64(t), Code: code, Hint: genLine(t, 0, HintMax)}
	},
	message.TypePropose: genPropose,
	message.TypeAnswer:  genAnswer,
	message.TypeNack: func(t *rapid.T) message.Message {
		return &message.Nack{Ballot: genView(t), Promised: genView(t)}
	},
	message.TypeHold: func(t *rapid.T) message.Message { return &message.Hold{Ballot: genView(t)} },
	message.TypeRecover: func(t *rapid.T) message.Message {
		return &message.Recover{Ballot: genView(t), From: genView(t), Cut: genList(t, 20, func(t *rapid.T) message.CutEntry {
			return message.CutEntry{StreamPos: genPos(t), Holder: genRank(t)}
		})}
	},
	message.TypeCatchup: func(t *rapid.T) message.Message {
		return &message.Catchup{Ballot: genView(t), View: genView(t), Holder: genAddr(t)}
	},
	message.TypeFetch:   func(t *rapid.T) message.Message { return &message.Fetch{View: genView(t)} },
	message.TypeInstall: genInstall,
	message.TypeRelay: func(t *rapid.T) message.Message {
		return &message.Relay{To: genAddr(t), Frame: genBytes(t, 1, 500)}
	},
	message.TypeAbdicate: func(t *rapid.T) message.Message { return &message.Abdicate{Ballot: genView(t)} },
	message.TypeLeave:    func(t *rapid.T) message.Message { return &message.Leave{View: genView(t)} },
	message.TypeData:     genData,
	message.TypeResend: func(t *rapid.T) message.Message {
		return &message.Resend{View: genView(t), Stream: genStream(t), Ranges: genList(t, 20, genSeqRange)}
	},
	message.TypeAck: func(t *rapid.T) message.Message {
		return &message.Ack{View: genView(t), Have: genList(t, 20, genPos), Room: genRoom(t), Turn: genU64(t)}
	},
	message.TypeStable: func(t *rapid.T) message.Message {
		return &message.Stable{View: genView(t), Have: genList(t, 20, genPos), Room: genRoom(t), Slowest: genRank(t), Turn: genU64(t)}
	},
	message.TypeRequest: func(t *rapid.T) message.Message {
		return &message.Request{View: genView(t), Have: genU64(t), Want: genU64(t)}
	},
	message.TypeGrant: func(t *rapid.T) message.Message {
		return &message.Grant{View: genView(t), First: genU64(t), Ranges: genList(t, 20, genPlaces)}
	},
	message.TypeProbe: func(t *rapid.T) message.Message {
		return &message.Probe{Token: genU64(t), Whom: genList(t, 5, genContact)}
	},
	message.TypeReached: func(t *rapid.T) message.Message {
		return &message.Reached{Token: genU64(t), Who: genList(t, 5, genProcess)}
	},
	message.TypeTransfer: func(t *rapid.T) message.Message {
		return &message.Transfer{Body: genBytes(t, 1, 500)}
	},
	message.TypePiece: genPiece,
	message.TypeEcho: func(t *rapid.T) message.Message {
		return &message.Echo{
			Token: genU64(t), Seq: rapid.Uint32().Draw(t, "seq"), To: genHost(t), View: genView(t), First: genRank(t), Count: genSize(t), Pad: genBytes(t, 0, 500),
		}
	},
	message.TypeEchoReply: func(t *rapid.T) message.Message {
		return &message.EchoReply{Token: genU64(t), Seq: rapid.Uint32().Draw(t, "seq"), Size: rapid.Uint32().Draw(t, "size"), Got: rapid.Uint32().Draw(t, "got")}
	},
	message.TypeMissing: func(t *rapid.T) message.Message {
		m := &message.Missing{ID: genU64(t), Total: rapid.Uint32Range(0, views.MessageMax).Draw(t, "total")}
		at := uint16(0)
		for range rapid.IntRange(1, 5).Draw(t, "runs") {
			r := message.PieceRun{First: at + rapid.Uint16Range(0, 9).Draw(t, "first"), Count: rapid.Uint16Range(1, 9).Draw(t, "count")}
			m.Runs = append(m.Runs, r)
			at = r.First + r.Count + 1
		}
		m.Count = at - 1 + rapid.Uint16Range(0, 9).Draw(t, "more")
		return m
	},
	message.TypeReport: func(t *rapid.T) message.Message {
		return &message.Report{Kind: message.ReportKind(rapid.IntRange(0, 2).Draw(t, "kind")), Token: genU64(t), Wall: rapid.Int64().Draw(t, "wall"), Body: genBytes(t, 0, 500)}
	},
	message.TypeSigned: func(t *rapid.T) message.Message {
		inner := rapid.SampledFrom([]message.Type{message.TypeHello, message.TypePropose, message.TypeKeyGrant}).Draw(t, "inner")
		return &message.Signed{Signature: genSignature(t), Inner: inner, Body: genBytes(t, 0, 500)}
	},
	message.TypeKeys: func(t *rapid.T) message.Message {
		m := &message.Keys{Digest: genU64(t), Known: genU64(t), Sending: rapid.Uint32().Draw(t, "sending"), Want: rapid.Bool().Draw(t, "want")}
		m.Has = genList(t, message.KeyIDsMax, func(t *rapid.T) uint32 { return rapid.Uint32().Draw(t, "id") })
		slices.Sort(m.Has)
		m.Has = slices.Compact(m.Has)
		return m
	},
	message.TypeKeyAsk: func(t *rapid.T) message.Message {
		return &message.KeyAsk{Token: genU64(t), Public: [32]byte(genBytes(t, 32, 32))}
	},
	message.TypeKeyGrant: func(t *rapid.T) message.Message {
		return &message.KeyGrant{Token: genU64(t), Public: [32]byte(genBytes(t, 32, 32)), Box: genBytes(t, 0, 500)}
	},
	message.TypeUnheard: func(t *rapid.T) message.Message {
		return &message.Unheard{Span: rapid.Uint32().Draw(t, "span")}
	},
	message.TypeSpoken: func(t *rapid.T) message.Message {
		return &message.Spoken{Count: rapid.Uint32().Draw(t, "count")}
	},
}

func genSignature(t *rapid.T) message.Signature {
	return message.Signature{Key: message.Identity(genBytes(t, 32, 32)), Sig: [64]byte(genBytes(t, 64, 64))}
}

func genPiece(t *rapid.T) message.Message {
	size := rapid.IntRange(2*message.PieceLeast, 2000).Draw(t, "size")
	total := rapid.IntRange(size+1, views.MessageMax).Draw(t, "total")
	m := &message.Piece{ID: genU64(t), Total: uint32(total), Count: uint16(message.PiecesFor(total, size))}
	m.Index = rapid.Uint16Range(0, m.Count-1).Draw(t, "index")
	from, to := m.Span()
	m.Bytes = bytes.Repeat([]byte{byte(from)}, to-from)
	return m
}

func genContact(t *rapid.T) message.Contact {
	return message.Contact{Process: genProcess(t), Addr: genAddr(t)}
}
