package membertest

import (
	"cmp"
	"slices"
	"time"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views/groups"
)

// fakeMember is a membership of a port.
type fakeMember struct {
	groups.Member
	port     *FakePort
	blockFor time.Duration
	state    *fakeState
	// in is closed when the first view is there.
	in chan struct{}
}

// fakeGroup is a group: its view, and what is agreed to come next.
type fakeGroup struct {
	name    string
	id      groups.GroupViewID
	members []fakeMember
	joining []fakeMember
	gone    []groups.Departure
	// out are closed when the departure is agreed.
	out []chan struct{}
	// change is nil where nobody is asked.
	change *fakeChange
}

// fakeChange waits for the ports in asked.
type fakeChange struct {
	asked []*FakePort
}

func (g *fakeGroup) index(p *FakePort) int {
	return slices.IndexFunc(g.members, func(m fakeMember) bool { return m.port == p })
}

func (g *fakeGroup) leaving(m *fakeMember) bool {
	return slices.ContainsFunc(g.gone, func(d groups.Departure) bool { return d.Port == m.Port && d.Join == m.Join })
}

// isMember reports whether p is in g or on its way.
func (g *fakeGroup) isMember(p *FakePort) bool {
	i := g.index(p)
	return i >= 0 && !g.leaving(&g.members[i]) || slices.ContainsFunc(g.joining, func(m fakeMember) bool { return m.port == p })
}

// part takes p out of g; what it was asked, it has answered.
func (f *Fake) part(g *fakeGroup, p *FakePort, why groups.Why) {
	g.joining = slices.DeleteFunc(g.joining, func(m fakeMember) bool { return m.port == p })
	if i := g.index(p); i >= 0 && !g.leaving(&g.members[i]) {
		g.gone = append(g.gone, groups.Departure{Member: g.members[i].Member, Why: why})
		f.forget(g, &g.members[i])
	}
	f.answered(g, p)
	f.begin(g)
}

// begin asks those who want to be asked, or installs at once.
func (f *Fake) begin(g *fakeGroup) {
	if g.change != nil || len(g.joining) == 0 && len(g.gone) == 0 {
		return
	}
	c := &fakeChange{}
	for i := range g.members {
		m := &g.members[i]
		if m.Block && !g.leaving(m) {
			c.asked = append(c.asked, m.port)
			m.port.push(&member.Event{Kind: member.KindBlock, Group: g.name})
			port, join := m.port, m.Join
			time.AfterFunc(m.blockFor, func() { f.tooLate(g, c, port, join) })
		}
	}
	if len(c.asked) == 0 {
		f.install(g)
		return
	}
	g.change = c
}

// tooLate cuts a port that has not answered.
func (f *Fake) tooLate(g *fakeGroup, c *fakeChange, p *FakePort, join uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := g.index(p)
	if g.change != c || !slices.Contains(c.asked, p) || i < 0 || g.members[i].Join != join {
		return
	}
	f.part(g, p, groups.Cut)
}

// answered takes p off those who are awaited, and installs after the last.
func (f *Fake) answered(g *fakeGroup, p *FakePort) {
	if g.change == nil {
		return
	}
	g.change.asked = slices.DeleteFunc(g.change.asked, func(o *FakePort) bool { return o == p })
	if len(g.change.asked) == 0 {
		g.change = nil
		f.install(g)
	}
}

// install makes what is agreed the group's view. The lock is held.
func (f *Fake) install(g *fakeGroup) {
	if len(g.joining) == 0 && len(g.gone) == 0 {
		return
	}
	was, gone, out := g.id, g.gone, g.out
	f.tellParted(g)
	stay := slices.DeleteFunc(slices.Clone(g.members), func(m fakeMember) bool { return g.leaving(&m) })
	joined := g.joining
	g.members = append(slices.Clip(stay), joined...)
	g.joining, g.gone, g.out = nil, nil, nil
	g.id = groups.GroupViewID{View: f.view, K: f.next()}
	f.tell(g, was, values(stay), values(joined), gone)
	for _, c := range out {
		close(c)
	}
	if len(g.members) == 0 {
		delete(f.groups, g.name)
	}
	f.settleStates(g, joined)
}

func (f *Fake) tellParted(g *fakeGroup) {
	for i := range g.members {
		m := &g.members[i]
		for _, d := range g.gone {
			if d.Port != m.Port || d.Join != m.Join {
				continue
			}
			e := member.Event{Kind: member.KindParted, Group: g.name, Why: d.Why}
			if d.Why == groups.Cut {
				e.Err = cmp.Or(m.state.cut, member.ErrBlocked)
			}
			m.flush(false)
			m.port.push(&e)
		}
	}
}

func (f *Fake) tell(g *fakeGroup, was groups.GroupViewID, stay, joined []groups.Member, gone []groups.Departure) {
	all := values(g.members)
	goesOn := &groups.GroupView{
		Group: g.name, ID: g.id, Prev: was, Members: all, Trans: stay, Joined: joined, Left: gone,
	}
	for i := range stay {
		goesOn.Ports = append(goesOn.Ports, stay[i].Port)
		g.members[i].push(&member.Event{Kind: member.KindView, Group: g.name, View: goesOn})
	}
	for i := len(stay); i < len(all); i++ {
		v := &groups.GroupView{
			Group: g.name, Ports: []uint32{all[i].Port}, ID: g.id, Members: all, Trans: all[i : i+1 : i+1], Joined: all,
		}
		g.members[i].push(&member.Event{Kind: member.KindView, Group: g.name, View: v})
		close(g.members[i].in)
	}
}

func values(ms []fakeMember) []groups.Member {
	out := make([]groups.Member, len(ms))
	for i := range ms {
		out[i] = ms[i].Member
	}
	return out
}
