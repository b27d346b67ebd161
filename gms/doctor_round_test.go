package gms

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// rounds counts those that were begun since the last call.
func (r *rig) rounds(h *Host, seen *int) int {
	tokens := map[uint64]bool{}
	inLoop(h, func(*loop) {
		for _, in := range r.engine.inputs[*seen:] {
			if s, ok := in.(engine.SendReport); ok && s.Report.Kind == message.ReportWantedFull {
				tokens[s.Report.Token] = true
			}
		}
		*seen = len(r.engine.inputs)
	})
	return len(tokens)
}

// What stands is asked about ever more seldom. Where something of it is well there is a
// round within a minute; a host that is lost is looked at every minute.
func TestRoundsWhileACauseStands(t *testing.T) {
	silent := func(host views.HostID) engine.LinkStatus {
		return engine.LinkStatus{Host: host, Addr: peerAddr, Member: true, UnicastAge: time.Minute, MulticastAge: -1}
	}
	inBubble(t, func(r *rig) { r.engine.on = installOnFrame(r) }, func(t *testing.T, r *rig, h *Host) {
		r.wire.in <- []byte("x") // a view with the peer
		synctest.Wait()
		one, two := silent(peerProcess.Host), silent(views.HostID{9})
		inLoop(h, func(*loop) { r.engine.links = []engine.LinkStatus{one, two} })
		seen := 0
		if n := r.rounds(h, &seen); n != 0 {
			t.Fatalf("%d rounds before anything was wrong", n)
		}
		time.Sleep(20 * time.Minute)
		if n := r.rounds(h, &seen); n < 6 || n > 10 {
			t.Errorf("%d rounds at first, want one ever more seldom", n)
		}
		time.Sleep(time.Hour)
		if n := r.rounds(h, &seen); n < 4 || n > 7 {
			t.Errorf("%d rounds in an hour of the same", n)
		}
		inLoop(h, func(*loop) { r.engine.links = []engine.LinkStatus{one} })
		time.Sleep(roundMost + 2*lookEveryLink)
		if n := r.rounds(h, &seen); n != 1 {
			t.Errorf("%d rounds within a minute after one of two was well", n)
		}
		inLoop(h, func(l *loop) {
			l.doctor.watch.lost = []lostHost{{suspect: suspect{host: views.HostID{8}, addr: peerAddr, why: isLost}, at: l.now}}
		})
		time.Sleep(lostKept)
		if n := r.rounds(h, &seen); n < 8 {
			t.Errorf("%d rounds in the ten minutes after a host was lost", n)
		}
	})
}
