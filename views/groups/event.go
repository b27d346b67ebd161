package groups

// Output is what follows from the inputs since the last [Machine.Drain].
type Output struct {
	// Controls are to be multicast in agreed order, in this order, before
	// anything the application sends; each is at most [ControlMax] bytes. Each
	// must come back through [Machine.HandleControl] exactly once, in this view
	// or a later one.
	Controls [][]byte
	// Events are for the local ports, in this order.
	Events []Event
}

// Event is something for local ports. Slices in it are shared: they may be
// kept and must not be changed.
type Event interface{ event() }

// GroupView is a new view of Group.
type GroupView struct {
	Group string
	// Ports are the local ports it is for; all have the same Prev.
	Ports []uint32
	ID    GroupViewID
	// Prev is the group view before it at these ports; zero for one that joins.
	Prev GroupViewID
	// Members stand in join order; after a merge the larger side stands first.
	Members []Member
	// Trans are the members that came along from Prev, these ports among them;
	// of a port that joins, itself alone.
	Trans []Member
	// Joined are the members that did not come along from Prev: of a port that
	// joins, all.
	Joined []Member
	// Left are the members of Prev that did not come along. Who went another
	// way and is back stands in Left and in Joined.
	Left []Departure
}

// Block asks local ports to stop sending to Group, and to answer through
// [Machine.Ready]. A GroupView follows in any case, also where the change came
// to nothing, unless the port leaves before.
type Block struct {
	Group string
	Ports []uint32
}

// Quiesce asks the driver to hold back what ports of this host send to Group in
// FIFO order from here on, and to call [Machine.Drained] once what they sent
// before is on its way: so it is delivered in the view that ends.
type Quiesce struct{ Group string }

// Resume ends a [Quiesce]: the group view, if there is a new one, stands before it.
type Resume struct{ Group string }

// JoinFailed says that a port is not a member, against its wish: Err wraps
// [ErrFull], or is what [Machine.Join] gave. It can come long after the join: when sides merge that have no
// room together.
type JoinFailed struct {
	Group string
	Port  uint32
	Err   error
}

// Parted says that a port is out of Group by [Machine.Leave] or
// [Machine.PortGone]; nothing of the group is for it any more.
type Parted struct {
	Group string
	Port  uint32
	Why   Why
}

func (GroupView) event()  {}
func (Block) event()      {}
func (Quiesce) event()    {}
func (Resume) event()     {}
func (JoinFailed) event() {}
func (Parted) event()     {}
