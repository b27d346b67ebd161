package gms

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/tether"
	"github.com/gmsd/gmsd/views"
)

// A host that has met a thousand others in the course of the months examines the next one,
// too, and keeps no more than so many of what it found.
func TestExaminationsGoOnForEver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := &loop{doctor: newPhysician(), now: views.Instant(1).Add(10000 * time.Hour), quit: make(chan struct{}), log: slog.New(slog.DiscardHandler)}
	l.patient.tethers, l.patient.ctx = &tether.Config{}, ctx
	f := &l.doctor.facts
	for i := range views.MembersMax + 10 { // each looked at once
		var h views.HostID
		binary.BigEndian.PutUint64(h[:], uint64(i+1))
		l.now++
		l.takeFact(fact{host: h, tcp: doctor.TCPGood})
	}
	if len(f.tcp) != views.MembersMax || f.tcp[views.HostID{0, 0, 0, 0, 0, 0, 0, 1}] != nil {
		t.Errorf("%d facts are kept, or not the last ones", len(f.tcp))
	}
	fresh := views.HostID{0xff}
	l.examineByTCP(fresh, netip.MustParseAddrPort("127.0.0.1:1"))
	if _, under := f.under[fresh]; !under {
		t.Error("facts of others keep a host from being examined by TCP")
	}
	l.now = l.now.Add(factsKept + 1)
	l.doctor.forgetOld(l.now)
	if len(f.tcp) > 0 {
		t.Errorf("%d facts are kept for ever", len(f.tcp))
	}
	close(l.quit)
	l.workers.Wait()
}

// That the process at the other end does not read us says nothing of the way there.
func TestRefusedExaminationIsNoFaultOfTheWay(t *testing.T) {
	l := &loop{doctor: newPhysician(), now: views.Instant(time.Hour)}
	r := doctor.Refusal{Ours: true, Who: peerProcess.Host, Addr: peerAddr, Code: views.RefuseOldKey, Proved: true}
	l.takeFact(fact{host: peerProcess.Host, tcp: doctor.TCPGood, refused: &r})
	if f := l.doctor.facts.tcp[peerProcess.Host]; f.tcp != doctor.TCPUntested {
		t.Errorf("it is taken for %v", f.tcp)
	}
	if got := l.doctor.watch.strange.refusals(l.now); len(got) != 1 || got[0] != r || l.doctor.watch.fresh {
		t.Errorf("known are %v", got)
	}
}

// What was found of a host while it was away says nothing of it once it is back: neither
// what is known then nor what a connection that was begun before will find. Of one that
// was there all the time both do.
func TestFactsOfBeforeAHostCameAreForgotten(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := &loop{doctor: newPhysician(), now: views.Instant(time.Hour), quit: make(chan struct{})}
	l.patient.tethers, l.patient.ctx = &tether.Config{}, ctx
	there := views.Process{Host: views.HostID{7}, Incarnation: 1}
	without := &views.View{Members: []views.Member{{Process: selfProcess}, {Process: there}}}
	with := &views.View{Members: append(slices.Clone(without.Members), views.Member{Process: peerProcess, Addr: peerAddr})}
	known := func(h views.HostID) bool { return l.doctor.facts.tcp[h] != nil }
	for _, h := range []views.HostID{peerProcess.Host, there.Host} {
		l.takeFact(fact{host: h, tcp: doctor.TCPUntested})
		l.now = l.now.Add(2 * reportedIn)
		l.examineByTCP(h, peerAddr)
	}
	l.noteCame(without, with)
	if known(peerProcess.Host) || !known(there.Host) {
		t.Errorf("known is %v", l.doctor.facts.tcp)
	}
	clear(l.doctor.facts.tcp)
	for range 2 {
		l.takeFact(<-l.doctor.facts.found)
	}
	if known(peerProcess.Host) || !known(there.Host) {
		t.Errorf("found was %v", l.doctor.facts.tcp)
	}
	l.now = l.now.Add(2 * reportedIn)
	l.examineByTCP(peerProcess.Host, peerAddr)
	l.takeFact(<-l.doctor.facts.found)
	if !known(peerProcess.Host) {
		t.Error("it is not examined any more")
	}
	close(l.quit)
	l.workers.Wait()
}

// Members that begin together are silent each towards another member: one that takes the
// connections of all has room for few of them.
func TestLongSilencesAreSpread(t *testing.T) {
	v := &views.View{}
	for i := range 100 {
		v.Members = append(v.Members, views.Member{Process: views.Process{Host: views.HostID{byte(i + 1)}, Incarnation: 1}})
	}
	all := make([]idling, v.Size())
	for i := range all {
		all[i] = newIdling()
	}
	for range 2 * v.Size() {
		met := map[views.HostID]int{}
		for own := range all {
			met[all[own].next(v, own).Host]++
		}
		if len(met) != v.Size() {
			t.Fatalf("%d members are met at a time, of %d", len(met), v.Size())
		}
	}
	s := &all[7]
	again := s.next(v, 7).Host
	s.once[again] = 1
	if got := s.next(v, 7).Host; got != again {
		t.Errorf("%v is not tried a second time, but %v", again, got)
	}
}

// ear hears what it is told to.
type ear struct {
	transport.Multicaster
	heard bool
	said  uint64
	err   error
}

func (e ear) HearsItself(context.Context, time.Duration) (bool, uint64, error) {
	return e.heard, e.said, e.err
}

