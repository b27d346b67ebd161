package vsync

import "github.com/gmsd/gmsd/views"

// A view must fit into one datagram, whole, for those who come into it.
const (
	installRoom = views.DatagramMax - 4096
	// recordFixed is what a member takes beside its texts, groupFixed what the
	// members of one view take together.
	recordFixed = 56
	groupFixed  = 36
)

// recordBytes is about what members take in an Install.
func recordBytes(members []views.Member) int {
	n := groupFixed
	for i := range members {
		m := &members[i]
		n += recordFixed + len(m.Name) + len(m.Version)
		for _, a := range m.Attrs {
			n += 2 + len(a.Key) + len(a.Value)
		}
	}
	return n
}

// room is what is left of a view.
type room struct{ members, bytes int }

func (c *Core) room() room {
	return room{views.MembersMax - c.view.Size(), installRoom - c.viewBytes}
}

// holds reports whether a stranger's view has room.
func (r *room) holds(s *stranger) bool { return len(s.roster) <= r.members && s.bytes <= r.bytes }

func (r *room) take(s *stranger) {
	r.members -= len(s.roster)
	r.bytes -= s.bytes
}

// turnAway tells one that is alone that the view is full; of a view that does not
// fit it is only noted, since that one goes on by itself.
func (c *Core) turnAway(s *stranger) {
	if s.joiner && len(s.roster) == 1 {
		c.refuse(s.contact, views.RefuseFull)
		return
	}
	c.drop(s.contact.Host, "group-full")
}
