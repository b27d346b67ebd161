package groups

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/gmsd/gmsd/views"
)

// meeting is two sides that have come into one view and exchanged nothing yet:
// hosts 1 and 2, whose first announces for both, and 3 alone.
func meeting(t *testing.T) *stage {
	s := &stage{newWorld(3, t.Errorf), t}
	s.hostile = true
	s.view(s.hosts[:2], nil)
	s.rest()
	for host := range 3 {
		s.join(host, 1, "g", false)
		s.join(host, 1, "h", false)
		s.rest()
	}
	s.view(s.hosts, nil)
	s.forget()
	return s
}

// Whatever is announced, all have one table in the end, and their ports are in
// it again.
func TestLies(t *testing.T) {
	s := meeting(t)
	here := viewID(s, 0)
	id := GroupViewID{View: views.ViewID{Seq: 1}, K: 1}
	own, _ := s.hosts[1].m.MembersOf("g")
	one, three := Member{Process: s.hosts[0].p, Port: 1, Join: 1}, Member{Process: s.hosts[2].p, Port: 9, Join: 1 << 40}
	_, both := s.hosts[1].m.MembersOf("g")
	for name, body := range map[string][]byte{
		"says nothing of anybody":  announcement(here, []int{0, 1, 2}),
		"says nothing of its side": announcement(here, []int{0, 1}),
		"speaks for others alone":  announcement(here, []int{1, 2}),
		"another's members":        announcement(here, []int{0}, saying("g", id, []int{2}, three)),
		"invents a port":           announcement(here, []int{0, 2}, saying("g", id, []int{2}, three)),
		"members under our id":     announcement(here, []int{0, 1}, saying("g", own, []int{0}, one)),
		"order under our id":       announcement(here, []int{0, 1}, saying("g", own, []int{1, 0}, both[1], both[0])),
		"a port twice":             announcement(here, []int{0}, saying("g", id, []int{0, 0}, one, one)),
		"an id to come":            announcement(here, []int{0}, saying("g", GroupViewID{View: here, K: 1}, []int{0}, one)),
		"names that fall":          announcement(here, []int{0}, saying("h", id, []int{0}, one), saying("g", id, []int{0}, one)),
		"a group twice":            announcement(here, []int{0}, saying("h", id, []int{0}, one), saying("h", id, []int{0}, one)),
		"half a group":             announcement(here, []int{0}, saying("g", id, []int{0}, one)[:30]),
		"a rank that is none":      announcement(here, []int{0, 7}),
		"no head":                  {version, kindAnnounce, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := meeting(t)
			s.say(0, body)
			s.rest()
			s.judge()
		})
	}
}

// A view that says of hosts with groups that they know of none does not part
// the tables either.
func TestNotBare(t *testing.T) {
	for _, bare := range [][]bool{{true, true, true}, {true, true, false}, {true, false, false}} {
		s := meeting(t)
		v := *s.hosts[0].at.view
		v.ID.Seq++
		c := &component{view: &v}
		for i, h := range s.hosts {
			trans := hostsOf(s.hosts[:2])
			if i == 2 {
				trans = hostsOf(s.hosts[2:])
			}
			h.at, h.delivered = c, 0
			h.m.HandleView(&v, trans, bare, nil)
			h.act()
		}
		s.rest()
		s.judge()
	}
}

// What is said twice, in pieces that do not fit, of another view or by nobody
// is dropped with its reason, and changes nothing.
func TestDropped(t *testing.T) {
	s := meeting(t)
	here := viewID(s, 0)
	unknown := binary.AppendUvarint(appendString(appendViewID([]byte{version, kindReady}, here), "g"), 1)
	settled := meeting(t)
	settled.rest()
	for name, c := range map[string]struct {
		s    *stage
		body []byte
		want error
	}{
		"empty":              {s, nil, ErrMalformed},
		"version":            {s, []byte{version + 1, kindOps}, ErrMalformed},
		"kind":               {s, []byte{version, 9}, ErrMalformed},
		"no operation":       {s, []byte{version, kindOps}, ErrMalformed},
		"an operation":       {s, []byte{version, kindOps, 7, 1}, ErrMalformed},
		"a reason":           {s, ops(operation{kind: opLeave, port: 1, why: HostLeft, group: "g"}), ErrMalformed},
		"no group":           {s, ops(operation{kind: opJoin, port: 1}), ErrMalformed},
		"long":               {s, make([]byte, ControlMax+1), ErrMalformed},
		"a long number":      {s, []byte{version, kindOps, opGone, 0x81, 0}, ErrMalformed},
		"another view":       {s, announcement(views.ViewID{Seq: 77}, []int{0}), ErrStale},
		"no such change":     {settled, unknown, ErrUnexpected},
		"answer elsewhere":   {s, unknown, ErrUnexpected},
		"settled":            {settled, announcement(viewID(settled, 0), []int{0}), ErrUnexpected},
		"a ready cut off":    {s, unknown[:len(unknown)-1], ErrMalformed},
		"a ready to nothing": {s, appendViewID([]byte{version, kindReady}, here), ErrMalformed},
	} {
		before := describe(c.s.hosts[1].m)
		err := c.s.hosts[1].m.HandleControl(0, 1, false, c.body)
		if !errors.Is(err, c.want) || describe(c.s.hosts[1].m) != before {
			t.Errorf("%s: %v, want %v and no change", name, err, c.want)
		}
	}
	if err := s.hosts[1].m.HandleControl(3, 1, false, nil); !errors.Is(err, ErrUnexpected) {
		t.Errorf("a rank that is none: %v", err)
	}
}

