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
		n += memberBytes(&members[i])
	}
	return n
}

func memberBytes(m *views.Member) int {
	return recordFixed + len(m.Name) + len(m.Version) + attrBytes(m.Attrs)
}

func attrBytes(attrs []views.Attr) int {
	n := 0
	for _, a := range attrs {
		n += 2 + len(a.Key) + len(a.Value)
	}
	return n
}

// grows notes that a member's attributes change, unless the view then no longer
// fits. All members apply the same changes in one order, so all say the same.
func (c *Core) grows(m *views.Member, attrs []views.Attr) bool {
	more := attrBytes(attrs) - attrBytes(m.Attrs)
	if more > 0 && c.viewBytes+more > installRoom {
		return false
	}
	c.viewBytes += more
	return true
}

// forgetAttrs takes the attributes that all know for those this host wants,
// unless it has said anew what it wants.
func (c *Core) forgetAttrs() {
	if c.waitingState() == nil {
		c.self.Attrs = c.said.Attrs
	}
}

// trim takes attributes out of a view being decided until it fits, from the last
// rank on: changes that were under way may not all have room.
func (c *Core) trim(plan []placement) {
	n := 0
	for i := range plan {
		n += memberBytes(&plan[i].member)
	}
	for i := len(plan) - 1; i >= 0 && n > installRoom; i-- {
		m := &plan[i].member
		if len(m.Attrs) == 0 {
			continue
		}
		n -= attrBytes(m.Attrs)
		m.Attrs, plan[i].parentRank = nil, -1
		c.drop(m.Host, "attributes-do-not-fit")
	}
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
