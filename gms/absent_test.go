package gms

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/discovery"
	"github.com/gmsd/gmsd/internal/stable"
	"github.com/gmsd/gmsd/views"
)

// Who is known and not in the view is named: whom this host was with, and addresses
// that the operator has named; nobody who is in the view, and nobody who was expelled.
func TestAbsentHosts(t *testing.T) {
	seen := time.Unix(1_700_000_000, 0)
	at := func(n byte) netip.AddrPort { return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, n}), 7749) }
	peer := func(n byte) stable.Peer {
		return stable.Peer(discovery.Record{Process: views.Process{Host: views.HostID{n}, Incarnation: 1}, Name: "h", Addr: at(n), Seen: seen})
	}
	setup := func(r *rig) {
		r.store.known = []stable.Peer{peer(2), peer(3), peer(4)}
		r.cfg.Peers = []string{at(2).String(), at(3).String(), at(9).String()}
	}
	inBubble(t, setup, func(t *testing.T, r *rig, h *Host) {
		got := make(chan []AbsentHost, 1)
		if err := h.order(func(l *loop) {
			l.act(r.engine.install(selfProcess, peerProcess))
			got <- l.absentHosts([]views.HostID{{4}})
		}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		list := <-got
		if len(list) != 2 || list[0].Host != (views.HostID{3}) || list[0].Seen != seen || list[0].Source != "cache" ||
			!list[1].Host.IsZero() || list[1].Addr != at(9) || list[1].Source != "peers" {
			t.Errorf("got %+v", list)
		}
	})
}
