package groups

import (
	"fmt"
	"slices"

	"github.com/gmsd/gmsd/views"
)

// Machine is the table of light groups at one host. It has one caller.
type Machine struct {
	self views.Process
	view *views.View
	rank int
	// ranks gives the place of a member of view.
	ranks map[views.Process]int
	// side tells, by rank, who shares this table: all once it is settled.
	side  []bool
	table table
	// exchange, if not nil, is under way: the table is not settled.
	exchange *exchange
	// held are operations that wait for the end of the exchange, or for the
	// next install where they came behind a gap.
	held     []holding
	heldOps  int
	heldHost map[int]int
	// touched are the groups that the control under way changes, in that order.
	touched []*group
	// askedIn are the groups in which the control under way asks for a donor.
	askedIn []*group
	local   local
	out     outbox
	events  []Event
	scratch scratch
}

// New makes the machine of one life of a host. It waits for its first view.
func New(self views.Process) *Machine {
	return &Machine{self: self, rank: -1, table: newTable(), local: newLocal()}
}

// Settled reports whether this host's table is that of the whole view. Until
// then the driver holds back what applications send, and what others sent.
func (m *Machine) Settled() bool { return m.view != nil && m.exchange == nil }

// Drain gives what follows from the inputs since the last call; it belongs to
// the caller.
func (m *Machine) Drain() Output {
	m.out.flush()
	o := Output{Controls: m.out.done, Events: m.events}
	m.out.done, m.events = nil, nil
	return o
}

// HandleView takes the install of a host view. Trans are the hosts that came
// along from the view before at this host, sorted, as vsync gives them. Why
// says of a process that is not in v whether it left, crashed or is out of
// reach (HostLeft, HostCrashed, Partitioned); nil means out of reach. It
// decides nothing but what events say. Bare tells, by rank, who is agreed to know
// of no group, and need not be waited for; nil means nobody. v holds this process.
func (m *Machine) HandleView(v *views.View, trans []views.HostID, bare []bool, why func(views.Process) Why) {
	rank := v.RankOf(m.self)
	if rank < 0 {
		panic("groups: a view without this host")
	}
	m.out.flush()
	m.applyHeld(m.sharing)
	ranks := ranksOf(v)
	side := m.comeAlong(v, trans)
	m.dropLost(func(mb *Member) Why {
		r, there := ranks[mb.Process]
		switch {
		case there && side[r]:
			return WhyNone
		case there || why == nil:
			return Partitioned
		}
		return asHostWhy(why(mb.Process))
	})
	m.view, m.rank, m.ranks, m.side = v, rank, ranks, side
	m.enterView(bare)
}

// enterView shows what the install changed, and starts an exchange where not
// all of the view share this table.
func (m *Machine) enterView(bare []bool) {
	m.exchange = nil
	id := GroupViewID{View: m.view.ID}
	if slices.Contains(m.side, false) {
		id.Side = uint16(slices.Index(m.side, true) + 1) //nolint:gosec // bounded by MembersMax
		m.exchange = newExchange(len(m.side))
		m.exchange.skip(bare)
	}
	for _, name := range m.table.names() {
		g := m.table.groups[name]
		m.place(g)
		if g.change != nil {
			m.endChange(g, id)
			continue
		}
		m.install(g, id, false)
	}
	m.touched, m.askedIn = nil, nil
	switch {
	case m.exchange != nil && m.exchange.left == 0: // nobody knows of any
		m.unite(0)
	case m.exchange != nil:
		m.maybeAnnounce()
	case m.local.overrun:
		m.mend(false, nil)
	}
}

func ranksOf(v *views.View) map[views.Process]int {
	ranks := make(map[views.Process]int, len(v.Members))
	for r := range v.Members {
		ranks[v.Members[r].Process] = r
	}
	return ranks
}

// comeAlong gives, by rank in v, who shares this table: those who did before
// and came along. At the first view it is this host alone.
func (m *Machine) comeAlong(v *views.View, trans []views.HostID) []bool {
	side := make([]bool, len(v.Members))
	for r := range v.Members {
		p := v.Members[r].Process
		_, along := slices.BinarySearchFunc(trans, p.Host, views.HostID.Compare)
		side[r] = p == m.self || (along && m.sharing(p))
	}
	return side
}

// sharing reports whether a process shares this table.
func (m *Machine) sharing(p views.Process) bool {
	r, ok := m.ranks[p]
	return ok && m.side[r]
}

// dropLost takes out the members for which why gives a reason.
func (m *Machine) dropLost(why func(*Member) Why) {
	for _, name := range m.table.names() {
		m.table.removeAll(m.table.groups[name], why)
	}
}

func asHostWhy(w Why) Why {
	if w == HostLeft || w == HostCrashed {
		return w
	}
	return Partitioned
}

// HandleControl takes a control delivered in agreed order in the current view:
// from the member of rank origin, at place k. Transitional says that it was
// delivered behind a gap in the order. An error says why it was dropped; it
// wraps one of the errors of this package, and the machine goes on. Body is
// not kept.
func (m *Machine) HandleControl(origin int, k views.Position, transitional bool, body []byte) error {
	if m.view == nil || origin < 0 || origin >= len(m.view.Members) {
		return fmt.Errorf("%w: rank %d", ErrUnexpected, origin)
	}
	r := reader{b: body}
	switch kind := r.head(len(body)); {
	case r.failed:
		return fmt.Errorf("%w: version or length", ErrMalformed)
	case kind == kindOps:
		return m.handleOps(origin, k, transitional, &r)
	case kind == kindAnnounce:
		return m.handleAnnounce(origin, k, transitional, &r)
	case kind == kindReady:
		return m.handleReady(origin, k, transitional, &r)
	default:
		return fmt.Errorf("%w: kind %d", ErrMalformed, kind)
	}
}
