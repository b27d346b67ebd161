package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"reflect"
	"testing"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// wantError checks the sentinel, the field and that the reason is a word of its own.
func wantError(t *testing.T, err, want error, field string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, want) || e.Field != field {
		t.Fatalf("got %v, want %v in %s", err, want, field)
	}
}

func TestHeaderFaults(t *testing.T) {
	good, err := frameOf(sample(message.TypePong))
	if err != nil {
		t.Fatal(err)
	}
	change := func(at int, v byte) []byte {
		b := bytes.Clone(good)
		b[at] = v
		Sum(b)
		return b
	}
	long := AppendHeader(nil, sampleHeader)
	long = append(long, make([]byte, views.DatagramMax-len(long)+1)...)
	Sum(long)
	hugeIncarnation := append(bytes.Clone(good[:32]), 0xff, 0xff, 0xff, 0xff, 0x1f, 1, 2, 3, 4, 5, 6, 7, 8)
	for _, c := range []struct {
		frame []byte
		err   error
		field string
	}{
		{nil, ErrShort, "Magic"},
		{[]byte("GM"), ErrShort, "Magic"},
		{[]byte("GET / HTTP/1.1"), ErrMagic, "Magic"},
		{change(1, 'm'), ErrMagic, "Magic"},
		{change(2, 2), ErrVersion, "Version"},
		{[]byte{'G', 'M', 0}, ErrVersion, "Version"},
		{change(3, 0x20), ErrFlags, "Flags"},
		{long, ErrLimit, "Length"},
		{good[:31], ErrShort, "Header"},
		{good[:32], ErrShort, "Incarnation"},
		{hugeIncarnation, ErrLimit, "Incarnation"},
		{good[:41], ErrShort, "Nonce"},
	} {
		_, err := DecodeHeader(c.frame)
		wantError(t, err, c.err, c.field)
		f := Frame{Messages: []message.Message{&message.Pong{}}}
		wantError(t, Decode(c.frame, &f), c.err, c.field)
		if len(f.Messages) != 0 {
			t.Errorf("%v left messages", c.err)
		}
	}
}

// Whoever speaks another version is still known by group and host.
func TestOtherVersionKeepsGroupAndHost(t *testing.T) {
	frame := rawFrame()
	frame[offVersion] = 9
	h, err := DecodeHeader(frame)
	var v VersionError
	if !errors.As(err, &v) || v.Seen != 9 {
		t.Fatalf("got %v", err)
	}
	if h.Group != sampleHeader.Group || h.From.Host != sampleHeader.From.Host || h.From.Incarnation != 0 || h.Nonce != 0 {
		t.Errorf("header %+v", h)
	}
	if h, err := DecodeHeader(frame[:20]); !errors.Is(err, ErrVersion) || h != (Head{}) {
		t.Errorf("short: %+v %v", h, err)
	}
}

// A sealed header gives what is needed to open the rest, and is no plain frame.
func TestSealedHeader(t *testing.T) {
	head := AppendSealedHeader(nil, sampleHeader, 0x01020304, 300)
	frame := append(bytes.Clone(head), "whatever is behind"...)
	h, err := DecodeHeader(frame)
	want := Head{Header: sampleHeader, Sealed: true, Key: 0x01020304, View: 300, Size: len(head)}
	if err != nil || h != want {
		t.Errorf("got %+v, %v, want %+v", h, err, want)
	}
	var f Frame
	wantError(t, Decode(frame, &f), ErrSealed, "Flags")
	for n := fixedSize; n < len(head); n++ {
		if _, err := DecodeHeader(head[:n]); !errors.Is(err, ErrShort) {
			t.Errorf("%d bytes of it: %v", n, err)
		}
	}
	most := sampleHeader
	most.From.Incarnation = math.MaxUint32
	if n := len(AppendSealedHeader(nil, most, 0, math.MaxUint64)); n != HeaderMax+SealedMore-16 {
		t.Errorf("the longest header has %d bytes and a tag of 16, want %d", n, HeaderMax+SealedMore)
	}
	pong, err := AppendMessage(nil, &message.Pong{Token: 4})
	if err != nil {
		t.Fatal(err)
	}
	if err := DecodeMessages(h.Header, pong, &f); err != nil || f.Header != sampleHeader || len(f.Messages) != 1 {
		t.Errorf("%v %+v", err, f)
	}
}

