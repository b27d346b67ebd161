package engine_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// narrow is a network in which frames longer than some bytes vanish on their way to,
// and from, some hosts, without a word.
func (l *lan) narrow(most int, hosts ...*lanHost) {
	l.swallows = func(from, to *lanHost, size int) bool {
		return size > most && (slices.Contains(hosts, from) || slices.Contains(hosts, to))
	}
}

func (h *lanHost) linkTo(o *lanHost) engine.LinkStatus {
	for _, s := range h.Status().Links {
		if s.Host == o.process.Host {
			return s
		}
	}
	return engine.LinkStatus{}
}

// expectPaths: what one host found of the ways to all others is right, to 16 bytes.
func (l *lan) expectPaths(h *lanHost, most int, narrow ...*lanHost) {
	l.t.Helper()
	for _, o := range l.hosts {
		if o == h || o.dead {
			continue
		}
		s := h.linkTo(o)
		isNarrow := slices.Contains(narrow, o) || slices.Contains(narrow, h)
		switch {
		case !isNarrow && !s.Full:
			l.t.Errorf("%s to %s: %d bytes fit, want all", h.name, o.name, s.Fits)
		case isNarrow && (s.Full || s.Fits > most || s.Fits < most-16 || s.Tried <= most):
			l.t.Errorf("%s to %s: %d bytes fit, %d do not, want %d", h.name, o.name, s.Fits, s.Tried, most)
		}
	}
}

// A way that becomes too short for full frames in the middle of a view is found within
// seconds; the view stays, no message is lost, and when it is mended that is seen.
func TestPathBecomesShorter(t *testing.T) {
	for _, sealing := range []bool{false, true} {
		l := newLAN(t, 9)
		if sealing {
			l.ring = ringN(1)
		}
		for range 4 {
			l.add(0)
		}
		l.expectOneView(2*time.Second, "form")
		l.run(20 * time.Second)
		for _, h := range l.hosts {
			l.expectPaths(h, 0)
		}
		before := l.hosts[0].installs()
		said := 0
		talk := func() {
			for _, h := range l.hosts {
				for range 20 {
					h.step(engine.Submit{{Group: "g", Order: views.Agreed, Payload: slices.Repeat([]byte{byte(said)}, 1200)}})
					said++
				}
			}
		}
		talk()
		l.narrow(1000, l.hosts[2])
		talk()
		l.run(17 * time.Second)
		talk()
		l.run(5 * time.Second)
		for _, h := range l.hosts {
			l.expectPaths(h, 1000, l.hosts[2])
		}
		l.expectSameMessages(said)
		l.swallows = nil
		l.run(75 * time.Second)
		for _, h := range l.hosts {
			l.expectPaths(h, 0)
		}
		if h := l.hosts[0]; h.installs() != before {
			t.Errorf("the view changed %d times", h.installs()-before)
		}
	}
}

// Hosts with much to say of themselves form a group over a network that swallows every
// frame above what IPv4 promises, though each takes its path for an Ethernet.
func TestFormOverABlackHole(t *testing.T) {
	l := newLAN(t, 10)
	l.ring = ringN(1)
	l.swallows = func(_, _ *lanHost, size int) bool { return size > 548 }
	for range 6 {
		l.add(0).attrs = longAttrs()
	}
	l.expectOneView(5*time.Second, "form")
	l.run(10 * time.Second)
	for _, h := range l.hosts {
		h.talk(3)
	}
	l.run(2 * time.Second)
	l.expectSameMessages(18)
	l.expectAttrs(longAttrs())
}

// A healthy group pays little for it.
func TestPathsAreCheap(t *testing.T) {
	l := formed(t, 11, 5)
	l.run(30 * time.Second)
	bytes := 0
	l.wire = func(from *lanHost, p engine.Packet) {
		if from == l.hosts[0] && len(p.Frame) > 0 {
			bytes += len(p.Frame)
		}
	}
	before := l.hosts[0].Status().Traffic.Out
	l.run(100 * time.Second)
	after := l.hosts[0].Status().Traffic.Out
	echoes, replies := after[message.TypeEcho]-before[message.TypeEcho], after[message.TypeEchoReply]-before[message.TypeEchoReply]
	if echoes < 18 || echoes > 24 || replies < 70 || replies > 90 {
		t.Errorf("%d Echos and %d answers in 100 s", echoes, replies)
	}
	t.Logf("%d bytes of frames a second in all", bytes/100)
}

// Where there is no multicast the coordinator seeks strangers by frames that members do
// not get, and nobody takes them for lost.
func TestSeekingIsNoLoss(t *testing.T) {
	for _, unicast := range []bool{false, true} {
		l := newLAN(t, 14)
		l.ring, l.unicast = ringN(1), unicast
		for range 3 {
			l.add(0)
		}
		l.expectOneView(2*time.Second, "form")
		seeks := 0
		l.wire = func(_ *lanHost, p engine.Packet) {
			if p.Scope == engine.Seek {
				seeks++
			}
		}
		l.run(20 * time.Second)
		if unicast && seeks == 0 {
			t.Error("nobody seeks: the test shows nothing")
		}
		for _, h := range l.hosts {
			for _, s := range h.Status().Links {
				if s.Lost > 0 || s.Numbered == 0 {
					t.Errorf("unicast %v, %s: %d frames came, %d are lost", unicast, h.name, s.Numbered, s.Lost)
				}
			}
		}
	}
}

