package netlab_test

import (
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/netlab"
	"github.com/gmsd/gmsd/views"
)

func TestBlackHole(t *testing.T) {
	s := newStage(t, 5)
	s.form(5)
	s.flow(20)
	hole := &netlab.BlackHole{Host: 3}
	began := s.Now()
	s.impose(hole)
	a := s.settle(without(5, 3), []int{3})
	s.Logf("black hole: the others after %s, itself after %s", a[0].At.Sub(began), a[1].At.Sub(began))
	s.flow(20)
	s.lift(hole)
	if a := s.settle(netlab.All(5)); a[0].Kind != views.Merge {
		s.Errorf("came back by a view of kind %s", a[0].Kind)
	}
	s.flow(20)
}

func TestPartition(t *testing.T) {
	s := newStage(t, 5)
	s.form(5)
	s.flow(20)
	sides := [][]int{{1, 2, 3}, {4, 5}}
	cut := &netlab.Partition{Sides: sides}
	s.impose(cut)
	s.settle(sides...)
	s.flow(40)
	began := s.Now()
	s.lift(cut)
	a := s.settle(netlab.All(5))
	s.Logf("healed: %s", a[0].At.Sub(began))
	if a[0].Kind != views.Merge {
		s.Errorf("healed by a view of kind %s", a[0].Kind)
	}
	s.flow(20)
}

func TestTwoGroups(t *testing.T) {
	s := newStage(t, 6)
	red, blue := []int{1, 2, 3}, []int{4, 5, 6}
	_, err := s.StartAll(red, "--group", "red")
	s.must(err)
	_, err = s.StartAll(blue, "--group", "blue")
	s.must(err)
	s.settle(red, blue)
	s.must(s.Group("red", red...))
	s.must(s.Group("blue", blue...))
	s.flow(60)
	s.must(s.Kill(2))
	s.must(s.Kill(5))
	s.settle([]int{1, 3}, []int{4, 6})
	s.flow(20)
}

// One direction of one link: the group must resolve it once and stay so.
func TestOneWayCut(t *testing.T) {
	s := newStage(t, 5)
	s.form(5)
	s.flow(20)
	cut := &netlab.Cut{From: []int{1}, To: []int{2}}
	began := s.Now()
	s.impose(cut)
	s.must(s.WaitFor(generous, "a view without one end of the link", func() bool {
		return apart(s, 1, 2)
	}))
	s.must(s.Hold(8 * time.Second))
	for i := 3; i <= 5; i++ {
		got := s.InstallsSince(i, began)
		s.Logf("%s: %d views while the link was cut", netlab.Name(i), len(got))
		for _, v := range got {
			s.Logf("  after %s: %s %s of %d", v.At.Sub(began), v.View.Kind, v.View.Reason, len(v.View.Members))
		}
		if len(got) > 3 {
			s.Errorf("%s installed %d views in %s: flapping", netlab.Name(i), len(got), s.Now().Sub(began))
		}
	}
	s.lift(cut)
	s.settle(netlab.All(5))
	s.flow(20)
}

// apart reports whether 3, 4 and 5 are in one view without both of a and b.
func apart(s *stage, a, b int) bool {
	in := map[views.HostID]bool{}
	for i := 3; i <= 5; i++ {
		v := s.View(i)
		if v.View != s.View(3).View {
			return false
		}
		for _, m := range v.Members {
			in[m.Host] = true
		}
	}
	return !in[s.Self(a).Host] || !in[s.Self(b).Host]
}

// turmoil is how long loss, reorder and duplication last.
const turmoil = 20 * time.Second

func TestTurmoil(t *testing.T) {
	s := newStage(t, 5)
	s.minMessages = 200
	s.form(5)
	s.flow(20)
	loss := &netlab.Loss{Percent: 20}
	late := &netlab.Disturb{Seed: 7, Jitter: 3 * time.Millisecond, Reorder: 20, Duplicate: 10}
	s.impose(loss)
	s.impose(late)
	s.must(s.Healthy(true, netlab.All(5)...))
	began := s.Now()
	s.must(s.Hold(turmoil / 2))
	for i := 1; i <= 5; i++ {
		if got := s.InstallsSince(i, began); len(got) > 0 {
			s.Errorf("%s installed %d views under loss, the first for %s", netlab.Name(i), len(got), got[0].View.Reason)
		}
	}
	s.must(s.Healthy(false, 3))
	hole := &netlab.BlackHole{Host: 3}
	holed := s.Now()
	s.impose(hole)
	a := s.settle(without(5, 3))
	s.Logf("a black hole under 20 %% loss: %s", a[0].At.Sub(holed))
	s.must(s.Hold(turmoil/2 - s.Now().Sub(holed)))
	for _, i := range without(5, 3) {
		for _, v := range s.InstallsSince(i, holed) {
			if len(v.View.Members) != 4 {
				s.Errorf("%s installed a view of %d, want 4", netlab.Name(i), len(v.View.Members))
			}
		}
	}
	s.must(s.Healthy(false, without(5, 3)...))
	s.lift(hole)
	s.lift(late)
	s.lift(loss)
	s.settle(netlab.All(5))
	s.flow(20)
	c := late.Counts()
	s.Logf("disturbed: %+v", c)
	if c.Overtaken == 0 || c.Duplicated == 0 {
		s.Errorf("the disturbance did nothing: %+v", c)
	}
}