func TestFlagsThatMayBeIgnored(t *testing.T) {
	frame, err := frameOf(sample(message.TypePong))
	if err != nil {
		t.Fatal(err)
	}
	frame[offFlags] = 0x0f
	Sum(frame)
	var f Frame
	if err := Decode(frame, &f); err != nil || len(f.Messages) != 1 {
		t.Errorf("%v %+v", err, f)
	}
}

// The checksum is what doc.go says, and every single bit counts. Group and
// host can be read without it, nothing else is concluded.
func TestChecksum(t *testing.T) {
	frame, err := frameOf(sample(message.TypeHeartbeat))
	if err != nil {
		t.Fatal(err)
	}
	zeroed := bytes.Clone(frame)
	clear(zeroed[4:8])
	if got := binary.BigEndian.Uint32(frame[4:]); got != crc32.Checksum(zeroed, crc32.MakeTable(crc32.Castagnoli)) {
		t.Fatalf("checksum %08x", got)
	}
	var f Frame
	for bit := 0; bit < 8*len(frame); bit++ {
		frame[bit/8] ^= 1 << (bit % 8)
		if Decode(frame, &f) == nil {
			t.Errorf("bit %d does not count", bit)
		}
		if bit/8 >= 34 { // behind what the header itself checks
			wantError(t, Decode(frame, &f), ErrChecksum, "CRC")
		}
		frame[bit/8] ^= 1 << (bit % 8)
	}
	if err := Decode(frame, &f); err != nil {
		t.Error(err)
	}
}

func TestFrameWithoutMessages(t *testing.T) {
	wantError(t, Decode(rawFrame(), new(Frame)), ErrShort, "Messages")
}

