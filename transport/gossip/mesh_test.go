package gossip

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/gmsd/gmsd/transport/transporttest"
)

// lines keeps what is logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// lastOfMesh gives the last line about another router.
func (l *lines) lastOfMesh() (last string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, toldConnected) || strings.Contains(line, toldLost) {
			last = line
		}
	}
	return last
}

// What a router has told last of another one is true, however their connections crossed.
func TestTheLastLineOfARouterIsTrue(t *testing.T) {
	for range 5 {
		net := transporttest.LoopbackNet(t)
		var logs [2]lines
		var both [2]*Server
		for i := range both {
			s, err := openWith(Config{Bind: net(i), Peers: []string{net(0).String(), net(1).String()}, Logger: slog.New(slog.NewTextHandler(&logs[i], nil))}, quick())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			both[i] = s
		}
		connected(t, both[:]...)
		for i, s := range both {
			s.mu.Lock()
			var is string
			for _, r := range s.routers {
				if is = toldLost; r.link != nil {
					is = toldConnected
				}
			}
			last := logs[i].lastOfMesh()
			s.mu.Unlock()
			if !strings.Contains(last, is) {
				t.Errorf("router %d is %q and has told last: %q", i, is, last)
			}
		}
		_ = both[1].Close()
		eventually(t, "the loss to be told", func() bool { return strings.Contains(logs[0].lastOfMesh(), toldLost) })
	}
}

// All routers may have one list: a router says that it is named itself, and whom it is
// told twice, of which it makes one.
func TestOneListForAllRouters(t *testing.T) {
	net := transporttest.LoopbackNet(t)
	own, other := net(0).String(), net(1).String()
	var log lines
	s, err := openWith(Config{Bind: net(0), Peers: []string{other, own, other}, Logger: slog.New(slog.NewTextHandler(&log, nil))}, quick())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if r := s.Routers(); len(r) != 2 {
		t.Errorf("%+v", r)
	}
	for _, said := range []string{`twice: once is enough" router=` + other, `this router itself, which is no fault" router=` + own} {
		eventually(t, said, func() bool {
			log.mu.Lock()
			defer log.mu.Unlock()
			return strings.Contains(log.text.String(), said)
		})
	}
}
