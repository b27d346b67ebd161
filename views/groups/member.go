package groups

import (
	"cmp"
	"fmt"

	"github.com/gmsd/gmsd/views"
)

// GroupViewID names a view of one light group. Ids of a group rise at each
// host, and at each port from its join on. Zero means "no view".
type GroupViewID struct {
	// View is the host view in which the group view was installed.
	View views.ViewID
	// K is the place in its agreed order, 0 for a group view that came with
	// the install of View.
	K views.Position
	// Side is 0 unless the host view began with an exchange: then the group
	// views that came with its install hold for one side of it alone, and Side
	// is 1 + the rank of the side's first host.
	Side uint16
}

// IsZero reports whether id names no group view.
func (id GroupViewID) IsZero() bool { return id == GroupViewID{} }

// Compare orders by host view, then place, then side.
func (id GroupViewID) Compare(o GroupViewID) int {
	return cmp.Or(id.View.Compare(o.View), cmp.Compare(id.K, o.K), cmp.Compare(id.Side, o.Side))
}

// String gives "12@1a2b3c4d.7", with "/2" behind it for a side.
func (id GroupViewID) String() string {
	if id.IsZero() {
		return "none"
	}
	s := fmt.Sprintf("%s.%d", id.View, id.K)
	if id.Side != 0 {
		s += fmt.Sprintf("/%d", id.Side)
	}
	return s
}

// Member is a port inside a light group.
type Member struct {
	views.Process
	// Port is a client of that process, unique within its life.
	Port uint32
	// Join counts the joins of that process: a port that left and came again
	// is another member.
	Join uint64
	// Name is the client's name of itself, 0..[NameMax] bytes.
	Name string
	// Block: the port wants to be asked before the group's view changes.
	Block bool
	// Wants: the port wanted the application's state when it joined. Has: it has said
	// since that it has it, or it was the first. See [Member.HasState].
	Wants, Has bool
}

// is reports whether two members are the same membership.
func (m *Member) is(o *Member) bool {
	return m.Port == o.Port && m.Join == o.Join && m.Process == o.Process
}

// String gives "1a2b3c4d/3:7".
func (m Member) String() string { return fmt.Sprintf("%s:%d", m.Process, m.Port) }

// Why says how a member came out of a group. The list is closed and append-only.
type Why uint8

// Reasons of a departure. The first three are what a host may say of its own
// ports, and stand on the wire.
const (
	WhyNone     Why = iota
	Left            // the port asked for it
	Crashed         // the client went without a word
	Cut             // it did not answer a Block in time
	HostLeft        // its host left the view
	HostCrashed     // its host was given up
	Partitioned     // its host is out of reach, or went another way to this view
	whyEnd
)

var whyNames = [...]string{"none", "left", "crashed", "cut", "host-left", "host-crashed", "partitioned"}

// String gives the name used in the outside faces.
func (w Why) String() string {
	if w < whyEnd {
		return whyNames[w]
	}
	return "unknown"
}

// byPort reports whether a host may say w of its own port.
func (w Why) byPort() bool { return w >= Left && w <= Cut }

// Departure is a member that is out, and why.
type Departure struct {
	Member
	Why Why
}
