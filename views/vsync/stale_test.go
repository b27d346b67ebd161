package vsync_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

func processes(members []views.Member) (all []views.Process) {
	for i := range members {
		all = append(all, members[i].Process)
	}
	slices.SortFunc(all, views.Process.Compare)
	return all
}

// answerAs is how m, alone so far or a member, agrees to come into a ballot.
func answerAs(m views.Member, ballot, from views.ViewID, stale ...views.Process) *message.Answer {
	return &message.Answer{Ballot: ballot, From: from, Digest: emptyDigest, Self: &m, Joiner: from.Seq == 1, Stale: stale}
}

// All of whom a member knows later lives are refused, also where its answer is
// the last and the view is decided with it (I6).
func TestAllEarlierLivesAreRefused(t *testing.T) {
	a, x := member(1, 1), member(2, 1)
	r := newRig(t, a)
	r.introduce(x, 1)
	r.run(200 * time.Millisecond)
	r.from(x, answerAs(x, mustSend[*message.Propose](r).Ballot, viewOf(1, x)))
	r.run(3 * time.Second)
	v := r.core.View()
	r.forget()
	old := crowd(10, 9, 1)
	for _, m := range old {
		r.introduce(m, 1)
	}
	for _, s := range r.sent { // x reaches them all
		if probe, ok := s.Msg.(*message.Probe); ok {
			reached := &message.Reached{Token: probe.Token}
			for _, w := range probe.Whom {
				reached.Who = append(reached.Who, w.Process)
			}
			r.from(x, reached)
		}
	}
	r.run(200 * time.Millisecond)
	p := mustSend[*message.Propose](r)
	if !slices.Equal(p.Plus, processes(old)) {
		t.Fatalf("invites %v", p.Plus)
	}
	for _, m := range old {
		r.from(m, answerAs(m, p.Ballot, viewOf(1, m)))
	}
	r.forget()
	r.from(x, answerAs(x, p.Ballot, v.ID, processes(old)...))
	if now := r.core.View(); now.ID == v.ID || now.Size() != 2 {
		t.Errorf("no new view of the two: %s", r.core.Describe())
	}
	if n := events[trace.Join](r); n != len(old) {
		t.Errorf("%d refusals, want %d", n, len(old))
	}
}

// An answer names everyone of whom a later life is known, however many.
func TestAnswerNamesAllEarlierLives(t *testing.T) {
	a, b := member(1, 1), member(2, 1)
	r := newRig(t, b)
	r.bring(10, b, a, crowd(10, 20, 2)...)
	v := r.bring(11, b, a)
	old := processes(crowd(10, 20, 1))
	r.from(a, &message.Propose{Ballot: viewOf(12, a), Base: v, Plus: old, PlusMark: make([]uint64, len(old))})
	if ans := mustSend[*message.Answer](r); !slices.Equal(ans.Stale, old) {
		t.Errorf("names %d of %d", len(ans.Stale), len(old))
	}
}

// A view that holds an earlier life of a host we know is not installed, though a
// larger side leads it, and that one is told (P5, I6).
func TestViewWithAnEarlierLifeIsNotInstalled(t *testing.T) {
	a, b, c, old := member(1, 1), member(2, 1), member(4, 1), member(3, 2)
	r := newRig(t, b)
	v := r.bring(10, b, c, member(3, 3))
	r.offer(20, b, a, old)
	if r.core.View().ID != v {
		t.Errorf("installed %s", r.core.View())
	}
	refuse := mustSend[*message.Refuse](r)
	if refuse.To != old.Process || refuse.Code != views.RefuseRolledBack {
		t.Errorf("told %+v", refuse)
	}
}

// A twin refuses this host while both are alone; before its word comes the group
// has taken this host in. It stays, and says so; only a later word stops it.
func TestRefusedByATwinAfterItCameIn(t *testing.T) {
	a, b, twin := member(1, 1), member(2, 1), member(2, 2)
	r := newRig(t, b)
	r.bring(10, b, a)
	refuse := &message.Refuse{To: b.Process, Nonce: b.Nonce, Code: views.RefuseDuplicate}
	r.from(twin, refuse)
	if h := mustSend[*message.Hello](r); r.stop != nil || h.Size != 2 {
		t.Fatalf("stop %v, says %+v", r.stop, h)
	}
	r.from(twin, refuse)
	if r.stop != nil {
		t.Fatal("stopped by a copy of the same word")
	}
	r.run(time.Second)
	r.from(twin, refuse)
	if r.stop == nil {
		t.Error("not stopped by one that knows its view")
	}

	r = newRig(t, b)
	r.from(twin, refuse)
	if r.stop == nil {
		t.Error("not stopped while alone")
	}
}

// One who is invited with others of its view says of whom among the inviter's own it
// knows a later life: with the install it would be too late for those who do not.
func TestAnswerNamesEarlierLivesOfTheInviter(t *testing.T) {
	a, b, c, old := member(1, 1), member(2, 1), member(4, 1), member(3, 2)
	r := newRig(t, b)
	v := r.bring(10, b, c, member(3, 3))
	plus := processes([]views.Member{b, c})
	r.from(a, &message.Propose{
		Ballot: viewOf(20, a), Base: viewOf(19, a), Plus: plus, PlusMark: []uint64{message.Mark(v, b.Nonce), message.Mark(v, c.Nonce)}, Ours: processes([]views.Member{a, old}),
	})
	if ans := mustSend[*message.Answer](r); !slices.Equal(ans.Stale, []views.Process{old.Process}) {
		t.Errorf("names %v", ans.Stale)
	}
}

// A coordinator that is told so of a member of its own takes it out before it decides.
func TestEarlierLifeAmongUsGoes(t *testing.T) {
	a, old, b := member(1, 1), member(3, 2), member(2, 1)
	r := newRig(t, a)
	v := r.lead(a, old)
	r.introduce(b, 1)
	probe := mustSend[*message.Probe](r)
	r.from(old, &message.Reached{Token: probe.Token, Who: processes([]views.Member{b})})
	r.run(200 * time.Millisecond)
	propose := mustSend[*message.Propose](r)
	r.forget()
	r.from(b, answerAs(b, propose.Ballot, viewOf(1, b), old.Process))
	next := mustSend[*message.Propose](r)
	if next.Base != v || !slices.Equal(next.Without, []uint16{uint16(r.core.View().RankOf(old.Process))}) { //nolint:gosec // small
		t.Errorf("proposes %+v", next)
	}
	told := false
	for _, s := range r.sent {
		if m, ok := s.Msg.(*message.Refuse); ok && m.To == old.Process && m.Code == views.RefuseRolledBack {
			told = true
		}
	}
	if !told {
		t.Error("it is not told why")
	}
}
