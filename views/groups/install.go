package groups

import (
	"slices"

	"github.com/gmsd/gmsd/views"
)

// scratch is memory that place uses again and again.
type scratch struct {
	ranks []int
	ports []uint32
}

// install makes the agreed membership of g its view under id, and tells the
// local ports. Where nothing came of it there is no new view, unless must: then
// somebody waits for one.
func (m *Machine) install(g *group, id GroupViewID, must bool) {
	if g.changed || must {
		m.installLatest(g, id, must)
	}
	m.handOver(g, id.View, id.K)
}

func (m *Machine) installLatest(g *group, id GroupViewID, must bool) {
	prev, gone := g.members, g.gone
	next := g.latest()
	g.next, g.gone, g.changed = nil, nil, false
	m.tellParted(g, gone)
	if must || !sameMembers(prev, next) {
		was := g.id
		g.id, g.members = id, next
		m.place(g)
		m.tell(g, was, prev, gone)
	}
	if len(g.members) == 0 {
		g.asks = nil
		delete(m.table.groups, g.name)
	}
}

func sameMembers(a, b []Member) bool {
	return slices.EqualFunc(a, b, func(a, b Member) bool { return a.is(&b) })
}

// place finds the ranks and the local ports of the installed members.
func (m *Machine) place(g *group) {
	ranks, ports := m.scratch.ranks[:0], m.scratch.ports[:0]
	for i := range g.members {
		ranks = append(ranks, m.ranks[g.members[i].Process])
		if g.members[i].Process == m.self {
			ports = append(ports, g.members[i].Port)
		}
	}
	m.scratch.ranks, m.scratch.ports = ranks, ports
	slices.Sort(ranks)
	if ranks = slices.Compact(ranks); !slices.Equal(g.hosts, ranks) {
		g.hosts = slices.Clone(ranks)
	}
	if !slices.Equal(g.local, ports) {
		g.local = slices.Clone(ports)
	}
}

// tell gives the new view to the local ports: to those that go on in one
// event, to each that joins in one of its own. Those that leave get no more.
func (m *Machine) tell(g *group, was GroupViewID, prev []Member, gone []Departure) {
	if len(g.local) == 0 {
		return
	}
	trans, joined := split(g.members, prev)
	goesOn := GroupView{
		Group: g.name, ID: g.id, Prev: was, Members: g.members,
		Trans: trans, Joined: joined, Left: departures(prev, trans, gone),
	}
	for i := range trans {
		if trans[i].Process == m.self && m.local.wants(&trans[i], g.name) {
			goesOn.Ports = append(goesOn.Ports, trans[i].Port)
		}
	}
	if len(goesOn.Ports) > 0 {
		m.events = append(m.events, goesOn)
	}
	for i := range joined {
		if joined[i].Process == m.self && m.local.wants(&joined[i], g.name) {
			m.events = append(m.events, GroupView{
				Group: g.name, Ports: []uint32{joined[i].Port}, ID: g.id, Members: g.members,
				Trans: joined[i : i+1 : i+1], Joined: g.members,
			})
		}
	}
}

// membership is what makes two members the same, as a key.
type membership struct {
	views.Process
	port uint32
	join uint64
}

// fewMembers is up to where looking through beats a map.
const fewMembers = 8

// holds gives a test for being in members.
func holds(members []Member) func(*Member) bool {
	if len(members) <= fewMembers {
		return func(m *Member) bool {
			return slices.ContainsFunc(members, func(o Member) bool { return o.is(m) })
		}
	}
	set := make(map[membership]struct{}, len(members))
	for i := range members {
		set[keyOf(&members[i])] = struct{}{}
	}
	return func(m *Member) bool { _, ok := set[keyOf(m)]; return ok }
}

func keyOf(m *Member) membership { return membership{m.Process, m.Port, m.Join} }

// split parts members into those of prev and the others, in their order.
func split(members, prev []Member) (of, others []Member) {
	in := holds(prev)
	for i := range members {
		if in(&members[i]) {
			of = append(of, members[i])
		} else {
			others = append(others, members[i])
		}
	}
	return of, others
}

// departures gives the members of prev that are not in trans, with why.
func departures(prev, trans []Member, gone []Departure) []Departure {
	if len(prev) == len(trans) {
		return nil
	}
	in := holds(trans)
	var out []Departure
	for i := range prev {
		if in(&prev[i]) {
			continue
		}
		d := Departure{prev[i], Partitioned}
		if at := slices.IndexFunc(gone, func(g Departure) bool { return g.is(&d.Member) }); at >= 0 {
			d.Why = gone[at].Why
			if d.Why == WhyNone { // replaced by a later join of the same port
				d.Why = Left
			}
		}
		out = append(out, d)
	}
	return out
}

// tellParted tells local ports that they are out. One that was replaced by a
// later join of the same port is not.
func (m *Machine) tellParted(g *group, gone []Departure) {
	for i := range gone {
		if d := &gone[i]; d.Process == m.self && d.Why != WhyNone {
			m.events = append(m.events, Parted{g.name, d.Port, d.Why})
		}
	}
}
