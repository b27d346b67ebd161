package netlab_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/netlab"
)

// afterRouter is how long a group is watched once its router is gone: as long as the
// promise is with GMSD_LONG set.
func afterRouter() time.Duration {
	if os.Getenv("GMSD_LONG") != "" {
		return time.Minute
	}
	return 10 * time.Second
}

// routersAreWell wants that no router has fallen over.
func (s *stage) routersAreWell() {
	for i := range strings.Count(s.Routers(), ":") {
		if said := s.RouterStderr(i + 1); strings.Contains(said, "panic:") || strings.Contains(said, "DATA RACE") || strings.Contains(said, "goroutine ") {
			s.Errorf("router %d said:\n%s", i+1, said)
		}
	}
}

// relayed makes a group that has no way but the routers.
func relayed(t *testing.T, hosts, members int) *stage {
	t.Helper()
	s := stageOn(t, netlab.Relay, hosts)
	s.form(members)
	s.flow(usual)
	return s
}

// keeps lets time pass, and wants messages to flow and no view to change.
func (s *stage) keeps(hosts int, d time.Duration, why string) {
	s.Helper()
	began := s.Now()
	s.must(s.Healthy(true, netlab.All(hosts)...))
	s.must(s.Hold(d))
	s.flow(usual)
	s.must(s.Healthy(false, netlab.All(hosts)...))
	s.undisturbed(hosts, began, why)
}

// Where members reach each other no router matters once the group has formed; when one
// is there again they register by themselves, and a new host finds them.
func TestRoutersKilled(t *testing.T) {
	s := stageOn(t, "router", 5)
	s.changes(5)
	s.form(4)
	s.flow(usual)
	s.must(s.KillRouter(1))
	s.must(s.KillRouter(2))
	s.keeps(4, afterRouter(), "after both routers were killed")
	s.must(s.StartRouter(2))
	s.start(5)
	s.serves(netlab.All(5))
}

// A group whose frames go through routers alone: it forms, finds who is silent, and lets
// it in again.
func TestRelayed(t *testing.T) {
	s := relayed(t, 4, 4)
	s.changes(8)
	s.kill(2)
	s.serves(without(4, 2))
	s.start(2)
	s.serves(netlab.All(4))
}

// A router that is frozen takes what it is sent and hands nothing on; one that is killed
// closes. Members go round either, and come back to it.
func TestRelayedRouterLost(t *testing.T) {
	s := relayed(t, 4, 4)
	s.must(s.FreezeRouter(1))
	s.keeps(4, 5*time.Second, "after the router in use was frozen")
	s.must(s.ThawRouter(1))
	s.keeps(4, 3*time.Second, "after it went on")
	s.must(s.KillRouter(2))
	s.keeps(4, 3*time.Second, "after the other was killed")
	s.must(s.StartRouter(2))
	s.keeps(4, 3*time.Second, "after it was started again")
	s.must(s.KillRouter(1))
	s.keeps(4, 5*time.Second, "after the one in use was killed")
}

// Routers that do not reach each other serve those who reach both, and then those that
// are left.
func TestRoutersCutFromEachOther(t *testing.T) {
	s := relayed(t, 5, 4)
	s.changes(5)
	one, other := []int{netlab.RouterHost(1)}, []int{netlab.RouterHost(2)}
	s.impose(&netlab.Cut{From: one, To: other, BothWays: true})
	s.keeps(4, 5*time.Second, "after the routers were cut from each other")
	s.must(s.KillRouter(1))
	s.keeps(4, 5*time.Second, "after one of them was killed")
	s.start(5)
	s.serves(netlab.All(5))
}

// Half of the members reach one router, the others the other: the mesh carries frames.
func TestRelayedByTheMesh(t *testing.T) {
	s := stageOn(t, netlab.Relay, 4)
	s.impose(&netlab.Cut{From: []int{1, 2}, To: []int{netlab.RouterHost(2)}})
	s.impose(&netlab.Cut{From: []int{3, 4}, To: []int{netlab.RouterHost(1)}})
	s.form(4)
	s.flow(usual)
}

// A NAT that forgets the connections of a host that has only those: it registers again
// before anybody misses it.
func TestRelayedThroughNAT(t *testing.T) {
	s := stageOn(t, netlab.Relay, 4)
	s.livesBehindNAT(3 * time.Second)
	if said := s.Stderr(4); !strings.Contains(said, "lost a gossip router") {
		t.Errorf("the NAT forgot nothing that mattered:\n%s", said)
	}
}
