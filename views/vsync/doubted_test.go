package vsync_test

import (
	"testing"

	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
	"github.com/gmsd/gmsd/views/vsync"
)

// gaveUp reports whether a ballot was given up since the last forget.
func (r *rig) gaveUp() bool {
	for _, e := range r.log {
		if p, ok := e.(trace.Phase); ok && p.Phase == "abandon" {
			return true
		}
	}
	return false
}

// When a cut heals, a host is invited by one that the detector of its old view still
// counts as failed, on the word of members that have left. It has just heard that one:
// any other news of the detector does not end the ballot. That it is given up anew does.
func TestWhoInvitesUsIsNotGivenUpForWhatWasBefore(t *testing.T) {
	a, b, c := member(1, 1), member(2, 1), member(3, 1)
	r := newRig(t, b)
	v := r.bring(10, b, a, c)
	rank := func(of vsync.Opinion) vsync.Opinion { of.View = v; return of }
	inviter := uint16(1)
	if r.core.View().Members[inviter].Host != c.Host {
		t.Fatalf("the view is %v", r.core.View().Members)
	}
	r.core.HandleOpinion(r.now, rank(vsync.Opinion{Failed: []uint16{inviter}}))
	r.drain()
	r.forget()
	r.from(c, &message.Propose{Ballot: viewOf(20, c), Base: v})
	if m := mustSend[*message.Answer](r); m.Ballot != viewOf(20, c) {
		t.Fatalf("answers %+v", m)
	}
	r.core.HandleOpinion(r.now, rank(vsync.Opinion{Failed: []uint16{inviter}, Suspected: []uint16{0}}))
	if r.drain(); r.gaveUp() {
		t.Errorf("gave up the ballot of one that it has just heard: %s", r.core.Describe())
	}
	r.core.HandleOpinion(r.now, rank(vsync.Opinion{}))
	r.core.HandleOpinion(r.now, rank(vsync.Opinion{Failed: []uint16{inviter}}))
	if r.drain(); !r.gaveUp() {
		t.Errorf("waits for one that failed since: %s", r.core.Describe())
	}
}