// Lengths that do not add up take the whole frame with them.
func TestLengthsThatDoNotAddUp(t *testing.T) {
	pong := []byte{byte(message.TypePong), 8, 1, 2, 3, 4, 5, 6, 7, 8}
	for _, c := range []struct {
		rest  []byte
		err   error
		field string
	}{
		{[]byte{200}, ErrShort, "Body"},
		{[]byte{200, 1}, ErrShort, "Body"},
		{[]byte{200, 0x80}, ErrShort, "Body"},
		{[]byte{200, 0x80, 0x00}, ErrVarint, "Body"},
		{[]byte{200, 0x80, 0x80, 0x80, 0x80, 0x08}, ErrLimit, "Body"},
		{[]byte{200, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, ErrLimit, "Body"},
		{[]byte{200, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}, ErrVarint, "Body"},
		{[]byte{200, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, ErrVarint, "Body"},
	} {
		var f Frame
		wantError(t, Decode(rawFrame(append(bytes.Clone(pong), c.rest...)...), &f), c.err, c.field)
		if len(f.Messages) != 0 || f.Unknown != 0 || f.Header != (message.Header{}) {
			t.Errorf("% x: left %+v", c.rest, f)
		}
	}
}

// Unknown types are skipped and counted; a broken message is reported; their
// neighbours arrive.
func TestNeighboursOfBadMessages(t *testing.T) {
	b := AppendHeader(nil, sampleHeader)
	b, _ = AppendMessage(b, &message.Pong{Token: 1})
	b = append(b, 0, 0, byte(message.TypeEnd), 3, 'n', 'e', 'w', 255, 1, 0)
	b = append(b, byte(message.TypePong), 7, 1, 2, 3, 4, 5, 6, 7)
	b = append(b, byte(message.TypeGrant), 0)
	b, _ = AppendMessage(b, &message.Pong{Token: 2})
	Sum(b)
	var f Frame
	if err := Decode(b, &f); err != nil {
		t.Fatal(err)
	}
	want := []message.Message{&message.Pong{Token: 1}, &message.Pong{Token: 2}}
	if !reflect.DeepEqual(f.Messages, want) || f.Unknown != 3 || len(f.Broken) != 2 || f.More != 0 {
		t.Fatalf("%+v", f)
	}
	wantError(t, f.Broken[0], ErrShort, "Token")
	wantError(t, f.Broken[1], ErrShort, "View")
	if f.Broken[0].Type != message.TypePong || f.Broken[1].Type != message.TypeGrant {
		t.Errorf("types %v %v", f.Broken[0], f.Broken[1])
	}
	if got := f.Broken[0].Error(); got != "wire: Pong.Token: too short" {
		t.Error(got)
	}
}

func TestBrokenIsBounded(t *testing.T) {
	b := AppendHeader(nil, sampleHeader)
	for range 20 {
		b = append(b, byte(message.TypePong), 0)
	}
	Sum(b)
	var f Frame
	if err := Decode(b, &f); err != nil || len(f.Broken) != BrokenMax || f.More != 20-BrokenMax {
		t.Errorf("%v: %d broken, %d more", err, len(f.Broken), f.More)
	}
}

// A frame leaves nothing behind for the next one.
func TestFrameIsReset(t *testing.T) {
	var f Frame
	first := rawFrame(byte(message.TypePong), 0, 99, 0, byte(message.TypePong), 8, 1, 2, 3, 4, 5, 6, 7, 8)
	if err := Decode(first, &f); err != nil || len(f.Messages) != 1 || len(f.Broken) != 1 || f.Unknown != 1 {
		t.Fatalf("%v %+v", err, f)
	}
	kept := f.Messages[0]
	second, err := frameOf(&message.Pong{Token: 7}, &message.Pong{Token: 8})
	if err != nil {
		t.Fatal(err)
	}
	if err := Decode(second, &f); err != nil || len(f.Messages) != 2 || len(f.Broken) != 0 || f.Unknown != 0 {
		t.Fatalf("%v %+v", err, f)
	}
	if err := Decode(first, &f); err != nil || f.Messages[:2][1] != nil {
		t.Errorf("%v: an old message is held on to", err)
	}
	if !reflect.DeepEqual(kept, &message.Pong{Token: 0x0102030405060708}) {
		t.Errorf("a kept message changed: %+v", kept)
	}
}

// Every body may have bytes of a later version behind it.
func TestTrailingBytesAreIgnored(t *testing.T) {
	for _, m := range samples() {
		body, err := bodyOf(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readAll(m.Type(), append(body, 0xff, 0xff, 0xff))
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%v: %+v, %v", m.Type(), got, err)
		}
	}
}

// A truncated frame is never taken: neither as it is, nor when the checksum is
// made to fit, nor when the body's length is, too.
func TestTruncation(t *testing.T) {
	for _, m := range samples() {
		frame, err := frameOf(m)
		if err != nil {
			t.Fatal(err)
		}
		var f Frame
		for n := range len(frame) {
			cut := bytes.Clone(frame[:n])
			if Decode(cut, &f) == nil {
				t.Errorf("%v: %d of %d bytes were taken", m.Type(), n, len(frame))
			}
			if n >= offGroup {
				Sum(cut)
			}
			if Decode(cut, &f) == nil || len(f.Messages) > 0 {
				t.Errorf("%v: %d of %d bytes, sealed, were taken", m.Type(), n, len(frame))
			}
		}
		body, _ := bodyOf(m)
		for n := range len(body) {
			if got, err := readAll(m.Type(), body[:n:n]); Reason(err) != "wire-short" {
				t.Errorf("%v: body of %d of %d bytes: %+v, %v", m.Type(), n, len(body), got, err)
			}
		}
	}
}

func TestAppendMessageKeepsWhatWasThere(t *testing.T) {
	was := append(make([]byte, 0, 4096), "what was there"...)
	got, err := AppendMessage(was, &message.Refuse{Hint: string(make([]byte, HintMax+1))})
	wantError(t, err, ErrLimit, "Hint")
	if string(got) != "what was there" {
		t.Errorf("%q", got)
	}
	got, err = AppendMessage(was, sample(message.TypeRoster))
	if err != nil || !bytes.HasPrefix(got, was) {
		t.Errorf("%q %v", got, err)
	}
	if _, err := AppendMessage(nil, nil); !errors.Is(err, ErrType) {
		t.Error(err)
	}
}

func TestReasons(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range reasons {
		err := error(&Error{Type: message.TypeAck, Field: "Have", Err: r.err})
		if got := Reason(err); got != r.reason || seen[got] {
			t.Errorf("%v: %q", r.err, got)
		}
		seen[r.reason] = true
	}
	if got := Reason(frameError("Version", VersionError{Seen: 3})); got != "wire-version" {
		t.Error(got)
	}
	if Reason(nil) != "" || Reason(errors.New("x")) != "wire-other" {
		t.Error("nil or foreign errors")
	}
	if got := frameError("Version", VersionError{Seen: 3}).Error(); got != "wire: frame.Version: unknown wire version 3, ours is 1" {
		t.Error(got)
	}
}
