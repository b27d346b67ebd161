package vsync_test

import (
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/vsync"
)

// bound is b in a view with a, c and d, and has met the second life of a host 5. It
// has answered c's ballot and then d's, which is higher; c's was decided, with b in it.
type bound struct {
	*rig
	a, b, c, d     views.Member
	base           views.ViewID
	missed, ballot views.ViewID
	install        *message.Install
}

func newBound(t *testing.T) *bound {
	a, b, c, d := member(1, 1), member(2, 1), member(3, 1), member(4, 1)
	r := newRig(t, b)
	r.bring(9, b, a, member(5, 2))
	v := r.bring(10, b, a, c, d)
	s := &bound{r, a, b, c, d, v, viewOf(11, c), viewOf(12, d), nil}
	s.install = install(s.missed, []message.InstallGroup{{From: v, Count: 2, Digest: emptyDigest}}, c, b)
	r.from(c, &message.Propose{Ballot: s.missed, Base: v, Without: []uint16{0}})
	r.from(d, &message.Propose{Ballot: s.ballot, Base: v, Without: []uint16{0}})
	if m := mustSend[*message.Answer](r); m.Ballot != s.ballot || m.HasMissed() {
		t.Fatalf("answers %+v", m)
	}
	r.forget()
	return s
}

func (s *bound) catchup() *message.Catchup {
	return &message.Catchup{Ballot: s.ballot, View: s.missed, Holder: s.c.Addr}
}

// The install finds b bound to d's ballot: it says so and waits, catches up when it
// is told to, and answers again from there.
func TestAMissedViewIsToldAndInstalledOnDemand(t *testing.T) {
	s := newBound(t)
	s.from(s.c, s.install)
	if m := mustSend[*message.Answer](s.rig); m.Ballot != s.ballot || m.Missed != s.missed || m.Holder != s.c.Addr {
		t.Errorf("answers %+v", m)
	}
	if s.core.View().ID == s.missed {
		t.Fatal("installed what it was not sent to")
	}
	s.from(s.d, s.catchup())
	mustSend[*message.Fetch](s.rig)
	s.from(s.c, s.install)
	if m := mustSend[*message.Answer](s.rig); s.core.View().ID != s.missed || m.From != s.missed || m.HasMissed() {
		t.Errorf("answers %+v, %s", m, s.core.Describe())
	}
}

// Who gets no install says no in time, and holds to that: d has decided meanwhile.
func TestWhoDeclinesAViewDoesNotComeToIt(t *testing.T) {
	s := newBound(t)
	s.from(s.d, s.catchup())
	for range 15 {
		s.run(100 * time.Millisecond)
		s.from(s.d, &message.Hold{Ballot: s.ballot})
	}
	if m := mustSend[*message.Catchup](s.rig); m.View != s.missed {
		t.Fatalf("declines %+v", m)
	}
	s.forget()
	s.from(s.d, s.catchup())
	s.from(s.c, s.install)
	if s.core.View().ID == s.missed || lastSent[*message.Fetch](s.rig) != nil {
		t.Errorf("goes after it again: %s", s.core.Describe())
	}
	mustSend[*message.Catchup](s.rig)
}

// A coordinator that sends one after a view of the very seq of its ballot would wait
// for ever: that is declined.
func TestAViewBesideTheBallotIsDeclined(t *testing.T) {
	s := newBound(t)
	m := s.catchup()
	m.View = viewOf(12, s.c)
	s.from(s.d, m)
	if m := mustSend[*message.Catchup](s.rig); m.View != viewOf(12, s.c) || lastSent[*message.Fetch](s.rig) != nil {
		t.Errorf("%+v, %s", m, s.core.Describe())
	}
}

// A view with an earlier life of a host that b has met is declined, not waited for:
// the ballot goes on with b where it is. It was sent there for ever (seed 520000335).
func TestAMissedViewWithAnEarlierLifeIsDeclined(t *testing.T) {
	s := newBound(t)
	old := member(5, 1)
	s.install.Members = append(s.install.Members, old)
	s.install.Layout[0].Count++
	s.install.Groups = append(s.install.Groups, message.InstallGroup{From: viewOf(3, old), Count: 1})
	s.from(s.d, s.catchup())
	s.from(s.c, s.install)
	if m := mustSend[*message.Catchup](s.rig); m.View != s.missed || s.core.View().ID == s.missed {
		t.Errorf("declines %+v, %s", m, s.core.Describe())
	}
	if m := mustSend[*message.Refuse](s.rig); m.To != old.Process {
		t.Errorf("told %+v", m)
	}
}

