package netlab_test

import (
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/netlab"
	"github.com/gmsd/gmsd/views"
)

// coordinator gives the host that coordinates, and one that does not.
func (s *stage) coordinator(n int) (coordinator, other int) {
	s.Helper()
	id := s.View(1).View.Coordinator
	for i := 1; i <= n; i++ {
		if s.Self(i).Host == id {
			coordinator = i
		} else {
			other = i
		}
	}
	if coordinator == 0 {
		s.Fatalf("nobody is the coordinator %s", id)
	}
	return coordinator, other
}

func TestForm(t *testing.T) { onEach(t, formOn) }

func formOn(t *testing.T, transport string) {
	s := stageOn(t, transport, 5)
	s.form(5)
	s.flow(50)
}

func TestKill(t *testing.T) { onEachAndRelayed(t, killOn) }

func killOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 5)
	s.changes(15)
	_, member := s.coordinator(5)
	s.kill(member)
	s.serves(without(5, member))
	s.start(member)
	s.serves(netlab.All(5))
	coordinator, _ := s.coordinator(5)
	s.kill(coordinator)
	s.serves(without(5, coordinator))
}

func TestFreezeShort(t *testing.T) { onEachAndRelayed(t, freezeShortOn) }

func freezeShortOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 5)
	const pause = time.Second
	for try := 1; ; try++ {
		frozen, err := s.Freeze(3)
		s.must(err)
		s.must(s.Healthy(true, netlab.All(5)...))
		s.must(s.Hold(pause))
		thawed, err := s.Thaw(3)
		s.must(err)
		if took := thawed.Sub(frozen); took < pause+100*time.Millisecond {
			break
		} else if try == 5 {
			s.Skipf("this machine cannot pause a process for %s: it became %s", pause, took)
		}
		s.must(s.Healthy(false, netlab.All(5)...))
		s.settle(netlab.All(5))
	}
	began := s.Now()
	s.must(s.Hold(3 * time.Second)) // what was suspected would be removed by now
	s.must(s.Healthy(false, netlab.All(5)...))
	s.settle(netlab.All(5))
	s.undisturbed(5, began.Add(-pause), "for a pause of a second")
}

func TestFreezeLong(t *testing.T) { onEachAndRelayed(t, freezeLongOn) }

func freezeLongOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 5)
	s.changes(12)
	frozen, err := s.Freeze(2)
	s.must(err)
	s.settle(without(5, 2))
	s.must(s.WaitFor(generous, "4 s of pause", func() bool { return s.Now() > frozen.Add(4*time.Second) }))
	_, err = s.Thaw(2)
	s.must(err)
	a := s.settle(netlab.All(5))
	if a[0].Kind != views.Merge || a[0].Reason != views.ReasonMerge {
		s.Errorf("came back by a view of kind %s for %s, want a merge", a[0].Kind, a[0].Reason)
	}
	s.flow(usual)
}

func TestLeave(t *testing.T) { onEach(t, leaveOn) }

func leaveOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 5)
	s.changes(10)
	for rest := 5; rest > 2; rest-- {
		began, err := s.Leave(rest)
		s.must(err)
		s.exit(rest, 0)
		a := s.settle(netlab.All(rest - 1))
		if a[0].Reason != views.ReasonLeave {
			s.Errorf("the view's reason is %s, want leave", a[0].Reason)
		}
		s.Logf("%s left: %s", netlab.Name(rest), a[0].At.Sub(began).Round(100*time.Microsecond))
		s.flow(10)
	}
}

func TestLeaveAllAtOnce(t *testing.T) { onEach(t, leaveAllAtOnceOn) }

func leaveAllAtOnceOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 5)
	for i := 1; i <= 5; i++ {
		_, err := s.Leave(i)
		s.must(err)
	}
	for i := 1; i <= 5; i++ {
		s.exit(i, 0)
	}
}

func TestRestart(t *testing.T) { onEach(t, restartOn) }

func restartOn(t *testing.T, transport string) {
	s := stageOn(t, transport, 4)
	s.changes(12)
	s.form(4)
	before := s.Self(4)
	_, err := s.Restart(4)
	s.must(err)
	s.settle(netlab.All(4))
	if after := s.Self(4); after.Host != before.Host || after.Incarnation <= before.Incarnation {
		s.Errorf("after a restart on its directory %v is %v", before, after)
	}
	s.flow(usual)
	// A wiped directory is a new host, whatever its name and address.
	s.kill(4)
	s.must(s.Wipe(4))
	before = s.Self(4)
	s.start(4)
	s.settle(netlab.All(4))
	if after := s.Self(4); after.Host == before.Host {
		s.Errorf("after its directory was wiped it still is %v", after)
	}
	s.flow(usual)
}

func TestCloneRefused(t *testing.T) { onEach(t, cloneRefusedOn) }

func cloneRefusedOn(t *testing.T, transport string) {
	s := stageOn(t, transport, 5)
	s.changes(8)
	s.form(4)
	s.flow(usual)
	s.kill(4)
	s.must(s.Clone(4, 5))
	s.start(4)
	s.serves(netlab.All(4))
	// Its second process is refused, and the group installs nothing because of it.
	began := s.Now()
	s.start(5)
	s.exit(5, exitDamaged)
	s.serves(netlab.All(4))
	s.undisturbed(4, began, "because of a clone")
	s.Logf("the clone said: %s", lastLine(s.Stderr(5)))
}