// Who says too much in an exchange is dropped from there to its end, alike
// everywhere, and says it again.
func TestOverrun(t *testing.T) {
	s := meeting(t)
	var flood outbox
	for range heldHostMax + 1 {
		flood.operation(operation{kind: opGone, port: 77})
	}
	flood.flush()
	for _, body := range flood.done {
		s.say(0, body)
	}
	s.join(0, 2, "late", false)
	s.hosts[0].leave(1, "g", Left)
	late := s.hosts[0].unsent[len(s.hosts[0].unsent)-2:]
	announce := s.hosts[0].unsent[0]
	for _, body := range append(late, announce) {
		s.say(0, body)
	}
	s.hosts[0].unsent = nil
	s.rest()
	s.judge()
	overrun := 0
	for _, err := range s.dropped {
		if errors.Is(err, ErrOverrun) {
			overrun++
		}
	}
	if overrun < 3*3 { // the last of the flood and two more, at three hosts
		t.Errorf("%d dropped as too much", overrun)
	}
}

// FuzzHandleControl gives the same bytes to two hosts of two sides: neither
// panics, and they agree; at the end each side's own word settles it.
func FuzzHandleControl(f *testing.F) {
	frames := func(parts ...[]byte) []byte {
		var b []byte
		for i, p := range parts {
			b = append(binary.AppendUvarint(append(b, byte(i)), uint64(len(p))), p...)
		}
		return b
	}
	s := meeting(&testing.T{})
	here := viewID(s, 0)
	one := Member{Process: s.hosts[0].p, Port: 1, Join: 1, Name: "n"}
	old := GroupViewID{View: views.ViewID{Seq: 1}, K: 1}
	f.Add(frames(announcement(here, []int{0, 1}, saying("g", old, []int{0}, one)), ops(operation{kind: opGone, port: 1}), announcement(here, []int{2})))
	f.Add(frames(announcement(here, []int{0, 1, 2}, saying("g", old, []int{0, 0}, one, one))))
	f.Add(frames(ops(operation{kind: opJoin, port: 3, join: 1, block: true, name: "n", group: "g"}, operation{kind: opLeave, port: 3, why: Cut, group: "g"})))
	f.Add(frames(binary.AppendUvarint(appendString(appendViewID([]byte{version, kindReady}, here), "g"), 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := meeting(t)
		for len(data) > 1 {
			origin := int(data[0]) % 3
			n, used := binary.Uvarint(data[1:])
			if used <= 0 {
				return
			}
			data = data[1+used:]
			n = min(n, uint64(len(data)))
			s.say(origin, data[:n])
			data = data[n:]
		}
		for s.hosts[0].delivered < len(s.hosts[0].at.order) {
			for _, h := range s.hosts {
				h.delivered++
				c := h.at.order[h.delivered-1]
				_ = h.m.HandleControl(h.at.view.RankOf(c.from), views.Position(h.delivered), false, c.body)
			}
			a, b := describe(s.hosts[0].m), describe(s.hosts[2].m)
			if a != b {
				t.Fatalf("one host has\n%s\nanother\n%s", a, b)
			}
		}
		for _, h := range s.hosts {
			h.act1()
		}
		for s.hosts[0].send() || s.hosts[1].send() || s.hosts[2].send() || s.hosts[0].delivered < len(s.hosts[0].at.order) {
			for _, h := range s.hosts {
				for h.delivered < len(h.at.order) {
					h.delivered++
					c := h.at.order[h.delivered-1]
					_ = h.m.HandleControl(h.at.view.RankOf(c.from), views.Position(h.delivered), false, c.body)
				}
				h.act1()
			}
		}
		for _, h := range s.hosts[1:] {
			if !h.m.Settled() || describe(h.m) != describe(s.hosts[0].m) {
				t.Fatalf("not settled alike:\n%s\n%s", describe(h.m), describe(s.hosts[0].m))
			}
		}
	})
}

// act1 takes the controls of a machine and looks at nothing else.
func (h *host) act1() { h.unsent = append(h.unsent, h.m.Drain().Controls...) }
