package tether

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/greeting"
	"github.com/gmsd/gmsd/views/message"
)

// Who examines the way to a host has a tether to it as well, which must not end by that.
func TestExamineLeavesTethersAlone(t *testing.T) {
	b, at, _ := open(t, process(2, 1))
	a, _, _ := open(t, process(1, 1))
	a.Watch([]transport.Target{{Process: process(2, 1), Addr: at}})
	await(t, a, message.EvidenceNone)
	held := func() int {
		b.host.mu.Lock()
		defer b.host.mu.Unlock()
		return b.host.count
	}
	cfg := Config{GroupHash: 7, Self: process(1, 1), Nonce: 70}
	for _, idle := range []time.Duration{0, time.Millisecond} {
		found := Examine(t.Context(), cfg, at, idle)
		tcp, silent := found.TCP, found.Idle
		if want := map[bool]doctor.Finding{false: doctor.Untested, true: doctor.Good}[idle > 0]; tcp != doctor.TCPGood || silent != want {
			t.Errorf("silent for %v: %v, %v", idle, tcp, silent)
		}
	}
	select {
	case e := <-a.Evidence():
		t.Errorf("the tether found %v", e.Found)
	default:
	}
	if held() != 1 {
		t.Errorf("%d tethers are held, want 1", held())
	}
}

// A connection that the other end closes during the silence shows nothing of silence.
func TestExamineClosedMeanwhile(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = greeting.Plain{Use: greeting.Frames, Group: 7, Self: greeting.Peer{Process: process(2, 1)}}.Answer(conn, func(greeting.Peer) error { return nil })
		_ = conn.Close()
	}()
	cfg := Config{GroupHash: 7, Self: process(1, 1), Nonce: 70}
	found := Examine(t.Context(), cfg, netip.MustParseAddrPort(l.Addr().String()), 100*time.Millisecond)
	if found.TCP != doctor.TCPGood || found.Idle != doctor.Untested {
		t.Errorf("%v, %v", found.TCP, found.Idle)
	}
}

func TestExamineNamesTheEnd(t *testing.T) {
	cfg := Config{GroupHash: 7, Self: process(1, 1), Nonce: 70}
	closed := listen(t, "127.0.0.1:0")
	nobody := netip.MustParseAddrPort(closed.Addr().String())
	_ = closed.Close()
	if got := Examine(t.Context(), cfg, nobody, 0).TCP; got != doctor.TCPRefused {
		t.Errorf("nobody listens: %v", got)
	}
	mute := listen(t, "127.0.0.1:0") // its kernel takes the connection
	if got := Examine(t.Context(), cfg, netip.MustParseAddrPort(mute.Addr().String()), 0).TCP; got != doctor.TCPMute {
		t.Errorf("nobody accepts: %v", got)
	}
	_, other, _ := open(t, process(2, 1))
	cfg.GroupHash = 8
	if got := Examine(t.Context(), cfg, other, 0).TCP; got != doctor.TCPGood {
		t.Errorf("of another group: %v", got)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if got := Examine(over, cfg, other, 0).TCP; got != doctor.TCPUntested {
		t.Errorf("given up: %v", got)
	}
}
