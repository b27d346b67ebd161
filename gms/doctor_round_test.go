package gms

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/internal/doctor"
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

// A cause that lies at this host is found again at each look at a member, and is not new
// each time; nor is it forgotten because a round names this host and not the member.
func TestWhatIsSaidIsNotNew(t *testing.T) {
	inBubble(t, func(r *rig) { r.engine.on = installOnFrame(r) }, func(t *testing.T, r *rig, h *Host) {
		r.wire.in <- []byte("x") // a view with the peer
		synctest.Wait()
		peer := peerProcess.Host
		inLoop(h, func(l *loop) {
			d, v := &l.doctor, l.view()
			here := []Verdict{{Cause: "mtu-black-hole", To: doctor.Place{Host: l.self.Host}}}
			for _, c := range []struct {
				what, why string
				found     []Verdict
				fresh     bool
			}{
				{"nothing is said", "mtu-black-hole", nil, true},
				{"it is said of this host", "mtu-black-hole", here, false},
				{"it is said of the member", "mtu-black-hole", []Verdict{{Cause: "mtu-black-hole", From: doctor.Place{Host: peer}}}, false},
				{"it is said of another", "mtu-black-hole", []Verdict{{Cause: "mtu-black-hole", From: doctor.Place{Host: views.HostID{9}}}}, true},
				{"another thing is said", "key-differs", here, true},
			} {
				d.found, d.samples.odd, d.watch.wrong, d.watch.fresh = c.found, nil, nil, false
				l.findOdd(peer, c.why)
				if list := l.watchLinks(v); len(list) != 1 || d.watch.fresh != c.fresh {
					t.Errorf("%s: looks at %d, fresh %t", c.what, len(list), d.watch.fresh)
				}
			}
			for _, c := range []struct {
				what string
				list []Verdict
				kept int
			}{{"of nobody", nil, 0}, {"of this host", here, 1}} {
				l.findOdd(peer, "mtu-black-hole")
				d.samples.judged(l.now+1, l.now, l.self.Host, c.list)
				if len(d.samples.odd) != c.kept {
					t.Errorf("a verdict %s: %d are kept, want %d", c.what, len(d.samples.odd), c.kept)
				}
				d.samples.odd = nil
			}
		})
	})
}

// A few lost of few are asked about by short questions, once in ten seconds.
func TestAFewLost(t *testing.T) {
	for _, c := range []struct {
		numbered, lost, short int
		want                  bool
	}{
		{3, 1, 0, false},
		{8, 2, 0, false},
		{7, 2, 0, true},
		{9, 4, 0, true},
		{9, 4, 16, false},
		{100, 20, 0, false},
	} {
		s := engine.LinkStatus{Numbered: c.numbered, Lost: c.lost, Short: c.short}
		if got := losesSome(&s); got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
}