func TestLinkFlap(t *testing.T) {
	for _, admin := range []bool{false, true} {
		down := &netlab.LinkDown{Host: 2, Interface: admin}
		t.Run(down.Describe(), func(t *testing.T) {
			s := newStage(t, 4)
			s.form(4)
			s.flow(20)
			for range 2 {
				s.impose(down)
				s.settle(without(4, 2), []int{2})
				s.lift(down)
				s.settle(netlab.All(4))
				s.flow(20)
			}
			// That multicast reaches it again is shown by a host it has never heard of.
			s.must(s.Kill(4))
			s.settle(without(4, 4))
			_, err := s.Start(4)
			s.must(err)
			s.settle(netlab.All(4))
		})
	}
}

// A host that multicast does not reach is alone, and comes in when it does.
func TestMulticastBlocked(t *testing.T) {
	s := newStage(t, 5)
	blocked := &netlab.MulticastBlocked{Blocked: []int{5}}
	s.impose(blocked)
	_, err := s.StartAll(netlab.All(5))
	s.must(err)
	s.settle(netlab.All(4), []int{5})
	s.flow(20)
	s.lift(blocked)
	s.settle(netlab.All(5))
	s.flow(20)
}

// Multicast that stops in the middle splits nobody off in silence: the group
// stays together by unicast, or it says who is gone, and heals after.
func TestMulticastStops(t *testing.T) {
	s := newStage(t, 4)
	s.form(4)
	s.flow(20)
	blocked := &netlab.MulticastBlocked{Blocked: []int{4}}
	s.impose(blocked)
	s.must(s.Hold(5 * time.Second))
	s.Logf("with multicast blocked at h4:\n%s", s.Describe())
	s.lift(blocked)
	s.settle(netlab.All(4))
	s.flow(20)
}

func TestUDPPeers(t *testing.T) {
	s := newStage(t, 5, "--transport", "udp", "--peers", netlab.Peers(3))
	s.impose(&netlab.MulticastBlocked{}) // not one frame by multicast
	s.form(5)
	s.flow(20)
	s.must(s.Kill(1))
	s.settle(without(5, 1))
	s.flow(20)
	_, err := s.Start(1)
	s.must(err)
	s.settle(netlab.All(5))
	s.flow(20)
}

// A narrow port swallows large frames only; messages larger than it must
// neither break the group nor be lost by it without a word.
func TestNarrowPort(t *testing.T) {
	s := newStage(t, 3)
	narrow := &netlab.MTU{Host: 3, Bytes: 1000}
	s.form(3)
	s.impose(narrow)
	began := s.Now()
	s.must(s.Hold(5 * time.Second))
	s.Logf("with an MTU of %d at h3:\n%s", narrow.Bytes, s.Describe())
	s.lift(narrow)
	s.settle(netlab.All(3))
	s.Logf("views since: %d", len(s.InstallsSince(1, began)))
	s.flow(20)
}

// A firewall that answers with resets is strong evidence, and no more than that:
// the group resolves it and heals.
func TestReject(t *testing.T) {
	s := newStage(t, 4)
	s.form(4)
	s.flow(20)
	wall := &netlab.Reject{Host: 2}
	s.impose(wall)
	s.settle(without(4, 2))
	s.lift(wall)
	s.settle(netlab.All(4))
	s.flow(20)
}

func TestSlowCPU(t *testing.T) {
	s := newStage(t, 4)
	s.form(4)
	slow := &netlab.SlowCPU{Host: 2, Percent: 5}
	s.impose(slow)
	s.must(s.Healthy(true, 1, 3, 4))
	s.must(s.Hold(5 * time.Second))
	s.must(s.Healthy(false, 1, 3, 4))
	s.lift(slow)
	s.settle(netlab.All(4))
	s.flow(20)
}
