package mcast

import (
	"net/netip"
	"testing"
	"time"

	"github.com/gmsd/gmsd/transport/transporttest"
)

// What waits to be read when the time to listen is over was heard: who stood still until
// then has read nothing.
func TestWhatWaitsIsHeard(t *testing.T) {
	tr, err := Open(Config{
		Bind: netip.MustParseAddrPort("127.0.0.1:0"), Group: transporttest.MulticastGroup(transporttest.LoopbackNet(t)), GroupHash: 1,
		Self: transporttest.Process(1, 1),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tr.Close() }()
	conn, err := tr.link.overhear()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	own := tr.port.Bound()
	for _, said := range []bool{false, true} {
		if said {
			for range 4 {
				if err := tr.Seek([]byte("hello")); err != nil {
					t.Fatal(err)
				}
			}
			// A socket of later hears none of it.
			if heard, n, err := tr.HearsItself(t.Context(), 0); heard || n != 0 || err != nil {
				t.Errorf("what was said before: heard %v of %d, %v", heard, n, err)
			}
		}
		_ = conn.SetReadDeadline(time.Unix(1, 0))
		if heard, err := hears(conn, own); heard || err != nil {
			t.Errorf("after the deadline: heard %v, %v", heard, err)
		}
		if queued, err := isQueued(conn, own); queued != said || err != nil {
			t.Errorf("said %v: queued %v, %v", said, queued, err)
		}
	}
	if queued, err := isQueued(conn, own); queued || err != nil {
		t.Errorf("read twice: %v, %v", queued, err)
	}
}
