package gms

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/internal/keys"
)

// What is wrong with files is told at once, and nothing is made.
func TestCheckFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory
		t.Fatal(err)
	}
	if err := os.WriteFile(at("file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := keyfile.Create(at("keys"), keys.NewRing(keys.KeyOf([keys.Size]byte{1}), 5)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key, data, log string
		want           string
	}{
		{at("keys"), at("new/data"), at("log"), ""},
		{"", dir, at("file"), ""},
		{"", dir, "-", ""},
		{at("none"), at("file/data"), at("none/log"), "key-file data-dir event-log"},
		{dir, at("file"), dir, "key-file data-dir event-log"},
	} {
		cfg := Config{KeyFile: c.key, DataDir: c.data, EventLog: c.log}
		var keys []string
		if err := cfg.CheckFiles(); err != nil {
			for _, one := range err.(interface{ Unwrap() []error }).Unwrap() { //nolint:errorlint // it is joined
				var field *FieldError
				if !errors.As(one, &field) {
					t.Fatalf("%v is no fault of a field", one)
				}
				keys = append(keys, field.Key)
			}
		}
		if got := strings.Join(keys, " "); got != c.want {
			t.Errorf("%+v: faults %q, want %q", c, got, c.want)
		}
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 2 {
		t.Errorf("there are %v, %v", list, err)
	}
}