// settledPair gives two hosts in one view whose first tests of paths are over.
func settledPair(t *testing.T) (l *lan, a, b *lanHost) {
	t.Helper()
	l = formed(t, 12, 2)
	l.run(15 * time.Second)
	return l, l.hosts[0], l.hosts[1]
}

// Who asks for an examination while another one goes on takes nothing of it away: both
// find enough when they look.
func TestExaminationsOverlap(t *testing.T) {
	l, a, b := settledPair(t)
	const looks, every, least = 3250 * time.Millisecond, 400 * time.Millisecond, 150
	thorough := engine.ExamineLink{Host: b.process.Host, Addr: b.addr, Thorough: true}
	a.step(thorough)
	for at := every; at < 12*time.Second; at += every {
		l.run(every)
		if s := a.linkTo(b); at >= looks && (s.Sent < least || s.There < s.Sent) {
			t.Errorf("after %v %d are known to have been sent, and %d to have come", at, s.Sent, s.There)
		}
		a.step(thorough)
	}
}

// A short examination at the end of a thorough one does not take the place of the one that
// was to follow.
func TestExaminationThatFollows(t *testing.T) {
	l, a, b := settledPair(t)
	thorough := engine.ExamineLink{Host: b.process.Host, Addr: b.addr, Thorough: true}
	a.step(thorough)
	l.run(2 * time.Second)
	a.step(thorough)
	l.run(900 * time.Millisecond)
	a.step(engine.ExamineLink{Host: b.process.Host, Addr: b.addr})
	l.run(6 * time.Second)
	if s := a.linkTo(b); s.Short < 390 {
		t.Errorf("%d questions, want those of two thorough examinations", s.Short)
	}
}

// An examination tells what gets there, what comes back, and which way loses.
func TestExamination(t *testing.T) {
	l, a, b := settledPair(t)
	drop := map[*lanHost]float64{a: 0.3}
	l.swallows = func(from, _ *lanHost, _ int) bool { return l.rng.Float64() < drop[from] }
	a.step(engine.ExamineLink{Host: b.process.Host, Addr: b.addr, Thorough: true})
	l.run(4 * time.Second)
	s := a.linkTo(b)
	if lost := 100 * (s.Sent - s.There) / max(s.Sent, 1); lost < 20 || lost > 40 || s.There-s.Back > s.There/10 || s.Sent < 180 {
		t.Errorf("%d were sent, %d arrived, %d answers came", s.Sent, s.There, s.Back)
	}
	// One who is nobody's member answers as well.
	l.swallows = nil
	stranger := l.add(0)
	stranger.group = 0
	a.step(engine.ExamineLink{Host: views.HostID{99}, Addr: netip.MustParseAddrPort("10.9.9.9:7749")})
	l.run(4 * time.Second)
	for _, s := range a.Status().Links {
		if s.Host == (views.HostID{99}) && (s.Short != 16 || s.ShortAnswered != 0) {
			t.Errorf("to one who is not there: %+v", s)
		}
	}
}

// What is known of a host outside is kept over a change of the view, as long as it tells
// anything: it may be what the change is about.
func TestLinkToAStrangerOutlivesAView(t *testing.T) {
	l := newLAN(t, 5)
	for range 4 {
		l.add(0)
	}
	l.expectOneView(time.Second, "four form")
	l.run(2 * time.Second)
	stranger := views.HostID{1, 2, 3}
	knows := func() bool {
		return slices.ContainsFunc(l.hosts[0].Links(), func(s engine.LinkStatus) bool { return s.Host == stranger && s.Short > 0 })
	}
	l.hosts[0].step(engine.ExamineLink{Host: stranger, Addr: netip.MustParseAddrPort("10.9.9.9:7749")})
	l.run(time.Second)
	l.kill(l.hosts[3])
	l.expectOneView(time.Second, "one is killed")
	if !knows() {
		t.Error("of the stranger nothing is known any more")
	}
	l.run(time.Minute)
	l.kill(l.hosts[2])
	l.expectOneView(time.Second, "another one is killed")
	for _, want := range []int{2, 1} { // to the member, and to who was one of late
		if n := len(l.hosts[0].Links()); n != want {
			t.Errorf("%d links, want %d", n, want)
		}
		l.run(time.Minute)
	}
}

