package vsync_test

import (
	"slices"
	"testing"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
	"github.com/gmsd/gmsd/views/vsync"
)

// A leaver delivers what it sent before it goes, also behind a place that was
// granted to another and never used, and its caller learns of it once (P16).
func TestLeaverDeliversItsOwnBehindAGap(t *testing.T) {
	a, b, c := member(1, 1), member(2, 1), member(3, 1)
	r := newRig(t, b)
	v := r.bring(10, b, a, c)
	const token = 77
	r.core.Submit(r.now, vsync.Submission{Token: token, Group: "g", Order: views.Agreed, Payload: []byte("x")})
	r.drain()
	mustSend[*message.Request](r)
	r.from(a, &message.Grant{View: v, Ranges: []message.PlaceRange{{K: 3, Count: 1}}}) // 2 went to c
	r.core.Leave(r.now)
	r.drain()
	next := viewOf(11, a)
	r.from(a, &message.Propose{Ballot: next, Base: v, Leaving: []uint16{2}})
	digest := mustSend[*message.Answer](r).Digest
	r.from(a, install(next, []message.InstallGroup{{From: v, Count: 2, Digest: digest}}, a, c))
	if r.stop == nil || r.stop.How != trace.StopGraceful {
		t.Fatalf("did not leave: %+v", r.stop)
	}
	told := 0
	for _, d := range r.got {
		if s, ok := d.(vsync.Submitted); ok && s.Token == token && s.Err == nil {
			told++
		}
	}
	if sent, delivered := events[trace.Send](r), events[trace.Deliver](r); sent != 1 || delivered != 1 || told != 1 {
		t.Errorf("sent %d, delivered %d, told %d times, want once each", sent, delivered, told)
	}
}

// Of those who are gone with a view it is told who did not ask to go, whatever the view was
// made for, and also where only the coordinator heard the one who did.
func TestWhoLeftIsNotRemoved(t *testing.T) {
	for _, heard := range []bool{true, false} {
		a, b, c, d := member(1, 1), member(2, 1), member(3, 1), member(4, 1)
		r := newRig(t, b)
		v := r.bring(10, b, a, c, d)
		next := viewOf(11, a)
		propose := &message.Propose{Ballot: next, Base: v, Without: []uint16{2}}
		if heard {
			r.from(c, &message.Leave{View: v})
		} else {
			propose.Leaving = []uint16{1}
		}
		r.from(a, propose)
		digest := mustSend[*message.Answer](r).Digest
		r.from(a, install(next, []message.InstallGroup{{From: v, Count: 2, Digest: digest}}, a, b))
		if r.core.View().ID != next {
			t.Fatalf("did not install %v: %s", next, r.core.Describe())
		}
		for _, got := range r.got {
			if i, ok := got.(vsync.ViewInstalled); ok && !slices.Equal(i.Removed, []views.HostID{d.Host}) {
				t.Errorf("heard %v: removed are %v", heard, i.Removed)
			}
		}
	}
}
