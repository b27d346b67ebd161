package vsync

import "github.com/gmsd/gmsd/views"

// room is how many members still fit into a view. What they say of themselves need
// not be counted: the largest view that the limits of package views allow fits into
// views.MessageMax, so into pieces.
type room int

func (c *Core) room() room { return room(views.MembersMax - c.view.Size()) }

// holds reports whether a stranger's view has room.
func (r room) holds(s *stranger) bool { return len(s.roster) <= int(r) }

func (r *room) take(s *stranger) { *r -= room(len(s.roster)) }

// turnAway tells one that is alone that the view is full; of a view that does not
// fit it is only noted, since that one goes on by itself.
func (c *Core) turnAway(s *stranger) {
	if s.joiner && len(s.roster) == 1 {
		c.refuse(s.contact, views.RefuseFull)
		return
	}
	c.drop(s.contact.Host, "group-full")
}
