package gms

import (
	"net/netip"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/views"
)

func refusalOf(n int, code views.RefuseCode) doctor.Refusal {
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(n >> 8), byte(n)}), 1)
	return doctor.Refusal{Who: views.HostID{9, byte(n >> 8), byte(n)}, Addr: at, Code: code}
}

// Who is proved, who comes again, and every kind stays, however many others come once.
func TestStrangersDoNotPushOut(t *testing.T) {
	l := &loop{doctor: newPhysician(), now: views.Instant(time.Hour)}
	s := &l.doctor.watch.strange
	twin, real, other := refusalOf(1, views.RefuseDuplicate), refusalOf(2, views.RefuseKey), refusalOf(3, views.RefuseGroup)
	for i := range 20 {
		l.noteRefusal(twin)
		l.noteRefusal(real)
		l.noteRefusal(other)
		for j := range 10 { // the engine tells of fewer
			l.noteRefusal(refusalOf(100+200*i+j, views.RefuseKey))
			l.noteRefusal(refusalOf(100+200*i+j, views.RefuseVersion))
		}
		l.now = l.now.Add(time.Second)
	}
	list := s.refusals(l.now)
	if len(list) != doctor.RefusalsMax {
		t.Fatalf("%d are told of", len(list))
	}
	kinds := map[views.RefuseCode]int{}
	for _, r := range list {
		kinds[r.Code]++
	}
	if list[0] != twin || kinds[views.RefuseGroup] != 1 || kinds[views.RefuseVersion] == 0 {
		t.Errorf("told are %v", list)
	}
	for _, r := range list[1:] {
		if r.Code == views.RefuseKey {
			if r != real {
				t.Errorf("the first of those with another key is %v", r)
			}
			break
		}
	}
	for _, k := range s.unproved {
		if len(k.list) > strangersKept {
			t.Errorf("%d of %v are remembered", len(k.list), k.code)
		}
	}
	if !l.doctor.watch.fresh {
		t.Error("a twin is nothing new")
	}
}

// One whom nobody has proved begins no round, once is no diagnosis, and it is over in time.
func TestStrangerIsToldOnceItComesAgain(t *testing.T) {
	l := &loop{doctor: newPhysician(), now: views.Instant(time.Hour)}
	s := &l.doctor.watch.strange
	for i, want := range []int{0, 0, 1} {
		l.noteRefusal(refusalOf(2, views.RefuseGroup))
		if got := len(s.refusals(l.now)); got != want {
			t.Errorf("the %d. time %d are told of, want %d", i+1, got, want)
		}
		l.now = l.now.Add(againLeast / 2)
	}
	if l.doctor.watch.fresh || len(s.proved) > 0 {
		t.Error("it begins a round")
	}
	l.now = l.now.Add(factsKept + time.Second)
	if got := s.refusals(l.now); len(got) > 0 {
		t.Errorf("told are %v after it has gone", got)
	}
}

// One that was away for a rotation is refused for two reasons: that its key was removed is
// told, however late it comes, and not that the key is another one.
func TestOldKeyIsNoOtherKey(t *testing.T) {
	l := &loop{doctor: newPhysician(), now: views.Instant(time.Hour)}
	s := &l.doctor.watch.strange
	other, old := refusalOf(2, views.RefuseKey), refusalOf(2, views.RefuseOldKey)
	other.Ours = true
	for i := range 20 {
		l.noteRefusal(other)
		if i >= 2 {
			l.noteRefusal(old)
		}
		for _, r := range s.refusals(l.now) {
			if r != old {
				t.Fatalf("after %d s it tells of %v", i, r)
			}
		}
		l.now = l.now.Add(time.Second)
	}
	if len(s.refusals(l.now)) != 1 {
		t.Error("the old key is not told of")
	}
}

// Who is met where a round has found him is not named twice.
func TestProvedIsNoStranger(t *testing.T) {
	l, _, _, _ := bereaved()
	l.host = &Host{}
	met := refusalOf(2, views.RefuseTransport)
	met.Ours = true
	judged := func() []Verdict {
		l.noteRefusal(met)
		l.now = l.now.Add(againLeast)
		l.judgeStrangers()
		return l.doctor.local
	}
	judged()
	if got := judged(); len(got) != 1 || got[0].To.Host != doctor.Stranger {
		t.Fatalf("of a stranger it says %v", got)
	}
	proved := met
	proved.Proved, proved.Who = true, doctor.PlaceID(met.Addr)
	l.noteRefusal(proved)
	if got := judged(); len(got) != 1 {
		t.Errorf("before a round has said who it is it says %v", got)
	}
	l.doctor.found = []Verdict{{Cause: "transport-differs", To: doctor.Place{Host: proved.Who}}}
	if got := judged(); len(got) > 0 {
		t.Errorf("beside one that is proved it says %v", got)
	}
	met = refusalOf(3, views.RefuseTransport)
	judged()
	if got := judged(); len(got) != 1 || got[0].From.Host != doctor.Stranger {
		t.Errorf("of another stranger it says %v", got)
	}
}
