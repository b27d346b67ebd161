package admin

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// silentPeer listens and never answers; with a word it says that and hangs up.
func silentPeer(t *testing.T, word string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			if word != "" {
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = conn.Write([]byte(word))
				_ = conn.Close()
			}
		}
	}()
	return l.Addr().String()
}

func TestTheClientSaysWhyThereIsNoAnswer(t *testing.T) {
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancelLate := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancelLate()
	for _, c := range []struct {
		ctx    context.Context
		target string
		is     error
		says   string
	}{
		{t.Context(), "not:a:port", ErrUnreachable, "want host:port, https://host:port or the path of a socket"},
		{t.Context(), "http://127.0.0.1:7750", ErrUnreachable, "want host:port, https://host:port or the path of a socket"},
		{t.Context(), "unix:///run/gmsd/admin.sock", ErrUnreachable, "the path of a socket"},
		{t.Context(), filepath.Join(t.TempDir(), "admin.sock"), ErrUnreachable, "is gmsd running?"},
		{t.Context(), silentPeer(t, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), ErrUnreachable, "has it ended?"},
		{late, silentPeer(t, ""), context.DeadlineExceeded, "--timeout"},
		{interrupted, silentPeer(t, ""), context.Canceled, "interrupted"},
	} {
		client := NewClient(c.target)
		_, err := client.Do(c.ctx, http.MethodGet, "/v1/view", nil)
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), c.target) && c.is != context.Canceled || strings.Contains(err.Error(), "context ") {
			t.Errorf("%s: %v", c.target, err)
		}
		client.Close()
	}
}

func TestAStreamThatBreaksOff(t *testing.T) {
	client := NewClient(silentPeer(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nline\n\r\n9\r\n"))
	defer client.Close()
	lines := 0
	var last error
	for _, err := range client.Lines(t.Context(), "/v1/events") {
		if last = err; err == nil {
			lines++
		}
	}
	if lines != 1 || !errors.Is(last, ErrUnreachable) {
		t.Errorf("%d lines, then %v", lines, last)
	}
}
