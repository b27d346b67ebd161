package keyfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/internal/keys"
)

func ringN(n byte) keys.Ring { return keys.NewRing(keys.KeyOf([keys.Size]byte{n}), 5) }

func TestCreateLoadSave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if err := keyfile.Create(path, ringN(1)); err != nil {
		t.Fatal(err)
	}
	if r, err := keyfile.Load(path); err != nil || r.Digest() != ringN(1).Digest() {
		t.Fatalf("%v, %v", r, err)
	}
	if err := keyfile.Create(path, ringN(2)); err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("a second time: %v", err)
	}
	if err := keyfile.Save(path, ringN(2)); err != nil {
		t.Fatal(err)
	}
	if r, err := keyfile.Load(path); err != nil || r.Digest() != ringN(2).Digest() {
		t.Errorf("%v, %v", r, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if list, _ := os.ReadDir(filepath.Dir(path)); len(list) != 1 {
		t.Errorf("there are %v", list)
	}
}

func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string, perm os.FileMode) {
		if err := os.WriteFile(at(name), []byte(text), perm); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(at(name), perm); err != nil {
			t.Fatal(err)
		}
	}
	good := string(ringN(1).Text())
	write("wide", good, 0o640)
	write("other", good, 0o604)
	write("broken", strings.Replace(good, "use", "sue", 1), 0o600)
	write("none-in-it", "gmsd-keys 1\n", 0o600)
	if err := syscall.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, want string }{
		{"missing", "keys gen"},
		{"wide", "chmod 0600"},
		{"other", "chmod 0600"},
		{"broken", "line 4"},
		{"none-in-it", "no key in it"},
		{"pipe", "no regular file"},
		{".", "no regular file"},
	} {
		_, err := keyfile.Load(at(test.name))
		var e *keyfile.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), at(test.name)) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// Root, too, reads no file of another: to give it to root would take it from the daemon.
func TestFileOfAnother(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	path := filepath.Join(t.TempDir(), "keys")
	if err := keyfile.Create(path, ringN(1)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if _, err := keyfile.Load(path); err == nil || !strings.Contains(err.Error(), "belongs to user 12345, and this process runs as 0 (run as that user") {
		t.Errorf("%v", err)
	}
}

// That a save could not be is known before it, in its words.
func TestCheckSave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if err := keyfile.CheckSave(path); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(filepath.Dir(path), 0o500); err != nil { //nolint:gosec // a directory
		t.Fatal(err)
	}
	var before, saved error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never lets it go: the thread ends with us
		if os.Geteuid() == 0 {
			_ = unix.Setfsuid(12345) // root may write anywhere
		}
		before, saved = keyfile.CheckSave(path), keyfile.Save(path, ringN(1))
	}()
	<-done
	if before == nil || saved == nil || before.Error() != saved.Error() {
		t.Errorf("before it %v, then %v", before, saved)
	}
}

// A save that fails leaves the old file, and nothing beside it.
func TestSaveFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "keys")
	var e *keyfile.Error
	if err := keyfile.Save(path, ringN(1)); !errors.As(err, &e) {
		t.Errorf("%v", err)
	}
	dir := filepath.Join(t.TempDir(), "keys")
	if err := os.MkdirAll(filepath.Join(dir, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := keyfile.Save(dir, ringN(1)); !errors.As(err, &e) {
		t.Errorf("over a directory: %v", err)
	}
	if list, _ := os.ReadDir(filepath.Dir(dir)); len(list) != 1 {
		t.Errorf("there are %v", list)
	}
}