// One who was told that a view was decided without it has not missed that view when it
// hears its members: they may not hear it, and would be asked for the install in every
// ballot that follows (seed 950003215). A late copy of the proposal changes nothing.
func TestWhoWasLeftOutOfAViewHasNotMissedIt(t *testing.T) {
	a, b, c, d := member(1, 1), member(2, 1), member(3, 1), member(4, 1)
	r := newRig(t, b)
	v := r.bring(10, b, a, c, d)
	decided, ballot := viewOf(11, c), viewOf(12, d)
	propose := &message.Propose{Ballot: decided, Base: v, Without: []uint16{0}}
	r.from(c, propose)
	r.from(c, install(decided, []message.InstallGroup{{From: v, Count: 1, Digest: emptyDigest}}, c))
	r.from(c, propose)
	r.from(d, &message.Propose{Ballot: ballot, Base: v, Without: []uint16{0}})
	r.forget()
	r.from(c, &message.Heartbeat{View: decided, Size: 1})
	r.run(time.Second)
	if m := mustSend[*message.Answer](r); m.Ballot != ballot || m.HasMissed() {
		t.Errorf("answers %+v", m)
	}
}

// Coordinators that do not count on each other propose one above the other, each sooner
// than b gives up its search. It gives up all the same, in the time of one search.
func TestBallotsOneAboveTheOtherDoNotProlongASearch(t *testing.T) {
	s := newBound(t)
	for i := range views.Seq(3) {
		coordinator := []views.Member{s.d, s.a}[i%2]
		s.ballot = viewOf(12+i, coordinator)
		s.from(coordinator, &message.Propose{Ballot: s.ballot, Base: s.base})
		s.from(coordinator, s.catchup())
		s.run(650 * time.Millisecond)
	}
	if m := mustSend[*message.Catchup](s.rig); m.View != s.missed {
		t.Fatalf("declines %+v", m)
	}
	s.forget()
	s.from(s.d, &message.Propose{Ballot: viewOf(20, s.d), Base: s.base})
	s.from(s.c, &message.Heartbeat{View: s.missed, Size: 1})
	if m := mustSend[*message.Answer](s.rig); m.HasMissed() {
		t.Errorf("answers %+v", m)
	}
}

// A stranger that was invited may have missed a view, and is sent there. Of who else is in
// that view this host knows nothing: it goes on without the stranger, or they would be left
// behind as if it had crashed (seed 497003387).
func TestWhoHasMovedOnMeanwhileIsLeftWhereItIs(t *testing.T) {
	a, b, c, d := member(1, 1), member(2, 1), member(3, 1), member(4, 1)
	r := newRig(t, a)
	r.introduce(b, 1)
	r.introduce(c, 5) // so the ballot is above the view that b goes to
	r.run(200 * time.Millisecond)
	ballot, elsewhere := mustSend[*message.Propose](r).Ballot, viewOf(2, d)
	missed := answerAs(b, ballot, viewOf(1, b))
	missed.Missed, missed.Holder = elsewhere, d.Addr
	r.from(b, missed)
	if m := mustSend[*message.Catchup](r); m.View != elsewhere || m.Holder != d.Addr {
		t.Fatalf("sends it to %+v", m)
	}
	r.from(b, there(b, ballot, viewOf(1, b), elsewhere))
	r.from(c, answerAs(c, ballot, viewOf(5, c)))
	if v := r.core.View(); v.Size() != 2 || v.RankOf(c.Process) < 0 {
		t.Errorf("goes on with %s", r.core.Describe())
	}
}

// One that has missed a view of this very host is taken from there.
func TestWhoMissedAViewOfOursComesFromThere(t *testing.T) {
	a, b := member(1, 1), member(2, 1)
	r := newRig(t, a)
	v := r.lead(a, b)
	r.core.HandleOpinion(r.now, vsync.Opinion{View: v, Failed: []uint16{1}})
	r.run(time.Second)
	r.introduce(b, 1)
	r.run(200 * time.Millisecond)
	ballot := mustSend[*message.Propose](r).Ballot
	r.from(b, behind(b, ballot, viewOf(1, b), v))
	if m := mustSend[*message.Catchup](r); m.View != v {
		t.Fatalf("sends it to %+v", m)
	}
	r.from(b, there(b, ballot, viewOf(1, b), v))
	if r.core.View().Size() != 2 || r.core.View().ID == v {
		t.Errorf("goes on with %s", r.core.Describe())
	}
}
