package wire

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/views/message"
)

var rewrite = flag.Bool("rewrite", false, "rewrite testdata/golden.txt")

const goldenFile = "testdata/golden.txt"

// A field that is zero in every sample would be absent from the golden frames
// and from the round trip, so a codec that forgets it would pass.
func TestSamplesSetEveryField(t *testing.T) {
	all := samples()
	if len(all) != int(message.TypeEnd)-1 {
		t.Fatalf("%d samples for %d types", len(all), int(message.TypeEnd)-1)
	}
	for i, m := range all {
		if m.Type() != message.Type(i+1) {
			t.Fatalf("sample %d is a %v", i, m.Type())
		}
		seen := map[string]bool{}
		visitFields(reflect.ValueOf(m).Elem(), m.Type().String(), seen)
		delete(seen, "Data.Whole") // memory, not a field of the message
		for path, set := range seen {
			if !set {
				t.Errorf("%s is zero in the sample", path)
			}
		}
	}
}

// visitFields notes for every field path of v whether any value there is not
// zero; the entries of a list share a path.
func visitFields(v reflect.Value, path string, seen map[string]bool) {
	switch v.Kind() { //nolint:exhaustive // the others are leaves
	case reflect.Pointer:
		if !v.IsNil() {
			seen[path] = true
			visitFields(v.Elem(), path, seen)
			return
		}
	case reflect.Slice:
		if v.Len() > 0 && v.Type().Elem().Kind() == reflect.Struct {
			for i := range v.Len() {
				visitFields(v.Index(i), path+"[]", seen)
			}
			return
		}
	case reflect.Array:
		if v.Type().Elem().Kind() != reflect.Uint8 { // an id is one value
			for i := range v.Len() {
				visitFields(v.Index(i), fmt.Sprintf("%s[%d]", path, i), seen)
			}
			return
		}
	case reflect.Struct:
		if v.Type().PkgPath() != "net/netip" {
			for i := range v.NumField() {
				visitFields(v.Field(i), path+"."+v.Type().Field(i).Name, seen)
			}
			return
		}
	}
	seen[path] = seen[path] || !v.IsZero()
}

// The golden frames hold the format still: a change that was not meant shows
// here first. A new message needs -rewrite; a changed line needs a new version.
func TestGolden(t *testing.T) {
	var now strings.Builder
	for _, m := range samples() {
		frame, err := frameOf(m)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&now, "%v %x\n", m.Type(), frame)
	}
	if *rewrite {
		if err := os.WriteFile(goldenFile, []byte(now.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	want, got := strings.Split(string(file), "\n"), strings.Split(now.String(), "\n")
	for i := range max(len(want), len(got)) {
		w, g := lineOf(want, i), lineOf(got, i)
		if w != g {
			t.Errorf("line %d\nwas %s\nis  %s", i+1, w, g)
		}
	}
}

func lineOf(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(none)"
}

// What was written by the code that made the golden file is still read.
func TestGoldenDecodes(t *testing.T) {
	file, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	var f Frame
	for i, line := range strings.Split(strings.TrimSpace(string(file)), "\n") {
		_, digits, _ := strings.Cut(line, " ")
		frame, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		if err := Decode(frame, &f); err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		if f.Header != sampleHeader || len(f.Messages) != 1 || !reflect.DeepEqual(f.Messages[0], samples()[i]) {
			t.Errorf("line %d: %+v %+v", i+1, f, f.Broken)
		}
	}
}

// The header's layout, byte by byte, written out independently of the code.
func TestHeaderBytes(t *testing.T) {
	want, _ := hex.DecodeString("474d0100" + "00000000" + "0102030405060708" +
		"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf" + "ac02" + "f1f2f3f4f5f6f7f8")
	if got := AppendHeader(nil, sampleHeader); !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}
