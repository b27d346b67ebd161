package clients

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/gms/member/membertest"
	"github.com/gmsd/gmsd/internal/clientwire"
	"github.com/gmsd/gmsd/internal/socketfile"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

func TestListenFaults(t *testing.T) {
	open := func(string) (member.Port, error) { return nil, member.ErrClosed }
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	alive := serve(t, membertest.NewFake(1, membertest.FakeOptions{}), 0, nil)
	for _, c := range []struct {
		where, text string
	}{
		{"nothing", "is no address"},
		{file, socketfile.ErrNotSocket.Error()},
		{alive.Addrs()[0].String(), socketfile.ErrAlive.Error()},
		{"tcp:0.0.0.0:0", "not of this host alone"},
		{"unix:" + strings.Repeat("x", 108), "it may have 107"},
		{"tcp:[::]:0", "not of this host alone"},
		{filepath.Join(t.TempDir(), "no", "such"), "no such file"},
	} {
		if s, err := Listen(Config{Open: open, Listen: []string{c.where}}); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, %v; want %q", c.where, s, err, c.text)
		} else if before := new(Config).Check(c.where); c.text != "no such file" && fmt.Sprint(before) != err.Error() {
			t.Errorf("%s: Check says %v, Listen %v", c.where, before, err)
		}
	}
	if _, err := Listen(Config{}); !errors.Is(err, ErrNoOpen) {
		t.Errorf("without Open: %v", err)
	}
}

// A socket has its mode from its first moment, and that of a killed daemon is
// replaced.
func TestSocketFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = l.Close()
	serve(t, membertest.NewFake(1, membertest.FakeOptions{}), 0, func(c *Config) {
		c.Listen, c.SocketMode = []string{"unix:" + path}, 0o660
	})
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestConnectionsMax(t *testing.T) {
	s := serve(t, membertest.NewFake(1, membertest.FakeOptions{}), 0, func(c *Config) { c.Connections = 2 })
	greet(t, s, 1)
	greet(t, s, 1)
	connect(t, s).cut(clientwire.CodeBusy, "too many connections")
	if st := s.Stats(); st.Clients != 2 || st.Accepted != 2 || st.Errors["busy"] != 1 {
		t.Errorf("stats %+v", st)
	}
}

// A goodbye comes behind all that was sent; the others see who said it leave.
func TestGoodbye(t *testing.T) {
	f := membertest.NewFake(1, membertest.FakeOptions{})
	s := serve(t, f, 0, nil)
	other, err := f.Open(0, "other")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Join(t.Context(), "g", member.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		last []byte
		why  groups.Why
	}{{clientwire.AppendBye(nil), groups.Left}, {nil, groups.Crashed}} {
		r := greet(t, s, 1<<20)
		r.write(bind(0, "g"), join(0, 1))
		r.await(clientwire.TypeDone)
		for range 50 {
			r.write(post(0, 1000))
		}
		if c.last != nil {
			r.write(c.last)
		} else {
			r.write(clientwire.AppendPing(nil, 1))
			r.await(clientwire.TypePong)
			_ = r.conn.Close()
		}
		messages := 0
		for gone := false; !gone; {
			events, err := other.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				if e.Kind == member.KindMessage {
					messages++
				}
				if e.Kind == member.KindView && len(e.View.Left) > 0 {
					gone = true
					if e.View.Left[0].Why != c.why {
						t.Errorf("left as %v, want %v", e.View.Left[0].Why, c.why)
					}
				}
			}
		}
		if messages != 50 {
			t.Errorf("%d messages before it went as %v", messages, c.why)
		}
	}
}

// A number may be given to another group when the port is out of the first.
func TestNumberIsUsedAgain(t *testing.T) {
	s := serve(t, membertest.NewFake(1, membertest.FakeOptions{}), 0, nil)
	r := greet(t, s, 1<<20)
	for i, g := range []string{"a", "b", "a"} {
		token := uint64(2*i + 1) //nolint:gosec // small
		r.write(bind(0, g), join(0, token))
		r.await(clientwire.TypeView)
		r.write(clientwire.AppendLeave(nil, &clientwire.Leave{Handle: 0, Token: token + 1}))
		r.await(clientwire.TypeParted)
	}
}

func TestSenderTable(t *testing.T) {
	var table senderTable
	table.init()
	for round := range 2 {
		for i := range uint32(clientwire.SendersMax + 1) {
			n, isNew := table.index(views.Process{}, i+1)
			if !isNew || n >= clientwire.SendersMax {
				t.Fatalf("round %d: sender %d has number %d, new %v", round, i, n, isNew)
			}
			if again, isNew := table.index(views.Process{}, i+1); again != n || isNew {
				t.Fatalf("sender %d: %d, then %d", i, n, again)
			}
		}
	}
	if len(table.of) != clientwire.SendersMax || len(table.keys) != clientwire.SendersMax {
		t.Errorf("%d and %d senders", len(table.of), len(table.keys))
	}
}

// The log says who came, from which user, and why it went.
func TestLog(t *testing.T) {
	var lines syncBuffer
	s := serve(t, membertest.NewFake(1, membertest.FakeOptions{}), 0, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(&lines, nil))
	})
	r := greet(t, s, 1)
	r.write([]byte{0, 0, 0, 0})
	r.cut(clientwire.CodeProtocol, "")
	_ = s.Close()
	text := lines.String()
	for _, want := range []string{"client=raw", "uid=", "pid=", "code=protocol"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, "uid=-1") {
		t.Errorf("no user in\n%s", text)
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// Close tells all, and ends.
func TestClose(t *testing.T) {
	s := serve(t, membertest.NewFake(1, membertest.FakeOptions{}), 0, nil)
	r := greet(t, s, 1)
	_ = s.Close()
	_ = s.Close()
	r.cut(clientwire.CodeClosed, "the daemon stops")
	if st := s.Stats(); st.Clients != 0 || st.BytesIn == 0 || st.BytesOut == 0 || st.FramesIn == 0 || st.FramesOut == 0 {
		t.Errorf("stats %+v", st)
	}
}
