package vsync_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// toldEvery is how often one process is told that it is not wanted.
const toldEvery = 100 * time.Millisecond

// Copies of one frame cost one refusal, or one Nack, and one line of log in
// 100 ms; drops do not count, since the engine tells them in sum.
func TestCopiesOfAFrameAreAnsweredOnce(t *testing.T) {
	a, b, x := member(1, 1), member(2, 1), member(9, 1)
	r := newRig(t, b)
	r.bring(10, b, a)
	copied := a
	copied.Nonce++
	for _, frame := range []struct {
		from views.Member
		msg  message.Message
	}{
		{copied, &message.Hello{Self: copied, View: viewOf(1, a), Size: 1}},
		{x, &message.Propose{Ballot: viewOf(1, x), Plus: []views.Process{b.Process}, PlusMark: []uint64{message.Mark(r.core.View().ID, b.Nonce)}}},
	} {
		for range 2 {
			r.forget()
			for range 1000 {
				r.from(frame.from, frame.msg)
			}
			if told := len(r.log) - events[trace.Drop](r); told != 1 || len(r.sent) != 1 {
				t.Errorf("%T: %d events and %d sends, want one of each", frame.msg, told, len(r.sent))
			}
			r.run(toldEvery)
		}
	}
}

// What one member sends behind a gap is kept up to a number of bytes, whatever
// its packets hold.
func TestStreamIsBoundedInBytes(t *testing.T) {
	const most = 8 << 20
	a, b := member(1, 1), member(2, 1)
	r := newRig(t, b)
	v := r.bring(10, b, a)
	body := make([]byte, views.DatagramMax)
	for seq := views.StreamSeq(2); seq <= 8192; seq++ {
		r.from(a, &message.Data{View: v, Seq: seq, Body: body})
	}
	r.forget()
	for seq := views.StreamSeq(1); seq <= 8192; seq++ {
		r.from(a, &message.Resend{View: v, Ranges: []message.SeqRange{{First: seq, Last: seq}}})
	}
	kept := 0
	for _, s := range r.sent {
		if d, ok := s.Msg.(*message.Data); ok {
			kept += len(d.Body)
		}
	}
	if kept == 0 || kept > most+len(body) {
		t.Errorf("%d bytes are kept, want some and at most %d", kept, most)
	}
}

// A Resend for the end of the numbers brings nothing: the search does not run
// over and begin with the first packet.
func TestResendBeyondTheLastPacket(t *testing.T) {
	a, b := member(1, 1), member(2, 1)
	r := newRig(t, b)
	v := r.bring(10, b, a)
	for seq := range views.StreamSeq(3) {
		r.from(a, &message.Data{View: v, Seq: seq + 1, Body: []byte{1}})
	}
	ask := func(first, last views.StreamSeq) (resent []views.StreamSeq) {
		r.forget()
		r.from(a, &message.Resend{View: v, Ranges: []message.SeqRange{{First: first, Last: last}}})
		for _, s := range r.sent {
			if d, ok := s.Msg.(*message.Data); ok {
				resent = append(resent, d.Seq)
			}
		}
		return resent
	}
	if got := ask(2, math.MaxUint64); !slices.Equal(got, []views.StreamSeq{2, 3}) {
		t.Errorf("resent %v, want 2 and 3", got)
	}
	if got := ask(math.MaxUint64, math.MaxUint64); got != nil {
		t.Errorf("resent %v, which nobody wanted", got)
	}
}

// A stranger with a long roster that never answers is pinged by the clock, more
// and more rarely, and not once for every frame of it.
func TestSilentCrowdIsPingedByTheClock(t *testing.T) {
	const size, rounds = 700, 12 // 30 ms, doubling to 750
	a, x := member(1, 1), member(300, 1)
	r := newRig(t, a)
	hello := &message.Hello{Self: x, View: viewOf(5, x), Size: 1, Joiner: true} // it says it is small, so we lead
	pings := 0
	for range 400 { // 4 s
		r.forget()
		r.from(x, hello)
		if ask := lastSent[*message.Ask](r); ask != nil {
			r.from(x, &message.Roster{Token: ask.Token, View: hello.View, Promised: 5, Members: crowd(300, size, 1), Joiner: true})
		}
		r.run(10 * time.Millisecond)
		pings += len(r.sent)
	}
	r.forget()
	for range 1000 {
		r.from(x, hello)
	}
	if pings < size || pings > rounds*size || len(r.sent) > 1 {
		t.Errorf("%d sends in 4 s, %d for 1000 frames at once", pings, len(r.sent))
	}
}

