package wire

import (
	"bytes"
	"math"
	"reflect"
	"testing"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// fuzzBody feeds bodies of one type to its decoder. What it takes must be
// encoded by us to the very bytes it came in (one value, one encoding; what was
// left over may be of a later version), must be taken again as the same value, and
// must share no memory with the bytes, but for the body of a Data.
func fuzzBody(f *testing.F, typ message.Type) {
	f.Helper()
	body, err := bodyOf(sample(typ))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add(body[:len(body)/2])
	f.Add(append(body[:len(body):len(body)], 0, 1, 2))
	f.Add(make([]byte, 200))
	f.Add([]byte{})
	for _, b := range seeds[typ] {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := readAll(typ, b)
		if err != nil {
			if Reason(err) == "wire-other" {
				t.Fatalf("no reason for %v", err)
			}
			return
		}
		again, err := bodyOf(first)
		if err != nil {
			t.Fatalf("taken, but not to be sent: %+v: %v", first, err)
		}
		if !bytes.HasPrefix(b, again) {
			t.Fatalf("% x\nbecame % x", b, again)
		}
		keepBody(first)
		clear(b)
		if after, err := bodyOf(first); err != nil || !bytes.Equal(after, again) {
			t.Fatalf("it changed with the frame: % x\nwas % x", after, again)
		}
		second, err := readAll(typ, again)
		if err != nil || !reflect.DeepEqual(first, second) {
			t.Fatalf("first %+v\nthen  %+v: %v", first, second, err)
		}
	})
}

// keepBody copies the body of a Data or Transfer, as who keeps one does.
func keepBody(m message.Message) {
	switch m := m.(type) {
	case *message.Data:
		m.Body = bytes.Clone(m.Body)
	case *message.Transfer:
		m.Body = bytes.Clone(m.Body)
	}
}

// seeds are bodies at the ends of what the newer fields may be.
var seeds = map[message.Type][]raw{
	message.TypeHeartbeat: {raw{}.view().uv(views.MembersMax, math.MaxUint64, 0)},
	message.TypeData: {
		raw{}.view().uv(lastStream, math.MaxUint64).u8(3).uv(1).u8(9),
		raw{}.view().uv(lastStream+1, 1).u8(4).uv(0),
	},
	message.TypeResend: {raw{}.view().uv(lastStream, 1, 1, math.MaxUint64-1)},
	message.TypeAck:    {raw{}.view().uv(0, 0, 0), raw{}.view().uv(1, lastStream, 5, math.MaxUint64, math.MaxUint64)},
	message.TypeStable: {raw{}.view().uv(0, 1, views.MembersMax-1, 3), raw{}.view().uv(1, lastStream+1, 5, 0, views.MembersMax, 0)},
	message.TypePiece: {
		raw{}.zero(8).uv(views.MessageMax, message.PiecesMax, message.PiecesMax-1, 128).zero(128),
		raw{}.zero(8).uv(257, 2, 1, 128).zero(128),
	},
	message.TypeRecover: {
		raw{}.view().view().uv(1, lastStream, math.MaxUint64, views.MembersMax-1),
	},
}

const lastStream = uint64(message.StreamsMax) - 1

// FuzzFrame feeds whole frames: as they are, and sealed, so that the fuzzer
// gets past the checksum.
func FuzzFrame(f *testing.F) {
	for _, m := range samples() {
		frame, err := frameOf(m, &message.Pong{Token: 1})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame)
	}
	several, err := frameOf(dataN(3)...)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(several)
	f.Add(rawFrame(99, 3, 1, 2, 3, byte(message.TypePong), 1, 0))
	f.Add([]byte("GM"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		var into Frame
		_ = Decode(frame, &into)
		if len(frame) < offGroup {
			return
		}
		Sum(frame)
		early, earlyErr := DecodeHeader(frame)
		err := Decode(frame, &into)
		if err == nil && (earlyErr != nil || early.Header != into.Header) {
			t.Fatalf("early %+v (%v), late %+v", early, earlyErr, into.Header)
		}
		if err != nil && (Reason(err) == "wire-other" || len(into.Messages)+len(into.Broken)+into.Unknown > 0) {
			t.Fatalf("%v left %+v", err, into)
		}
		for _, m := range into.Messages {
			keepBody(m)
		}
		clear(frame)
		for _, m := range into.Messages {
			if _, err := AppendMessage(nil, m); err != nil {
				t.Fatalf("taken, but not to be sent: %+v: %v", m, err)
			}
		}
	})
}

