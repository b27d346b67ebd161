package groups

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/gmsd/gmsd/views"
)

// Beyond a limit a join is refused at its host, alike everywhere.
func TestFull(t *testing.T) {
	s := together(t, 2)
	for port := range uint32(GroupMembersMax - 1) {
		s.joinQuietly(0, port+1, "g")
	}
	s.settleQuietly()
	s.joinQuietly(0, 9001, "g")
	s.joinQuietly(1, 9001, "g")
	var failed []string
	for i, h := range s.hosts {
		for _, c := range h.m.Drain().Controls {
			s.say(i, c)
		}
	}
	for _, h := range s.hosts {
		for h.delivered < len(h.at.order) {
			h.delivered++
			c := h.at.order[h.delivered-1]
			_ = h.m.HandleControl(h.at.view.RankOf(c.from), views.Position(h.delivered), false, c.body)
		}
		for _, e := range h.m.Drain().Events {
			if f, ok := e.(JoinFailed); ok && errors.Is(f.Err, ErrFull) {
				failed = append(failed, fmt.Sprintf("%d:%d", h.id[0], f.Port))
			}
		}
	}
	if len(failed) != 1 || failed[0] != "2:9001" {
		t.Errorf("refused: %v", failed)
	}
	if err := s.hosts[1].m.Join(9002, "g", "", Options{}); !errors.Is(err, ErrFull) {
		t.Errorf("join of a full group: %v", err)
	}
	if a, b := describe(s.hosts[0].m), describe(s.hosts[1].m); a != b {
		t.Error("tables differ")
	}
}

// Joins that nobody agrees to are bounded.
func TestWaiting(t *testing.T) {
	m := New(views.Process{Incarnation: 1})
	for port := range uint32(WaitingMax) {
		if err := m.Join(port, "g", "", Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Join(WaitingMax, "g", "", Options{}); !errors.Is(err, ErrBusy) {
		t.Errorf("one more: %v", err)
	}
}

// When sides merge that have no room together, the smaller side's ports beyond
// it are told, and the tables are alike.
func TestNoRoomTogether(t *testing.T) {
	s := &stage{newWorld(3, t.Errorf), t}
	s.view(s.hosts[:2], nil)
	s.rest()
	const each = 3000
	for port := range uint32(each) {
		s.joinQuietly(0, port+1, "g")
		s.joinQuietly(2, port+1, "g")
	}
	s.settleQuietly()
	v := &views.View{ID: views.ViewID{Seq: 99}}
	for _, h := range s.hosts {
		v.Members = append(v.Members, views.Member{Process: h.p})
	}
	var order [][]byte
	var from []int
	for i, h := range s.hosts {
		trans := []views.HostID{s.hosts[0].id, s.hosts[1].id}
		if i == 2 {
			trans = []views.HostID{h.id}
		}
		h.m.HandleView(v, trans, nil, nil)
		for _, c := range h.m.Drain().Controls {
			order, from = append(order, c), append(from, i)
		}
	}
	failed := 0
	for _, h := range s.hosts {
		for k, c := range order {
			if err := h.m.HandleControl(from[k], views.Position(k+1), false, c); err != nil {
				t.Error(err)
			}
		}
		o := h.m.Drain()
		for _, e := range o.Events {
			if f, ok := e.(JoinFailed); ok && h == s.hosts[2] && errors.Is(f.Err, ErrFull) {
				failed++
			}
		}
		if len(o.Controls) > 0 {
			t.Errorf("host %d has something to mend", h.id[0])
		}
		if describe(h.m) != describe(s.hosts[0].m) || !h.m.Settled() {
			t.Error("tables differ")
		}
	}
	if failed != 2*each-GroupMembersMax {
		t.Errorf("%d ports were told, of %d without room", failed, 2*each-GroupMembersMax)
	}
}

// What the path of a message asks allocates nothing.
func TestQueriesAllocateNothing(t *testing.T) {
	s := together(t, 2)
	s.join(0, 1, "g", false)
	s.rest()
	m, name := s.hosts[0].m, []byte("g")
	if n := testing.AllocsPerRun(100, func() {
		if len(m.Hosts(string(name)))+len(m.LocalPorts(string(name))) != 2 {
			t.Error("not there")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// 1,000 groups with a member at each of 5 hosts take less than 2 KiB a group at
// a host.
func TestMemory(t *testing.T) {
	const groups, hosts, budget = 1000, 5, 2 << 10
	s := together(t, hosts)
	before := heap()
	for g := range groups {
		for h := range hosts {
			s.joinQuietly(h, 1, fmt.Sprintf("a group with a name of usual length %04d", g))
		}
	}
	for i, h := range s.hosts {
		for _, c := range h.m.Drain().Controls {
			s.say(i, c)
		}
	}
	controls := len(s.hosts[0].at.order)
	s.settleQuietly()
	s.hosts[0].at.order = nil
	each := (heap() - before) / groups / hosts
	t.Logf("%d bytes a group a host, of which the table and the wishes of one local port; %d controls", each, controls)
	if each > budget {
		t.Errorf("%d bytes a group a host, at most %d", each, budget)
	}
	runtime.KeepAlive(s)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkJoin1000 is 1,000 groups joined at each of 5 hosts.
func BenchmarkJoin1000(b *testing.B) {
	for b.Loop() {
		s := &stage{newWorld(5, b.Errorf), &testing.T{}}
		s.view(s.hosts, nil)
		s.rest()
		for g := range 1000 {
			for h := range 5 {
				s.joinQuietly(h, 1, fmt.Sprintf("g%04d", g))
			}
		}
		s.settleQuietly()
	}
}
