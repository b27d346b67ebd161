package socketfile_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/internal/socketfile"
)

// Check says what Listen refuses, in the same words, and what is in the way stays.
func TestInTheWay(t *testing.T) {
	for _, c := range []struct {
		name string
		want error
		make func(path string) error
	}{
		{"a file", socketfile.ErrNotSocket, func(path string) error { return os.WriteFile(path, []byte("precious"), 0o600) }},
		{"a directory", socketfile.ErrNotSocket, func(path string) error { return os.Mkdir(path, 0o700) }},
		{"alive", socketfile.ErrAlive, func(path string) error {
			l, err := net.Listen("unix", path)
			if err == nil {
				t.Cleanup(func() { _ = l.Close() })
			}
			return err
		}},
		{"of datagrams", socketfile.ErrUnsure, func(path string) error {
			c, err := net.ListenPacket("unixgram", path)
			if err == nil {
				t.Cleanup(func() { _ = c.Close() })
			}
			return err
		}},
	} {
		path := filepath.Join(t.TempDir(), "s")
		if err := c.make(path); err != nil {
			t.Fatal(err)
		}
		before := socketfile.Check(path)
		l, err := socketfile.Listen(path, 0o600)
		if !errors.Is(err, c.want) || l != nil || fmt.Sprint(before) != err.Error() || strings.Contains(err.Error(), path) {
			t.Errorf("%s: Check says %v, Listen %v; want %v", c.name, before, err, c.want)
		}
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("%s: it is gone: %v", c.name, err)
		}
	}
}

func TestPaths(t *testing.T) {
	long := "/" + strings.Repeat("x", 107)
	for path, want := range map[string]error{long: socketfile.ErrLong, long[:108-1]: nil, filepath.Join(t.TempDir(), "no", "s"): nil} {
		if err := socketfile.Check(path); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	if _, err := socketfile.Listen(filepath.Join(t.TempDir(), "no", "s"), 0o600); err == nil || err.Error() != unix.ENOENT.Error() {
		t.Errorf("%v", err)
	}
}

// What a killed daemon leaves is replaced by Listen alone, and has the mode.
func TestStaleIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err := errors.Join(err, unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Close(fd)); err != nil {
		t.Fatal(err)
	}
	if err := socketfile.Check(path); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("Check took it away: %v", err)
	}
	l, err := socketfile.Listen(path, 0o620)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if info, err := os.Lstat(path); err != nil || info.Mode() != fs.ModeSocket|0o620 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