// A stranger that comes forward and then refuses every proposal costs fewer and
// fewer view changes.
func TestRefusingStrangerIsInvitedLessAndLess(t *testing.T) {
	a, x := member(1, 1), member(2, 1)
	r := newRig(t, a)
	id := viewOf(1, x)
	installs := 0
	for range 1000 { // 10 s
		r.forget()
		r.from(x, &message.Hello{Self: x, View: id, Size: 1, Joiner: true})
		r.run(5 * time.Millisecond)
		if ask := lastSent[*message.Ask](r); ask != nil {
			r.from(x, &message.Roster{Token: ask.Token, View: id, Promised: 1, Members: []views.Member{x}, Joiner: true})
		}
		if p := lastSent[*message.Propose](r); p != nil {
			r.from(x, &message.Nack{Ballot: p.Ballot, Promised: id})
		}
		r.run(5 * time.Millisecond)
		installs += events[trace.Install](r)
	}
	if installs == 0 || installs > 10 {
		t.Errorf("%d views in 10 s, want 1 to 10", installs)
	}
}

// A seq that no honest group can have come to moves nothing: not one that a
// stranger names, not one that a member proposes.
func TestSeqOutOfReachMovesNothing(t *testing.T) {
	const out views.Seq = 1 << 62
	a, x := member(1, 1), member(2, 1)
	r := newRig(t, a)
	first := r.core.View().ID
	for range 100 {
		r.forget()
		r.introduce(x, out)
		r.run(100 * time.Millisecond)
		if n := events[trace.Phase](r) + events[trace.Install](r); n > 0 || r.core.View().ID != first {
			t.Fatalf("%d steps towards a stranger of %v: %s", n, out, r.core.Describe())
		}
	}
	v := r.bring(10, a, x)
	r.from(x, &message.Propose{Ballot: viewOf(out, x), Base: v})
	if lastSent[*message.Answer](r) != nil || lastSent[*message.Nack](r) != nil || events[trace.Block](r) != 0 {
		t.Errorf("a proposal of %v is answered: %s", out, r.core.Describe())
	}
}

// A group whose seqs are far on, as a member's disk may have brought it, takes in
// a host that begins at 1, at once and however far it leaps.
func TestFreshHostJoinsAGroupFarOn(t *testing.T) {
	a, x := member(1, 1), member(2, 1)
	for _, seq := range []views.Seq{1<<32 + 5, 1 << 40, 1 << 61} {
		newRig(t, x).bring(seq, x, a)
	}
}

// A change of ours was given up, and then the install we had wanted to fetch for
// it comes after all, without us: no panic, and we end in a view of our own.
func TestInstallWithoutUsAfterOurChangeWasGivenUp(t *testing.T) {
	a, b := member(1, 1), member(2, 1)
	r := newRig(t, a)
	v := r.bring(10, a, b)
	missed := viewOf(11, b)
	r.from(b, &message.Propose{Ballot: missed, Base: v})
	mustSend[*message.Answer](r)
	r.run(3 * time.Second) // b is silent: a takes over
	p := mustSend[*message.Propose](r)
	r.from(b, &message.Answer{Ballot: p.Ballot, From: missed, Prev: v, Digest: emptyDigest, Self: &b})
	mustSend[*message.Fetch](r)
	r.from(b, &message.Nack{Ballot: p.Ballot, Promised: viewOf(p.Ballot.Seq+1, b)})
	r.from(b, install(missed, []message.InstallGroup{{From: v, Count: 1, Digest: emptyDigest}}, b))
	r.run(10 * time.Second)
	if now := r.core.View(); now.ID.Coordinator != a.Host || now.Size() != 1 {
		t.Errorf("no view of our own: %s", r.core.Describe())
	}
}
