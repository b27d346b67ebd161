package gms

import (
	"context"
	"maps"
	"slices"

	"github.com/gmsd/gmsd/views/groups"
)

// GroupStatus is a light group with a program of this host in it.
type GroupStatus struct {
	Name string
	// ID is the group view that the ports here have.
	ID groups.GroupViewID
	// Members stand in join order. The slice is shared: read only.
	Members []groups.Member
	// Ports are those of this host in it, rising.
	Ports []uint32
}

// Groups gives the light groups in which ports of this host are, by name. Those
// that have members at other hosts only are known to those hosts.
func (h *Host) Groups(ctx context.Context) ([]GroupStatus, error) {
	return ask(ctx, h, func(l *loop, reply chan<- answer[[]GroupStatus]) {
		reply <- answer[[]GroupStatus]{value: l.ports.groups()}
	})
}

// groups lists the groups of the ports here. Those of one group may be a view
// apart; the later one is told.
func (p *ports) groups() []GroupStatus {
	list := make([]GroupStatus, 0, len(p.inGroup))
	for _, name := range slices.Sorted(maps.Keys(p.inGroup)) {
		g := GroupStatus{Name: name}
		for _, s := range p.inGroup[name] {
			g.Ports = append(g.Ports, s.client.number)
			if g.Members == nil || g.ID.Compare(s.id) < 0 {
				g.ID, g.Members = s.id, s.members
			}
		}
		slices.Sort(g.Ports)
		list = append(list, g)
	}
	return list
}
