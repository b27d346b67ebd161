package vsync_test

import (
	"math"
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
	"github.com/gmsd/gmsd/views/vsync"
)

// lead makes the rig's host the coordinator of a view with others, by hand.
func (r *rig) lead(self views.Member, others ...views.Member) views.ViewID {
	r.t.Helper()
	for _, m := range others {
		r.introduce(m, 1)
	}
	r.run(200 * time.Millisecond)
	propose := mustSend[*message.Propose](r)
	for _, m := range others {
		r.from(m, &message.Answer{Ballot: propose.Ballot, From: viewOf(1, m), Joiner: true, Digest: emptyDigest, Self: &m, Bare: true})
	}
	if v := r.core.View(); v.Size() != 1+len(others) {
		r.t.Fatalf("leads %v: %s", v, r.core.Describe())
	}
	r.forget()
	return r.core.View().ID
}

// A member that lets nothing be under way stops the senders, is named, and is
// taken out when that has lasted.
func TestStoppedMemberIsNamedAndTakenOut(t *testing.T) {
	a, b, c := member(1, 1), member(2, 1), member(3, 1)
	r := newRig(t, a)
	v := r.lead(a, b, c)
	r.from(b, &message.Ack{View: v, Room: math.MaxUint64})
	r.from(c, &message.Ack{View: v, Room: 0})
	slow := r.core.View().RankOf(c.Process)
	r.run(100 * time.Millisecond)
	if rank, room, ok := r.core.Slowest(); !ok || rank != slow || room != 0 {
		t.Fatalf("slowest: %d, %d, %t; want %d, 0, true", rank, room, ok, slow)
	}
	r.forget()
	r.core.Submit(r.now, vsync.Submission{Group: "g", Payload: []byte("x")})
	r.drain()
	if d := lastSent[*message.Data](r); d != nil {
		t.Fatal("sent though there is no room")
	}
	for range 25 {
		r.run(time.Second)
		if events[trace.Suspect](r) > 0 {
			t.Fatal("given up too early")
		}
	}
	for range 10 {
		r.run(time.Second)
	}
	p := lastSent[*message.Propose](r)
	if p == nil || len(p.Without) != 1 || int(p.Without[0]) != slow || events[trace.Suspect](r) != 1 {
		t.Fatalf("proposed %+v after %d suspicions", p, events[trace.Suspect](r))
	}
}

// Where a member says that there is room again, all go on at once.
func TestRoomAgain(t *testing.T) {
	a, b := member(1, 1), member(2, 1)
	r := newRig(t, a)
	v := r.lead(a, b)
	r.from(b, &message.Ack{View: v, Room: 0})
	r.core.Submit(r.now, vsync.Submission{Group: "g", Payload: []byte("x")})
	r.drain()
	if d := lastSent[*message.Data](r); d != nil {
		t.Fatal("sent though there is no room")
	}
	r.run(time.Second)
	r.forget()
	r.from(b, &message.Ack{View: v, Room: 1 << 20, Turn: 1})
	mustSend[*message.Data](r)
}

// A word about room that comes late, or again, lifts no stop (it did with seed
// 310010189), neither at the coordinator nor at a member.
func TestOldWordOfRoomDoesNotCount(t *testing.T) {
	a, b := member(1, 1), member(2, 1)
	r := newRig(t, a)
	v := r.lead(a, b)
	r.from(b, &message.Ack{View: v, Room: 1 << 20, Turn: 1})
	r.from(b, &message.Ack{View: v, Room: 0, Turn: 2})
	r.from(b, &message.Ack{View: v, Room: 1 << 20, Turn: 1})
	if _, room, ok := r.core.Slowest(); !ok || room != 0 {
		t.Errorf("the coordinator takes the room for %d", room)
	}
	if s := mustSend[*message.Stable](r); s.Room != 0 || s.Turn == 0 {
		t.Errorf("it tells %+v", s)
	}

	r = newRig(t, b)
	v = r.bring(10, b, a)
	r.from(a, &message.Stable{View: v, Room: 0, Turn: 2})
	r.from(a, &message.Stable{View: v, Room: 1 << 20, Turn: 1})
	if _, room, ok := r.core.Slowest(); !ok || room != 0 {
		t.Errorf("a member takes the room for %d", room)
	}
	r.from(a, &message.Stable{View: v, Room: 1 << 20, Turn: 3})
	if _, _, ok := r.core.Slowest(); ok {
		t.Error("a member does not take the newest word")
	}
}

