package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func bindError(t *testing.T, cfg Config, key, says string) {
	t.Helper()
	s, err := Listen(cfg)
	if err == nil {
		s.Close(context.Background())
		t.Fatalf("%+v was bound", cfg)
	}
	var b *BindError
	if !errors.As(err, &b) || b.Key != key || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want one about %s that says %q", err, key, says)
	}
	if before := Check(cfg); says != "directory" && fmt.Sprint(before) != err.Error() {
		t.Errorf("Check says %v, Listen %v", before, err)
	}
}

func TestPortInUse(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	bindError(t, Config{TCP: other.Addr().String()}, "admin", "choose another")
	bindError(t, Config{TCP: "192.0.2.77:1"}, "admin", "not one of this machine's")
	bindError(t, Config{TCP: "nonsense"}, "admin", "host:port")
}

func TestSocketMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	s, err := Listen(Config{Socket: path})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestLiveSocketStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	first, err := Listen(Config{Socket: path})
	if err != nil {
		t.Fatal(err)
	}
	first.Serve(newFake(), NewMetrics(""))
	defer first.Close(context.Background())
	bindError(t, Config{Socket: path}, "admin-socket", "another process listens there")
	client := NewClient(path)
	defer client.Close()
	if _, err := client.Do(context.Background(), "GET", "/healthz", nil); err != nil {
		t.Errorf("the first one suffered: %v", err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(fd) // as a killed daemon does: the file stays
	if err := Check(Config{Socket: path, TCP: "127.0.0.1:0"}); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("Check took it away: %v", err)
	}
	s, err := Listen(Config{Socket: path})
	if err != nil {
		t.Fatal(err)
	}
	s.Close(context.Background())
}

func TestWhatIsNoSocketStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	bindError(t, Config{Socket: path}, "admin-socket", "no socket")
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
	bindError(t, Config{Socket: filepath.Join(t.TempDir(), "nodir", "a.sock")}, "admin-socket", "directory")
	bindError(t, Config{Socket: "/" + strings.Repeat("x", 107)}, "admin-socket", "shorter")
}

func TestSocketFailureFreesTheTCPPort(t *testing.T) {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := probe.Addr().String()
	_ = probe.Close()
	bindError(t, Config{TCP: addr, Socket: "/nowhere/a.sock"}, "admin-socket", "directory")
	again, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatalf("the port was kept: %v", err)
	}
	_ = again.Close()
}

func TestNobodyThere(t *testing.T) {
	dir := t.TempDir()
	for _, target := range []string{filepath.Join(dir, "a.sock"), "127.0.0.1:1"} {
		client := NewClient(target)
		_, err := client.Do(context.Background(), "GET", "/healthz", nil)
		if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "is gmsd running?") {
			t.Errorf("%s: %v", target, err)
		}
	}
}
