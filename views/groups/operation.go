package groups

import (
	"fmt"

	"github.com/gmsd/gmsd/views"
)

// operation is one thing a host says of its own ports.
type operation struct {
	kind byte
	port uint32
	join uint64
	// block, wants and has are of a join; not, of one who asks again.
	block, wants, has bool
	not               []PortID
	why               Why
	name              string
	group             string
}

// holding is a delivered control whose operations wait.
type holding struct {
	origin views.Process
	ops    []operation
}

// handleOps applies operations, or holds them until the table is settled.
// What came behind a gap waits for the next install, for only those who install
// that together have it.
func (m *Machine) handleOps(origin int, k views.Position, transitional bool, r *reader) error {
	ops, ok := r.operations(&m.table)
	if !ok {
		return fmt.Errorf("%w: operations", ErrMalformed)
	}
	from := m.view.Members[origin].Process
	if transitional || m.exchange != nil {
		return m.hold(origin, from, ops)
	}
	m.apply(from, ops)
	m.resolveTouched(k)
	m.handOverAsked(k)
	return nil
}

// hold keeps operations. Once one host's are too many, all that it says until
// the table is settled is dropped, so that nothing of it changes places; it
// says its wishes again by itself (mend.go).
func (m *Machine) hold(origin int, from views.Process, ops []operation) error {
	if m.heldHost == nil {
		m.heldHost = make(map[int]int)
	}
	if m.heldHost[origin]+len(ops) > heldHostMax || m.heldOps+len(ops) > heldMax {
		m.heldHost[origin] = heldHostMax
		if origin == m.rank {
			m.local.overrun = true
		}
		return fmt.Errorf("%w: rank %d", ErrOverrun, origin)
	}
	m.heldHost[origin] += len(ops)
	m.heldOps += len(ops)
	m.held = append(m.held, holding{from, ops})
	return nil
}

// applyHeld applies what was held of those whom this table knows.
func (m *Machine) applyHeld(knows func(views.Process) bool) {
	for _, h := range m.held {
		if knows(h.origin) {
			m.apply(h.origin, h.ops)
		}
	}
	m.held, m.heldOps, m.heldHost = nil, 0, nil
}

func (m *Machine) apply(from views.Process, ops []operation) {
	for i := range ops {
		switch op := &ops[i]; op.kind {
		case opJoin:
			m.applyJoin(from, op)
		case opLeave:
			m.applyLeave(from, op)
		case opGone:
			m.applyGone(from, op)
		case opHas:
			m.applyHas(from, op)
		case opAsk:
			m.applyAsk(from, op)
		}
	}
}

// applyJoin makes a port a member. The same join again is nothing; a later one
// of a port that is a member replaces it.
func (m *Machine) applyJoin(from views.Process, op *operation) {
	t := &m.table
	if g := t.groups[op.group]; g != nil {
		if i := g.find(from, op.port); i >= 0 {
			if g.latest()[i].Join >= op.join {
				m.settleJoin(from, op, nil)
				return
			}
			m.touch(g)
			t.remove(g, i, WhyNone)
		}
	}
	if !t.room(from, op.group) {
		m.settleJoin(from, op, ErrFull)
		return
	}
	g := t.open(op.group)
	m.touch(g)
	t.add(g, Member{Process: from, Port: op.port, Join: op.join, Name: op.name, Block: op.block, Wants: op.wants, Has: op.has})
	if op.wants && !op.has {
		g.ask(ask{membership: membership{from, op.port, op.join}})
	}
	m.settleJoin(from, op, nil)
}

func (m *Machine) applyLeave(from views.Process, op *operation) {
	g := m.table.groups[op.group]
	i := -1
	if g != nil {
		i = g.find(from, op.port)
	}
	asked := from == m.self && m.local.hasLeft(op.port, op.group)
	if i < 0 {
		if asked {
			m.events = append(m.events, Parted{op.group, op.port, op.why})
		}
		return
	}
	m.touch(g)
	m.table.remove(g, i, op.why)
}

// applyGone takes a port out of all its groups.
func (m *Machine) applyGone(from views.Process, op *operation) {
	if from == m.self {
		m.local.hasLeft(op.port, "")
	}
	for {
		in := m.table.groupsOf(from, op.port)
		if len(in) == 0 {
			return
		}
		g := in[len(in)-1]
		m.touch(g)
		m.table.remove(g, g.find(from, op.port), Crashed)
	}
}

// touch notes that the control under way changes g.
func (m *Machine) touch(g *group) {
	if !g.changed {
		m.touched = append(m.touched, g)
	}
	g.edit()
}

// resolveTouched installs what a control changed, or asks the blocking ports
// first.
func (m *Machine) resolveTouched(k views.Position) {
	for _, g := range m.touched {
		if g.change == nil && !m.openChange(g, k) {
			m.install(g, GroupViewID{View: m.view.ID, K: k}, false)
		}
	}
	m.touched = nil
}
