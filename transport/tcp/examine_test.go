package tcp

import (
	"testing"

	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/tether"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Who examines the way to a peer has a connection to it as well, which must not end by
// that, nor be taken for a newer one.
func TestExaminationLeavesTheConnectionAlone(t *testing.T) {
	a, b := open(t, 1, nil), open(t, 2, nil)
	a.Watch([]transport.Target{{Process: b.self.Process, Addr: b.Local()}})
	a.await(message.EvidenceNone)
	a.send(b.Local(), "before")
	b.next()
	ends := b.ends()
	cfg := tether.Config{GroupHash: 7, Self: a.self.Process, Nonce: a.self.Nonce, Streams: true}
	if got := tether.Examine(t.Context(), cfg, b.Local(), 1); got.TCP != doctor.TCPGood || got.Idle != doctor.Good || got.Long != doctor.Good {
		t.Errorf("%+v", got)
	}
	cfg.Streams = false
	if got := tether.Examine(t.Context(), cfg, b.Local(), 1); got.Host != b.self.Host || got.Refused == nil || got.Refused.Code != views.RefuseTransport {
		t.Errorf("to one of another transport it is %+v", got)
	}
	a.send(b.Local(), "after")
	if got := b.next(); string(got.Buf) != "after" {
		t.Errorf("got %q", got.Buf)
	}
	if now := b.ends(); now != ends || ends == "" {
		t.Errorf("the connection was %q and is %q", ends, now)
	}
	select {
	case e := <-a.Evidence():
		t.Errorf("it found %v", e.Found)
	default:
	}
}