// Who says that the room has changed counts its words, and says the same number as
// long as it has not.
func TestWordsOfRoomAreCounted(t *testing.T) {
	a, b := member(1, 1), member(2, 1)
	r := newRig(t, b)
	r.bring(10, b, a)
	var turns []uint64
	for _, backlog := range []int{8 << 20, 0, 0, 2 << 20} {
		r.core.HandleBacklog(r.now, backlog)
		r.drain()
		turns = append(turns, mustSend[*message.Ack](r).Turn)
	}
	if turns[0] >= turns[1] || turns[1] != turns[2] || turns[2] >= turns[3] {
		t.Errorf("turns %v", turns)
	}
}

// evictedAfter runs until somebody is taken out, at most for a minute.
func (r *rig) evictedAfter() (who int, after time.Duration) {
	r.forget()
	for ; after < time.Minute; after += time.Second {
		if p := lastSent[*message.Propose](r); p != nil && len(p.Without) > 0 {
			return int(p.Without[0]), after
		}
		r.run(time.Second)
	}
	return -1, after
}

// Who stops all is not taken out for the time in which another did.
func TestNobodyIsTakenOutForAnothersTime(t *testing.T) {
	a, b, c := member(1, 1), member(2, 1), member(3, 1)
	r := newRig(t, a)
	v := r.lead(a, b, c)
	r.from(b, &message.Ack{View: v, Room: 0, Turn: 1})
	r.run(20 * time.Second)
	r.from(c, &message.Ack{View: v, Room: 0, Turn: 1})
	r.from(b, &message.Ack{View: v, Room: 1 << 20, Turn: 2})
	who, after := r.evictedAfter()
	if who != r.core.View().RankOf(c.Process) || after < 28*time.Second || after > 32*time.Second {
		t.Errorf("rank %d after %v", who, after)
	}
}

// A member that lives and acknowledges nothing is taken out, and named.
func TestWhoAcknowledgesNothingIsTakenOut(t *testing.T) {
	a, b, c := member(1, 1), member(2, 1), member(3, 1)
	r := newRig(t, a)
	v := r.lead(a, b, c)
	r.core.Submit(r.now, vsync.Submission{Group: "g", Payload: []byte("x")})
	r.drain()
	d := mustSend[*message.Data](r)
	held := []message.StreamPos{{Stream: d.Stream, Seq: d.Seq}}
	r.from(c, &message.Ack{View: v, Have: held, Room: 1 << 20})
	r.from(b, &message.Ack{View: v, Room: 1 << 20})
	who, after := r.evictedAfter()
	if who != r.core.View().RankOf(b.Process) || after < 28*time.Second || after > 32*time.Second {
		t.Errorf("rank %d after %v", who, after)
	}
	if events[trace.Suspect](r) != 1 {
		t.Error("nobody is named")
	}
}

// Where none of several others acknowledges anything nobody is taken out: it is
// rather this host that does not get through.
func TestNotAllOthersAreTakenOut(t *testing.T) {
	a, b, c := member(1, 1), member(2, 1), member(3, 1)
	r := newRig(t, a)
	r.lead(a, b, c)
	r.core.Submit(r.now, vsync.Submission{Group: "g", Payload: []byte("x")})
	r.drain()
	if who, after := r.evictedAfter(); who >= 0 {
		t.Errorf("rank %d after %v", who, after)
	}
}

// A coordinator that slept does not count that time.
func TestSleepCountsForNothing(t *testing.T) {
	a, b, c := member(1, 1), member(2, 1), member(3, 1)
	r := newRig(t, a)
	v := r.lead(a, b, c)
	r.from(b, &message.Ack{View: v, Room: 0, Turn: 1})
	r.run(time.Second)
	r.now = r.now.Add(time.Hour)
	r.core.Advance(r.now)
	r.drain()
	if n := events[trace.Suspect](r); n > 0 {
		t.Errorf("%d given up", n)
	}
}
