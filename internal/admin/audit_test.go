package admin

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/adminca"
)

// logged is a log that can be read while it is written.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// audit gives the lines of the audit.
func (l *logged) audit() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for line := range strings.Lines(l.buf.String()) {
		if strings.Contains(line, " msg=admin ") {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

func TestEveryChangeIsAudited(t *testing.T) {
	s := serveSealed(t, nil)
	reader, operator := s.client(adminca.Read, "rita"), s.client(adminca.Operate, "otto")
	_, _ = operator.Do(t.Context(), "POST", "/v1/keys", []byte(`{"op":"use","id":"1a1b1c1d"}`))
	_, _ = operator.Do(t.Context(), "POST", "/v1/keys", []byte(`{"op":"bad\nmsg=admin who=root"}`))
	_, _ = operator.Do(t.Context(), "POST", "/v1/evict/h2%0Amsg=admin", nil)
	_, _ = operator.Do(t.Context(), "GET", "/v1/view", nil)
	_, _ = reader.Do(t.Context(), "POST", "/v1/leave", nil)
	_, _ = s.tcp.Do(t.Context(), "POST", "/v1/leave?"+strings.Repeat("x", 2*auditBytes), nil)
	s.do("PUT", "/v1/attrs", "{}")
	s.do("POST", "/v1/groups/news/messages", "hello")
	want := []string{
		`who="certificate otto \(operate, serial .*, key ` + keyN(1).ID().String() + `\)" method=POST route=/v1/keys code=200 what="use 1a1b1c1d" view=2@`,
		`certificate otto.* code=400 what="bad\\nmsg=admin who=root `,
		`certificate otto.* route="?/v1/evict/h2%0Amsg=admin"? code=404`,
		`certificate rita \(read.* method=POST route=/v1/leave code=403`,
		`who="anybody at 127.0.0.1:[0-9]*" method=POST route="?/v1/leave\?x+\.\.\."? code=403`,
		`who="uid [0-9]+ \(pid [0-9]+\)" method=PUT route=/v1/attrs code=200`,
		`method=POST route=/v1/groups/news/messages code=200`,
	}
	got := s.log.audit()
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range want {
		if !matches(want[i], got[i]) {
			t.Errorf("line %d\n%s\nis not\n%s", i, got[i], want[i])
		}
	}
}

// A flood of one kind is not logged whole, tells how much of it was not, and hides
// nothing of another kind.
func TestAFloodIsNotLoggedWhole(t *testing.T) {
	var mu sync.Mutex
	at := time.Unix(1_700_000_000, 0)
	s := serveSealed(t, func(server *Server) {
		server.now = func() time.Time { mu.Lock(); defer mu.Unlock(); return at }
		server.sends = newLines(server.now)
	})
	for range 3 * linesBurst {
		_, _ = s.tcp.Do(t.Context(), "POST", "/v1/leave", nil)
		s.do("POST", "/v1/groups/news/messages", "x")
		s.do("PUT", "/v1/attrs", "{}")
	}
	if got := len(s.log.audit()); got != linesBurst+linesBurst+3*linesBurst {
		t.Errorf("%d lines", got)
	}
	mu.Lock()
	at = at.Add(linesWait)
	mu.Unlock()
	for range 2 {
		_, _ = s.tcp.Do(t.Context(), "POST", "/v1/leave", nil)
	}
	got := s.log.audit()
	if len(got) != 5*linesBurst+1 || !strings.HasSuffix(got[len(got)-1], " unlogged=40") {
		t.Errorf("%d lines, the last: %s", len(got), got[len(got)-1])
	}
	metrics, err := s.socket.Do(t.Context(), http.MethodGet, "/metrics", nil)
	if err != nil || !strings.Contains(string(metrics), `gmsd_admin_refused_total{why="read-only"} 62`) {
		t.Errorf("%v: not all are counted", err)
	}
}