// That a host does not hear its own multicast is said where there was some to hear.
func TestHearing(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		ear  ear
		want doctor.Finding
	}{
		{"heard", t.Context(), ear{heard: true}, doctor.Good},
		{"nothing of enough", t.Context(), ear{said: saidLeast}, doctor.Bad},
		{"nothing of little", t.Context(), ear{said: saidLeast - 1}, doctor.Untested},
		{"it cannot listen", t.Context(), ear{said: saidLeast, err: errors.New("no group")}, doctor.Untested},
		{"it was ended", over, ear{said: saidLeast}, doctor.Untested},
	} {
		if got := hearing(c.ctx, c.ear, time.Second); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// joiner counts how often it was joined anew.
type joiner struct {
	transport.Multicaster
	times int
}

func (j *joiner) Rejoin() error { j.times++; return nil }

// A host that stood still has first read what came to it alone: what it has not read of
// multicast is none that does not come.
func TestNothingUnreadIsDeafness(t *testing.T) {
	group := &joiner{}
	l := &loop{doctor: newPhysician(), now: views.Instant(time.Hour), log: slog.New(slog.DiscardHandler)}
	l.patient.multicaster = group
	look := func(silent time.Duration) {
		l.rejoinWhenDeaf([]engine.LinkStatus{{Host: views.HostID{1}, Member: true, MulticastAge: silent}, {Host: views.HostID{2}, Member: true, MulticastAge: silent}})
	}
	for range 3 {
		l.now = l.now.Add(20 * time.Second)
		l.armed = l.now.Add(-3 * time.Second) // it was to wake then
		l.notePause()
		look(3 * time.Second)
		l.now = l.now.Add(time.Second)
		look(0)
	}
	if group.times > 0 || l.doctor.watch.rejoin.repeats(l.now) {
		t.Errorf("after a pause it joined anew, %d times", group.times)
	}
	l.now = l.now.Add(20 * time.Second)
	if look(3 * time.Second); group.times != 1 {
		t.Error("it does not join anew where nobody is heard")
	}
}

// That joining the multicast group anew helps again and again is not said any more once it
// did not.
func TestJoiningAnewInVain(t *testing.T) {
	l := &loop{doctor: newPhysician(), now: views.Instant(time.Hour), log: slog.New(slog.DiscardHandler)}
	l.patient.multicaster = &joiner{}
	links := func(silent time.Duration) []engine.LinkStatus {
		return []engine.LinkStatus{{Host: views.HostID{1}, Member: true, MulticastAge: silent}, {Host: views.HostID{2}, Member: true, MulticastAge: silent}}
	}
	for range 2 { // each time it is deaf, joins, and hears them within a second
		l.now = l.now.Add(4 * time.Minute)
		l.rejoinWhenDeaf(links(3 * time.Second))
		l.now = l.now.Add(time.Second)
		l.rejoinWhenDeaf(links(500 * time.Millisecond))
	}
	w := &l.doctor.watch
	if !w.renewedOf(l.now, views.HostID{1}) {
		t.Fatal("it does not repeat")
	}
	l.now = l.now.Add(time.Minute)
	l.rejoinWhenDeaf(links(3 * time.Second))
	if l.now = l.now.Add(suspicious); !w.renewedOf(l.now, views.HostID{1}) {
		t.Error("it has had no time to help")
	}
	l.now = l.now.Add(time.Second)
	l.rejoinWhenDeaf(links(6 * time.Second))
	if w.renewedOf(l.now, views.HostID{1}) {
		t.Error("it did not help the third time, and is still said to")
	}
}

// A connection that passed before a link fell silent, or before nothing was answered any
// more, says nothing of what is; one that was begun with the questions does, and so does
// one that failed.
func TestConnectionsOfBeforeALinkWasCut(t *testing.T) {
	const begin = views.Instant(time.Hour)
	for _, c := range []struct {
		name               string
		tcp                doctor.TCP
		last, vain, looked time.Duration // after the connection was begun; last 0: frames come
		holds              bool
		idle               doctor.Finding
	}{
		{"all is well", doctor.TCPGood, 0, 0, 5 * time.Second, true, doctor.Good},
		{"before it fell silent", doctor.TCPGood, 1100 * time.Millisecond, 0, 4 * time.Second, false, doctor.Good},
		{"a word after it fell silent", doctor.TCPGood, 900 * time.Millisecond, 0, 4 * time.Second, true, doctor.Good},
		{"no word after it fell silent", doctor.TCPGood, 900 * time.Millisecond, 0, 4 * time.Second, false, doctor.Untested},
		{"a kernel, before it fell silent", doctor.TCPMute, time.Second, 0, 4 * time.Second, false, doctor.Untested},
		{"since it is silent", doctor.TCPGood, -time.Second, 0, 4 * time.Second, true, doctor.Good},
		{"since it is silent, and asked late", doctor.TCPMute, -2 * time.Second, 500 * time.Millisecond, 4 * time.Second, true, doctor.Untested},
		{"between two frames", doctor.TCPGood, time.Second, 0, 2 * time.Second, true, doctor.Good},
		{"before the questions went unanswered", doctor.TCPGood, 0, 1500 * time.Millisecond, 4 * time.Second, false, doctor.Good},
		{"with them", doctor.TCPGood, 0, time.Millisecond, 4 * time.Second, true, doctor.Untested},
		{"refused", doctor.TCPRefused, time.Second, time.Second, 4 * time.Second, true, doctor.Untested},
	} {
		s := engine.LinkStatus{MulticastAge: -1}
		if c.last != 0 {
			s.UnicastAge = c.looked - c.last
		}
		if c.vain > 0 {
			s.InVain = c.looked - c.vain
		}
		f := fact{tcp: c.tcp, idle: c.idle, began: begin}
		if got := f.holds(begin.Add(c.looked), &s); got != c.holds {
			t.Errorf("%s: holds %v", c.name, got)
		}
	}
}
