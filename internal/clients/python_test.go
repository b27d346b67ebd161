package clients

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/gms/member/membertest"
	"github.com/gmsd/gmsd/views/groups"
)

// The client in Python reads our vectors, and talks with one in Go that echoes
// what it hears and answers requests.
func TestPython(t *testing.T) {
	f := membertest.NewFake(2, membertest.FakeOptions{})
	w := &wires{conns: make(map[member.Port]net.Conn)}
	echo := w.dial(t, serve(t, f, 0, nil), "go")
	if err := echo.Join(t.Context(), "chat", member.Options{}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		answer(t, echo)
	}()
	cmd := exec.CommandContext(t.Context(), "python3", "-m", "unittest", "-v", "test_gmsd")
	cmd.Dir = "../../clients/python"
	cmd.Env = append(os.Environ(), "GMSD_TEST_SOCKET="+address(serve(t, f, 1, nil)), "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("python: %v\n%s", err, out)
	}
	if strings.Contains(string(out), "skipped") {
		t.Errorf("python skipped tests:\n%s", out)
	}
	_ = echo.Close()
	<-ended
}

// answer echoes what others say, unless the port ends.
func answer(t *testing.T, p member.Port) {
	self := p.Self()
	for {
		events, err := p.Next(t.Context())
		if err != nil {
			return
		}
		for i := range events {
			e := &events[i]
			m := &e.Msg
			if e.Kind != member.KindMessage || sentBy(self, m) || string(m.Payload) == "all?" {
				continue
			}
			said := append([]byte("go: "), m.Payload...)
			if m.Request != 0 {
				err = p.Reply(t.Context(), e.Group, m, said)
			} else {
				err = p.Post(t.Context(), e.Group, m.Order, said)
			}
			if err != nil {
				t.Error(err)
			}
		}
	}
}

func sentBy(p groups.Member, m *member.Message) bool {
	return m.ID.From == p.Process && m.Port == p.Port
}
