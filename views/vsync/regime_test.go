package vsync_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/vsync"
)

// Whole regimes come or none: the members of one view are all in the next one of an inviter,
// or it goes on without any of them. In all tests here V is followed by W.

// regime is a view that is heard of one of its members, who tells a roster when asked.
type regime struct {
	view    views.ViewID
	contact views.Member
	members []views.Member
}

// invites lets regimes be heard, and answer what they are asked, until this host proposes.
func (r *rig) invites(all ...regime) views.ViewID {
	r.t.Helper()
	for end := r.now.Add(5 * time.Second); r.now < end; {
		r.forget()
		for _, g := range all {
			r.from(g.contact, &message.Heartbeat{View: g.view, Size: uint16(len(g.members))}) //nolint:gosec // small
		}
		r.run(10 * time.Millisecond)
		for i := 0; i < len(r.sent); i++ { // it grows
			for _, g := range all {
				g.hear(r, r.sent[i])
			}
		}
		if p := lastSent[*message.Propose](r); p != nil {
			return p.Ballot
		}
	}
	r.t.Fatalf("nothing is proposed: %s", r.core.Describe())
	return views.ViewID{}
}

// hear answers what is asked of the regime.
func (g *regime) hear(r *rig, s vsync.Send) {
	switch m := s.Msg.(type) {
	case *message.Ask:
		if len(s.To) == 1 && s.To[0] == g.contact.Addr {
			r.from(g.contact, &message.Roster{Token: m.Token, View: g.view, Promised: g.view.Seq + 1, Members: g.members})
		}
	case *message.Ping:
		for _, o := range g.members {
			if m.To == o.Process {
				r.from(o, &message.Pong{Token: m.Token})
			}
		}
	}
}

// behind is the answer of one that is in V still and has promised W.
func behind(m views.Member, ballot, v, w views.ViewID) *message.Answer {
	a := answerAs(m, ballot, v)
	a.Highest = w
	return a
}

// there is the answer of one that has come from V to W.
func there(m views.Member, ballot, v, w views.ViewID) *message.Answer {
	a := answerAs(m, ballot, w)
	a.Prev, a.Joiner = v, false
	return a
}

// Of two views that name one host the later is invited, whole, and the other waits.
func TestOfTwoViewsThatNameOneHostTheLaterIsInvited(t *testing.T) {
	a, b, c, d, n := member(1, 1), member(2, 1), member(3, 1), member(4, 1), member(5, 1)
	v := regime{viewOf(5, b), d, []views.Member{c, d}}
	for _, w := range []regime{
		{viewOf(6, b), b, []views.Member{b, c, d}}, // c and d counted b as failed
		{viewOf(6, n), n, []views.Member{n, c}},    // c alone went there
	} {
		r := newRig(t, a)
		r.invites(v, w)
		p := mustSend[*message.Propose](r)
		if !slices.Equal(p.Plus, processes(w.members)) {
			t.Errorf("invites %v, want %v", p.Plus, processes(w.members))
		}
		for _, m := range w.members {
			at := slices.Index(p.Plus, m.Process)
			if at < 0 || p.PlusMark[at] != message.Mark(w.view, m.Nonce) {
				t.Errorf("%s is not expected from %v", m.Name, w.view)
			}
		}
	}
}

// A newcomer n led V to W, and all four are invited from there. Who has not got the install
// refuses: nobody of W is taken.
func TestOneThatIsBehindTakesAllWithIt(t *testing.T) {
	a, b, c, d, n := member(1, 1), member(2, 1), member(3, 1), member(4, 1), member(5, 1)
	r := newRig(t, a)
	v, w := viewOf(5, b), viewOf(6, n)
	ballot := r.invites(regime{v, d, []views.Member{b, c, d}}, regime{w, n, []views.Member{n, b, c, d}})
	r.from(b, there(b, ballot, v, w))
	r.from(n, there(n, ballot, viewOf(1, n), w))
	for _, m := range []views.Member{c, d} {
		r.from(m, &message.Nack{Ballot: ballot, Promised: w})
	}
	if got := r.core.View(); got.Size() != 1 {
		t.Errorf("of the four of %v some come and some do not: %v", w, got)
	}
}

// One of V has gone to W and refuses, and did not tell the roster; the others had promised W
// and have not met it. They belong where that one is.
func TestWhoPromisedWhereAnotherHasGoneIsLeft(t *testing.T) {
	a, b, c, d, n := member(1, 1), member(2, 1), member(3, 1), member(4, 1), member(5, 1)
	r := newRig(t, a)
	v, w := viewOf(5, b), viewOf(6, n)
	ballot := r.invites(regime{v, d, []views.Member{b, c, d}})
	r.from(b, &message.Nack{Ballot: ballot, Promised: w})
	r.from(c, behind(c, ballot, v, w))
	r.from(d, behind(d, ballot, v, w))
	if n := r.core.View().Size(); n != 1 {
		t.Errorf("goes on with %s", r.core.Describe())
	}
}

// This host and b have answered n, which has decided W with them; the install is lost until
// this host leads another change. It is sent after W, where n is, too: n is asked as well.
func TestWhoLeadsAndHasMissedAViewTakesAllOfItAlong(t *testing.T) {
	a, b, n := member(1, 1), member(2, 1), member(5, 1)
	r := newRig(t, a)
	v := r.lead(a, b)
	w := viewOf(v.Seq+1, n)
	r.from(n, &message.Propose{
		Ballot: w, Base: viewOf(1, n), Plus: []views.Process{a.Process, b.Process},
		PlusMark: []uint64{message.Mark(v, a.Nonce), message.Mark(v, b.Nonce)},
	})
	if m := mustSend[*message.Answer](r); m.Ballot != w {
		t.Fatalf("answers %+v", m)
	}
	r.forget()
	r.run(3 * time.Second) // n says nothing
	first := mustSend[*message.Propose](r)
	r.forget()
	r.from(n, &message.Heartbeat{View: w, Size: 3})
	mustSend[*message.Fetch](r)
	groups := []message.InstallGroup{{From: viewOf(1, n), Count: 1, Digest: emptyDigest}, {From: v, Count: 2, Digest: emptyDigest}}
	r.from(n, install(w, groups, n, a, b))
	if p := mustSend[*message.Propose](r); p.Base != w || len(p.Without) != 0 || !first.Ballot.Less(p.Ballot) {
		t.Errorf("proposes %+v, %s", p, r.core.Describe())
	}
}
