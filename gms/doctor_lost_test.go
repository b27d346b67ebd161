package gms

import (
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/discovery"
	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/views"
)

// bereaved is a loop of a host that was with another one, which has crashed and of which a
// cause was found.
func bereaved() (l *loop, lines *logLines, without, with *views.View) {
	lines = &logLines{}
	l = &loop{doctor: newPhysician(), now: views.Instant(time.Hour), log: slog.New(lines)}
	without = &views.View{Members: []views.Member{{Process: selfProcess}}}
	with = &views.View{Members: []views.Member{{Process: selfProcess}, {Process: peerProcess, Addr: peerAddr}}}
	l.noteLost(with, without, []views.HostID{peerProcess.Host})
	l.doctor.watch.noteLooked(l.now, suspect{host: peerProcess.Host})
	l.publish([]Verdict{{Cause: "process-down", From: doctor.Place{Host: peerProcess.Host, Name: "h2"}}}, l.now)
	return l, lines, without, with
}

func (l *logLines) has(line string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.lines, line)
}

// What was found of a host that is lost is not over because it is not looked at; it is
// looked at again now and then, and given up after a day.
func TestVerdictOfALostHostStays(t *testing.T) {
	l, lines, without, _ := bereaved()
	looks := 0
	for l.now = l.now.Add(time.Second); l.now < views.Instant(26*time.Hour); l.now = l.now.Add(10 * time.Second) {
		if len(l.lookAfterLost(without)) > 0 {
			l.doctor.watch.noteLooked(l.now, suspect{host: peerProcess.Host})
			looks++
			l.publish(slices.Clone(l.doctor.found), l.now)
		} else {
			l.publish(nil, l.now) // nothing else is wrong
		}
		gone := l.now > views.Instant(time.Hour+lostMost)
		if said := len(l.doctor.verdicts) == 1; said == gone {
			t.Fatalf("after %v said is %v", l.now.Sub(views.Instant(time.Hour)), l.doctor.verdicts)
		}
	}
	if least, most := int(lostMost/lostAgain)-10, int(lostKept/(10*time.Second)+lostMost/lostAgain)+10; looks < least || looks > most {
		t.Errorf("it was looked at %d times in a day", looks)
	}
	if lines.has("diagnosis is over") || !lines.has("diagnosis is not looked at any more") {
		t.Errorf("logged: %q", lines.lines)
	}
}

// Once it was looked at and is well, or is back, it is over; who was put out is let go.
func TestVerdictOfALostHostEnds(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(l *loop, with *views.View)
		line string
	}{
		"back":      {func(l *loop, with *views.View) { l.lookAfterLost(with) }, "diagnosis is over"},
		"looked at": {func(l *loop, _ *views.View) { l.doctor.watch.noteLooked(l.now, suspect{host: peerProcess.Host}) }, "diagnosis is over"},
		"put out":   {func(l *loop, _ *views.View) { l.forgetLost(peerProcess.Host) }, "diagnosis is not looked at any more"},
	} {
		t.Run(name, func(t *testing.T) {
			l, lines, _, with := bereaved()
			l.now = l.now.Add(time.Minute)
			test.end(l, with)
			l.publish(nil, l.now)
			if len(l.doctor.verdicts) > 0 || !lines.has(test.line) {
				t.Errorf("said is %v, logged %q", l.doctor.verdicts, lines.lines)
			}
		})
	}
}

// Who asked to go is not looked for, also where the view without it is made for another
// reason: one crashed, or a part came back.
func TestWhoLeftBesideACrashIsNotLost(t *testing.T) {
	l, _, without, with := bereaved()
	l.doctor.watch.lost = nil
	leaver := views.Member{Process: views.Process{Host: views.HostID{9}, Incarnation: 1}, Addr: peerAddr}
	with.Members = append(with.Members, leaver)
	for _, why := range []views.Reason{views.ReasonCrash, views.ReasonMerge, views.ReasonReplace, views.ReasonLeave} {
		l.doctor.watch.lost, l.doctor.watch.left = nil, nil
		without.Reason = why
		l.noteLost(with, without, []views.HostID{peerProcess.Host})
		w := &l.doctor.watch
		if crashed := why != views.ReasonLeave; !w.left[leaver.Host] || w.left[peerProcess.Host] == crashed || crashed != (len(w.lost) == 1) {
			t.Errorf("%v: lost are %v, left %v", why, w.lost, w.left)
		}
	}
}

// However many have left with a word over the years, the one that left last is not looked
// for, and what is remembered of them is bounded.
func TestManyLeave(t *testing.T) {
	l, _, without, _ := bereaved()
	l.seeker.cache = discovery.NewCache(nil)
	without.Reason = views.ReasonLeave
	for n := range 3 * views.MembersMax {
		leaver := views.Member{Process: views.Process{Host: views.HostID{9, byte(n >> 8), byte(n)}, Incarnation: 1}}
		leaver.Addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, byte(n >> 8), byte(n)}), 7749)
		l.seeker.cache.Meet([]views.Member{leaver}, selfProcess.Host, time.Unix(int64(n), 0))
		l.noteLost(&views.View{Members: []views.Member{without.Members[0], leaver}}, without, nil)
		if !l.doctor.watch.left[leaver.Host] {
			t.Fatalf("that the host left as number %d is not known", n)
		}
	}
	for _, r := range l.seeker.cache.Records() {
		if !l.doctor.watch.left[r.Host] {
			t.Fatalf("%v is known still, and not that it left", r.Host)
		}
	}
	if n := len(l.doctor.watch.left); n > 2*views.MembersMax {
		t.Errorf("%d are remembered", n)
	}
}
