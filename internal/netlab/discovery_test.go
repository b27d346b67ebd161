package netlab_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/internal/netlab"
)

// status asks a daemon.
func (s *stage) status(host int) admin.StatusAnswer {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), generous)
	defer cancel()
	client := s.Admin(host)
	defer client.Close()
	var a admin.StatusAnswer
	s.must(client.Read(ctx, "/v1/status", &a))
	return a
}

// deaf waits until a host names so many members with whom multicast does not work,
// one way or the other.
func (s *stage) deaf(host, unheard, deaf int) {
	s.Helper()
	s.must(s.WaitFor(generous, fmt.Sprintf("%s: %d unheard, %d deaf", netlab.Name(host), unheard, deaf), func() bool {
		u, d := 0, 0
		for _, m := range s.status(host).Discovery.MulticastDeaf {
			if m.Unheard {
				u++
			}
			if m.Deaf {
				d++
			}
		}
		return u == unheard && d == deaf
	}))
}

// says waits for a line of a daemon's log.
func (s *stage) says(host int, what string) {
	s.Helper()
	s.must(s.WaitFor(generous, netlab.Name(host)+" to say "+what, func() bool { return strings.Contains(s.Stderr(host), what) }))
}

// safely sends messages one after the other, each of which all must hold before the
// call returns, and gives the median of how long one takes.
func (s *stage) safely(host int) time.Duration {
	s.Helper()
	client := s.Admin(host)
	defer client.Close()
	var took []time.Duration
	for range usual + 1 {
		began := time.Now()
		_, err := client.Do(s.Context(), http.MethodPost, "/v1/groups/lab/messages?timeout=20s&order=safe", []byte("held by all"))
		s.must(err)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// asGoodAs wants that messages through members that multicast does not reach are
// about as fast as they are with it: repair takes a hundred milliseconds and more.
func (s *stage) asGoodAs(deaf, well time.Duration) {
	s.Helper()
	s.Logf("a safe message took %s where multicast did not pass, %s where it does", deaf, well)
	if deaf > 10*well+50*time.Millisecond {
		s.Error("the deaf live on repair")
	}
}

// Not one frame passes by multicast: those who are known by any layer make a view
// all the same, and say what is wrong.
func TestPeersWithoutMulticast(t *testing.T) {
	s := newStage(t, 4)
	file := filepath.Join(s.Dir(), "peers")
	s.must(os.WriteFile(file, []byte("# the first\n"+netlab.Addr(1).String()+"\nnot:a:peer\n"), 0o600))
	blocked := &netlab.MulticastBlocked{}
	s.impose(blocked)
	s.form(4, "--peers-file", file)
	s.says(1, "peers:3: not a peer")
	for i := range 4 {
		s.deaf(i+1, 3, 3)
	}
	s.says(2, "multicast does not pass between this host and other members")
	deaf := s.safely(1)
	// Halves that no multicast tells of each other merge.
	parted := &netlab.Partition{Sides: [][]int{{1, 2}, {3, 4}}}
	s.impose(parted)
	s.settle([]int{1, 2}, []int{3, 4})
	s.lift(parted)
	s.serves(netlab.All(4))
	s.lift(blocked)
	for i := range 4 {
		s.deaf(i+1, 0, 0)
	}
	s.says(2, "multicast passes between this host and all members again")
	s.asGoodAs(deaf, s.safely(1))
}

// A host that hears no multicast gets into the view without a peer configured, since
// it is heard, and has its messages without repair.
func TestDeafHost(t *testing.T) {
	s := newStage(t, 4)
	blocked := &netlab.MulticastBlocked{Blocked: []int{4}, Inward: true}
	s.impose(blocked)
	s.form(4)
	s.deaf(4, 3, 0)
	for i := range 3 {
		s.deaf(i+1, 0, 1)
	}
	deaf := s.safely(1)
	s.lift(blocked)
	s.deaf(4, 0, 0)
	s.deaf(1, 0, 0)
	s.asGoodAs(deaf, s.safely(1))
}

// What a host remembers suffices to find the others; and a host that finds none of
// those it remembers does not take itself for the first.
func TestRememberedPeers(t *testing.T) {
	s := newGroup(t, 3)
	s.changes(6)
	s.kill(3)
	s.settle(without(3, 3))
	s.impose(&netlab.MulticastBlocked{})
	s.start(3)
	s.serves(netlab.All(3))
	for i := range 3 {
		s.kill(i + 1)
	}
	s.start(2)
	s.says(2, "it is not the first of a new cluster")
	if alone := s.status(2).Discovery; alone.AloneSeconds == 0 || alone.Absent != 2 {
		s.Errorf("alone for %v s, %d absent, want some seconds and 2", alone.AloneSeconds, alone.Absent)
	}
	s.start(1)
	s.start(3)
	s.serves(netlab.All(3))
	s.says(2, "no longer alone")
}

// An interface that does not carry multicast keeps nobody out who knows another; it
// joins the group when it can.
func TestInterfaceWithoutMulticast(t *testing.T) {
	s := newStage(t, 3)
	s.must(s.IP(3, "link set eth0 multicast off"))
	s.form(3, "--peers", netlab.Peers(1))
	s.deaf(3, 2, 2)
	s.says(3, "the multicast group is out of reach")
	s.flow(usual)
	s.must(s.IP(3, "link set eth0 multicast on"))
	s.deaf(3, 0, 0)
}
