package vsync_test

import (
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
			r.forget()
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

// Invited were those who are still in V, and one who went on from there to W. Who missed the
// install of W is sent there, and comes from W, as the other one does.
func TestTwoRegimesOfWhichOneFollowsTheOther(t *testing.T) {
	a, b, c, d := member(1, 1), member(2, 1), member(3, 1), member(4, 1)
	r := newRig(t, a)
	v, w := viewOf(5, b), viewOf(6, b)
	// c and d count b as failed: it was not heard for a while.
	ballot := r.invites(regime{v, c, []views.Member{c, d}}, regime{w, b, []views.Member{b, c, d}})
	r.from(b, there(b, ballot, v, w))
	r.from(c, behind(c, ballot, v, w))
	r.from(d, behind(d, ballot, v, w))
	if m := mustSend[*message.Catchup](r); m.View != w {
		t.Fatalf("sends them to %+v", m)
	}
	r.from(c, there(c, ballot, v, w))
	r.from(d, there(d, ballot, v, w))
	if n := r.core.View().Size(); n != 4 && n != 1 {
		t.Errorf("of the three of %v some come and some do not: %v", w, r.core.View())
	}
}

// A newcomer n led V to W; invited were those of V, and n from W.
func TestARegimeThatHasGoneToOneThatIsInvited(t *testing.T) {
	a, b, c, d, n := member(1, 1), member(2, 1), member(3, 1), member(4, 1), member(5, 1)
	r := newRig(t, a)
	v, w := viewOf(5, b), viewOf(6, n)
	ballot := r.invites(regime{v, d, []views.Member{b, c, d}}, regime{w, n, []views.Member{n, b, c, d}})
	r.from(b, &message.Nack{Ballot: ballot, Promised: w}) // it is in W
	r.from(n, there(n, ballot, viewOf(1, n), w))
	for _, m := range []views.Member{c, d} {
		missed := behind(m, ballot, v, w)
		missed.Missed, missed.Holder = w, n.Addr
		r.from(m, missed)
	}
	for _, m := range []views.Member{c, d} {
		r.from(m, there(m, ballot, v, w))
	}
	if got := r.core.View(); got.Size() != 1 && got.Size() != 5 {
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