// What another member relays around a cut link, as a view change has it, is no frame of that
// link: nothing came, and from nowhere else.
func TestRelayedIsNotHeard(t *testing.T) {
	l := formed(t, 11, 5)
	l.run(5 * time.Second)
	a, b := l.hosts[0], l.hosts[3]
	l.swallows = func(from, to *lanHost, _ int) bool { return from == a && to == b || from == b && to == a }
	l.hosts[1].dead = true
	const underWay = 100 * time.Millisecond // came when the link was cut
	for since := 500 * time.Millisecond; since <= 6*time.Second; since += 500 * time.Millisecond {
		l.run(500 * time.Millisecond)
		for _, ends := range [][2]*lanHost{{a, b}, {b, a}} {
			s := ends[0].linkTo(ends[1])
			if s.Host.IsZero() || s.UnicastAge < since-underWay || s.MulticastAge < since-underWay || s.Source != s.Addr {
				t.Fatalf("after %v %s says of %s: %+v", since, ends[0].name, ends[1].name, s)
			}
		}
	}
}

// Of what was asked in vain since a link was cut, and not before, is said that nothing was
// answered; a link that loses much still answers.
func TestAnswersBeforeALinkWasCut(t *testing.T) {
	l := formed(t, 12, 3)
	a, b, c := l.hosts[0], l.hosts[1], l.hosts[2]
	examine := func() {
		for _, o := range []*lanHost{b, c} {
			a.step(engine.ExamineLink{Host: o.process.Host, Addr: o.addr, Thorough: true})
		}
	}
	examine()
	l.run(4 * time.Second)
	for _, o := range []*lanHost{b, c} {
		if s := a.linkTo(o); s.Short != 200 || s.ShortAnswered != 200 {
			t.Fatalf("of a good link: %d of %d answered", s.ShortAnswered, s.Short)
		}
	}
	l.swallows = func(from, to *lanHost, _ int) bool {
		return from == b && to == a || from == c && to == a && l.rng.Float64() < 0.4
	}
	examine()
	l.run(3500 * time.Millisecond)
	if s := a.linkTo(b); s.Short != 200 || s.ShortAnswered != 0 || s.InVain < 3*time.Second || s.InVain > 3500*time.Millisecond {
		t.Errorf("of the cut link: %d of %d answered, in vain for %v; want none of the 200 since", s.ShortAnswered, s.Short, s.InVain)
	}
	if s := a.linkTo(c); s.ShortAnswered == 0 || s.ShortAnswered == s.Short || s.InVain != 0 {
		t.Errorf("of the link that loses: %d of %d answered", s.ShortAnswered, s.Short)
	}
	l.swallows = nil
	examine()
	l.run(4 * time.Second)
	if s := a.linkTo(b); s.ShortAnswered < 200 {
		t.Errorf("of the mended link: %d of %d answered", s.ShortAnswered, s.Short)
	}
}

// Frames that find how long a path is share their way with no others, which do.
func TestFullFramesGoAlone(t *testing.T) {
	l, a, b := settledPair(t)
	alone, long := 0, 0
	l.wire = func(from *lanHost, p engine.Packet) {
		if p.Alone {
			alone++
		}
		if len(p.Frame) > 1000 {
			long++
		}
		if from == a && p.Alone != (len(p.Frame) > 1000) {
			t.Errorf("%d bytes go alone: %v", len(p.Frame), p.Alone)
		}
	}
	a.step(engine.ExamineLink{Host: b.process.Host, Addr: b.addr})
	a.talk(20)
	l.run(4 * time.Second)
	if alone < 8 || alone != long {
		t.Errorf("%d frames went alone, %d were long", alone, long)
	}
}

// One question that was lost at the end of an examination begins no row in vain before the
// next one has its first answer, and a row in vain is over with the time of the counts.
func TestOneLostQuestion(t *testing.T) {
	l, a, b := settledPair(t)
	drop := false
	l.swallows = func(from, to *lanHost, _ int) bool { return drop && from == b && to == a }
	look := func() engine.LinkStatus {
		a.step(engine.ExamineLink{Host: b.process.Host, Addr: b.addr})
		l.run(2250 * time.Millisecond)
		drop = true
		l.run(100 * time.Millisecond)
		drop = false
		l.run(3 * time.Second)
		return a.linkTo(b)
	}
	if s := look(); s.Short != 16 || s.ShortAnswered != 15 || s.InVain != 0 {
		t.Fatalf("%d of %d answered, in vain for %v", s.ShortAnswered, s.Short, s.InVain)
	}
	l.swallows = func(from, to *lanHost, _ int) bool { return from == b && to == a }
	a.step(engine.ExamineLink{Host: b.process.Host, Addr: b.addr})
	l.run(time.Second)
	if s := a.linkTo(b); s.ShortAnswered != 15 || s.InVain != 0 {
		t.Errorf("after a second: %d of %d answered, in vain for %v", s.ShortAnswered, s.Short, s.InVain)
	}
	l.run(2 * time.Second)
	if s := a.linkTo(b); s.ShortAnswered != 0 || s.InVain == 0 {
		t.Errorf("of a cut link: %d of %d answered, in vain for %v", s.ShortAnswered, s.Short, s.InVain)
	}
	l.swallows = nil
	l.run(30 * time.Second)
	if s := a.linkTo(b); !s.Member || s.InVain != 0 {
		t.Errorf("long after: a member %v, in vain for %v", s.Member, s.InVain)
	}
}
