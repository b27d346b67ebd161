package clientwire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the vectors and their table in the document anew")

const (
	vectorsFile = "testdata/vectors.txt"
	document    = "../../docs/CLIENT_PROTOCOL.md"
	tableBegin  = "<!-- vectors: written by go test ./internal/clientwire -rewrite -->\n```\n"
	tableEnd    = "```\n<!-- end of vectors -->\n"
)

func vectors(t *testing.T) (file, table string) {
	var f, tab strings.Builder
	for _, s := range samples() {
		typ, body, size, err := Cut(s.frame)
		if err != nil || size != len(s.frame) {
			t.Fatalf("%s: cut %d of %d bytes: %v", s.name, size, len(s.frame), err)
		}
		fields, again, err := parse(typ, body)
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if !bytes.Equal(again, s.frame) {
			t.Errorf("%s: read and written again\n%x, was\n%x", s.name, again, s.frame)
		}
		line, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&f, "%s %x %s\n", s.name, s.frame, line)
		fmt.Fprintf(&tab, "%-16s %x\n", s.name, s.frame)
	}
	return f.String(), tab.String()
}

// The vectors hold the format still, for us and for every other language.
func TestVectors(t *testing.T) {
	file, table := vectors(t)
	page, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), tableBegin)
	old, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the vectors", document)
	}
	if *rewrite {
		if err := os.WriteFile(vectorsFile, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(document, []byte(before+tableBegin+table+tableEnd+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if file != string(want) {
		t.Errorf("the format changed:\n%s", firstDifference(file, string(want)))
	}
	if old != table {
		t.Errorf("%s shows other vectors; run go test ./internal/clientwire -rewrite:\n%s", document, firstDifference(table, old))
	}
}

func firstDifference(now, was string) string {
	a, b := strings.Split(now, "\n"), strings.Split(was, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return "now " + a[i] + "\nwas " + b[i]
		}
	}
	return fmt.Sprintf("%d lines now, were %d", len(a), len(b))
}

// Every type has a vector, and no two share a number.
func TestVectorsCoverTypes(t *testing.T) {
	seen := map[Type]bool{}
	for _, s := range samples() {
		seen[Type(s.frame[4])] = true
	}
	all := []Type{
		TypeHello, TypeWelcome, TypeError, TypePing, TypePong, TypeCredit, TypeBind, TypeCancel, TypeBye, TypeDone, TypeFailed,
		TypeReceipt, TypeAnswer, TypeAnswerPart, TypePart, TypeSend, TypeJoin, TypeLeave, TypeReady, TypeRequest, TypeReply,
		TypeEventPart, TypeMessage, TypeView, TypeBlock, TypeUnblock, TypeParted, TypeSender,
		TypeState, TypeDonate, TypeProgress, TypePiece, TypeMore, TypeEnd, TypeStop, TypeGive,
	}
	for _, typ := range all {
		if !seen[typ] {
			t.Errorf("type %#x has no vector", byte(typ))
		}
	}
	if len(seen) != len(all) {
		t.Errorf("%d types in the vectors, %d in the list", len(seen), len(all))
	}
}

// A body that is cut anywhere is refused, but where what is cut is payload.
func TestTruncated(t *testing.T) {
	for _, s := range samples() {
		typ, body, _, _ := Cut(s.frame)
		for n := range len(body) {
			_, again, err := parse(typ, body[:n])
			if err == nil && !bytes.Equal(again[HeadSize:], body[:n]) {
				t.Errorf("%s cut to %d bytes: %x", s.name, n, body[:n])
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ name, typ, body, want string }{
		{"order 3", "21", "030000", "value not in its list"},
		{"unknown flag", "21", "100000", "value not in its list"},
		{"need 3", "25", "030000", "value not in its list"},
		{"long varint", "24", "8000", "bad number"},
		{"huge handle", "24", "ffff03", "value beyond its limit"},
		{"left over", "24", "0000", "bytes left over"},
		{"empty part", "20", "05", "body too short"},
		{"request 0", "41", "080000010000", "value not in its list"},
		{"stream 0", "63", "00", "value not in its list"},
		{"empty piece", "60", "03", "body too short"},
		{"much at once", "61", "038180808004", "value beyond its limit"},
		{"no state with a size", "47", "000005", "value not in its list"},
		{"flag of a join", "22", "04000100", "value not in its list"},
		{"other magic", "01", "474554202f", "not this protocol"},
	} {
		typ, _ := hex.DecodeString(c.typ)
		body, _ := hex.DecodeString(c.body)
		if _, _, err := parse(Type(typ[0]), body); err == nil || err.Error() != c.want {
			t.Errorf("%s: error %v, want %s", c.name, err, c.want)
		}
	}
	for _, b := range [][]byte{{0, 0, 0, 0}, {0, 1, 0, 1}, {0xff, 0xff, 0xff, 0xff, 1}} {
		if _, _, _, err := Cut(b); err == nil {
			t.Errorf("length %x was taken", b)
		}
	}
}

func TestMessageAllocatesNothing(t *testing.T) {
	payload := make([]byte, 100)
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() {
		buf = AppendMessage(buf[:0], &Message{Order: 1, Handle: 3, Sender: 200, N: 1e6, K: 1e6, Tail: payload})
		_, body, _, _ := Cut(buf)
		if m, err := ParseMessage(body); err != nil || len(m.Tail) != 100 {
			t.Fatal(m, err)
		}
		buf = AppendSend(buf[:0], &Send{Order: 1, Handle: 3, Tail: payload})
		_, body, _, _ = Cut(buf)
		if m, err := ParseSend(body); err != nil || len(m.Tail) != 100 {
			t.Fatal(m, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever the bytes: no panic, and what is taken is written again as it was.
func FuzzStream(f *testing.F) {
	for _, s := range samples() {
		f.Add(s.frame)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for {
			typ, body, size, err := Cut(b)
			if err != nil || size == 0 {
				return
			}
			_, again, err := parse(typ, body)
			grows := typ == TypeHello || typ == TypeWelcome
			if err == nil && (grows && !bytes.HasPrefix(b[HeadSize:size], again[HeadSize:]) || !grows && !bytes.Equal(again, b[:size])) {
				t.Fatalf("type %#x: took %x, wrote %x", byte(typ), b[:size], again)
			}
			b = b[size:]
		}
	})
}
