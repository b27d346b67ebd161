package admin

import (
	"cmp"
	"net/http"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// GroupID names a view of a light group: made in a host view at place K of its
// agreed order; Side tells parts apart that have just merged.
type GroupID struct {
	View ViewID         `json:"view"`
	K    views.Position `json:"k"`
	Side uint16         `json:"side"`
}

// GroupPort is a program in a light group.
type GroupPort struct {
	Host        views.HostID      `json:"host"`
	Incarnation views.Incarnation `json:"incarnation"`
	Port        uint32            `json:"port"`
	Join        uint64            `json:"join"`
	Name        string            `json:"name"`
	// Why is set for one that is out: left, crashed, cut, host-left, host-crashed
	// or partitioned.
	Why string `json:"why,omitempty"`
}

// GroupView is a light group as its members see it, or as GET /v1/groups lists it.
type GroupView struct {
	Name string  `json:"name"`
	ID   GroupID `json:"id"`
	// Ports are those of this host in it.
	Ports []uint32 `json:"ports"`
	// Members stand in join order; Joined are those that did not come along from
	// the view before, Left those of it that are out. Both are for members only.
	Members []GroupPort `json:"members"`
	Joined  []GroupPort `json:"joined,omitempty"`
	Left    []GroupPort `json:"left,omitempty"`
}

// GroupsAnswer is the body of GET /v1/groups.
type GroupsAnswer struct {
	Groups []GroupView `json:"groups"`
}

func groupID(id groups.GroupViewID) GroupID { return GroupID{viewID(id.View), id.K, id.Side} }

func groupPorts(list []groups.Member) []GroupPort {
	ports := make([]GroupPort, len(list))
	for i := range list {
		ports[i] = groupPort(&list[i])
	}
	return ports
}

func groupPort(m *groups.Member) GroupPort {
	return GroupPort{Host: m.Host, Incarnation: m.Incarnation, Port: m.Port, Join: m.Join, Name: m.Name}
}

// handleGroups lists the light groups with a program of this host in them.
func (s *Server) handleGroups(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel, err := deadline(w, r)
	if err != nil {
		return err
	}
	defer cancel()
	list, err := s.group.Groups(ctx)
	if err != nil {
		return err
	}
	answer := GroupsAnswer{Groups: make([]GroupView, len(list))}
	for i := range list {
		g := &list[i]
		answer.Groups[i] = GroupView{Name: g.Name, ID: groupID(g.ID), Ports: g.Ports, Members: groupPorts(g.Members)}
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// joinName is what a member calls itself that gives join= without a name.
const joinName = "admin"

// streamJoined makes the client a member of the light group for as long as it
// reads: it joins before the first line, and leaves with the connection.
func (s *Server) streamJoined(w http.ResponseWriter, r *http.Request, group string) error {
	port, err := s.group.Open(cmp.Or(r.URL.Query().Get("join"), joinName))
	if err != nil {
		return err
	}
	leave := func() { _ = port.Close() } // it leaves, whatever became of the client
	if err := s.join(w, r, port, group); err != nil {
		leave()
		return err
	}
	stream(s, w, r, source[member.Event]{port.Next, leave, costOfJoined, joinedLine})
	return nil
}

func (s *Server) join(w http.ResponseWriter, r *http.Request, port member.Port, group string) error {
	ctx, cancel, err := deadline(w, r)
	if err != nil {
		return err
	}
	defer cancel()
	return port.Join(ctx, group, member.Options{})
}

func costOfJoined(e *member.Event) int { return len(e.Msg.Payload) + unreadCost }

// joinedLine is an event of a port as a line; parted is the last one.
func joinedLine(e *member.Event) (line GroupEvent, last bool) {
	line.Ev = e.Kind.String()
	switch e.Kind { //nolint:exhaustive // it did not ask for states or blocks, and its port has no gaps
	case member.KindView:
		line.Group = joinedView(e.View)
	case member.KindMessage:
		m := &e.Msg
		line.GroupMessage = &GroupMessage{
			Msg: messageID(m.ID), From: m.ID.From.Host, Port: m.Port, K: m.K, Order: m.Order.String(), Transitional: m.Transitional,
		}
		line.fill(m.Payload)
	case member.KindParted:
		line.Why = e.Why.String()
		return line, true
	}
	return line, false
}

func joinedView(v *groups.GroupView) *GroupView {
	g := &GroupView{Name: v.Group, ID: groupID(v.ID), Ports: v.Ports, Members: groupPorts(v.Members), Joined: groupPorts(v.Joined)}
	for i := range v.Left {
		p := groupPort(&v.Left[i].Member)
		p.Why = v.Left[i].Why.String()
		g.Left = append(g.Left, p)
	}
	return g
}