func FuzzDecodeHeartbeat(f *testing.F) { fuzzBody(f, message.TypeHeartbeat) }
func FuzzDecodePing(f *testing.F)      { fuzzBody(f, message.TypePing) }
func FuzzDecodePong(f *testing.F)      { fuzzBody(f, message.TypePong) }
func FuzzDecodeAccuse(f *testing.F)    { fuzzBody(f, message.TypeAccuse) }
func FuzzDecodeHello(f *testing.F)     { fuzzBody(f, message.TypeHello) }
func FuzzDecodeIntroduce(f *testing.F) { fuzzBody(f, message.TypeIntroduce) }
func FuzzDecodeAsk(f *testing.F)       { fuzzBody(f, message.TypeAsk) }
func FuzzDecodeRoster(f *testing.F)    { fuzzBody(f, message.TypeRoster) }
func FuzzDecodeRefuse(f *testing.F)    { fuzzBody(f, message.TypeRefuse) }
func FuzzDecodePropose(f *testing.F)   { fuzzBody(f, message.TypePropose) }
func FuzzDecodeAnswer(f *testing.F)    { fuzzBody(f, message.TypeAnswer) }
func FuzzDecodeNack(f *testing.F)      { fuzzBody(f, message.TypeNack) }
func FuzzDecodeHold(f *testing.F)      { fuzzBody(f, message.TypeHold) }
func FuzzDecodeRecover(f *testing.F)   { fuzzBody(f, message.TypeRecover) }
func FuzzDecodeCatchup(f *testing.F)   { fuzzBody(f, message.TypeCatchup) }
func FuzzDecodeFetch(f *testing.F)     { fuzzBody(f, message.TypeFetch) }
func FuzzDecodeInstall(f *testing.F)   { fuzzBody(f, message.TypeInstall) }
func FuzzDecodeRelay(f *testing.F)     { fuzzBody(f, message.TypeRelay) }
func FuzzDecodeAbdicate(f *testing.F)  { fuzzBody(f, message.TypeAbdicate) }
func FuzzDecodeLeave(f *testing.F)     { fuzzBody(f, message.TypeLeave) }
func FuzzDecodeData(f *testing.F)      { fuzzBody(f, message.TypeData) }
func FuzzDecodeResend(f *testing.F)    { fuzzBody(f, message.TypeResend) }
func FuzzDecodeAck(f *testing.F)       { fuzzBody(f, message.TypeAck) }
func FuzzDecodeStable(f *testing.F)    { fuzzBody(f, message.TypeStable) }
func FuzzDecodeRequest(f *testing.F)   { fuzzBody(f, message.TypeRequest) }
func FuzzDecodeGrant(f *testing.F)     { fuzzBody(f, message.TypeGrant) }
func FuzzDecodeProbe(f *testing.F)     { fuzzBody(f, message.TypeProbe) }
func FuzzDecodeReached(f *testing.F)   { fuzzBody(f, message.TypeReached) }
func FuzzDecodeTransfer(f *testing.F)  { fuzzBody(f, message.TypeTransfer) }
func FuzzDecodePiece(f *testing.F)     { fuzzBody(f, message.TypePiece) }
func FuzzDecodeEcho(f *testing.F)      { fuzzBody(f, message.TypeEcho) }
func FuzzDecodeEchoReply(f *testing.F) { fuzzBody(f, message.TypeEchoReply) }
func FuzzDecodeReport(f *testing.F)    { fuzzBody(f, message.TypeReport) }
func FuzzDecodeMissing(f *testing.F)   { fuzzBody(f, message.TypeMissing) }
func FuzzDecodeSigned(f *testing.F)    { fuzzBody(f, message.TypeSigned) }
func FuzzDecodeKeys(f *testing.F)      { fuzzBody(f, message.TypeKeys) }
func FuzzDecodeKeyAsk(f *testing.F)    { fuzzBody(f, message.TypeKeyAsk) }
func FuzzDecodeKeyGrant(f *testing.F)  { fuzzBody(f, message.TypeKeyGrant) }
func FuzzDecodeUnheard(f *testing.F)   { fuzzBody(f, message.TypeUnheard) }
func FuzzDecodeSpoken(f *testing.F)    { fuzzBody(f, message.TypeSpoken) }

// FuzzDecodeWhole feeds what pieces were put together to: anything a frame may not
// hold, a frame's own decoder does not see.
func FuzzDecodeWhole(f *testing.F) {
	for _, m := range samples() {
		if whole, err := AppendWhole(nil, m); err == nil {
			f.Add(whole)
		}
	}
	f.Add([]byte{byte(message.TypeData), 0})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, whole []byte) {
		m, err := DecodeWhole(whole)
		if err != nil {
			if Reason(err) == "wire-other" {
				t.Fatalf("no reason for %v", err)
			}
			return
		}
		again, err := AppendWhole(nil, m)
		if err != nil || !bytes.HasPrefix(whole, again) {
			t.Fatalf("% x\nbecame % x: %v", whole, again, err)
		}
		clear(whole)
		if after, err := AppendWhole(nil, m); err != nil || !bytes.Equal(after, again) {
			t.Fatalf("it changed with the whole: % x\nwas % x: %v", after, again, err)
		}
	})
}
