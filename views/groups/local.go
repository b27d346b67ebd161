package groups

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gmsd/gmsd/views"
)

// local is what the ports of this host want.
type local struct {
	// clients gives, by port, its wishes by group.
	clients map[uint32]map[string]*wish
	// number is the last join number given.
	number uint64
	// waiting counts joins that are under way.
	waiting int
	// leaving counts the departures under way; those of a whole port stand
	// under the empty name.
	leaving map[membershipName]int
	// overrun: operations of ours were dropped in an exchange.
	overrun bool
}

// wish is a membership that a port has asked for and not given up.
type wish struct {
	join  uint64
	name  string
	block bool
	// wants: it wants the application's state; has: it has it.
	wants, has bool
	// donor is who is to give it, failed those who could not; asking: it has asked
	// for another and waits.
	donor  PortID
	failed []PortID
	asking bool
	// agreed: it was delivered and there was room.
	agreed bool
}

// membershipName is a port in a group.
type membershipName struct {
	port  uint32
	group string
}

func newLocal() local {
	return local{clients: make(map[uint32]map[string]*wish), leaving: make(map[membershipName]int)}
}

// isLeaving reports whether a departure of a port is under way.
func (l *local) isLeaving(port uint32, group string) bool {
	return l.leaving[membershipName{port, group}] > 0 || l.leaving[membershipName{port, ""}] > 0
}

// hasLeft notes that a departure was delivered. It reports whether one was
// under way.
func (l *local) hasLeft(port uint32, group string) bool {
	key := membershipName{port, group}
	n := l.leaving[key]
	if n <= 1 {
		delete(l.leaving, key)
	} else {
		l.leaving[key] = n - 1
	}
	return n > 0
}

func (l *local) wish(port uint32, group string) *wish { return l.clients[port][group] }

// wants reports whether a port still wants this membership.
func (l *local) wants(mb *Member, group string) bool {
	w := l.wish(mb.Port, group)
	return w != nil && w.join == mb.Join
}

func (l *local) drop(port uint32, group string) {
	delete(l.clients[port], group)
	if len(l.clients[port]) == 0 {
		delete(l.clients, port)
	}
}

// Join asks for a port's membership in a group, under a name. What follows is a
// GroupView that holds the port, or JoinFailed; with Options.State a [Handover]
// stands behind the view. Errors: views.ErrGroupName,
// [ErrName], [ErrMember], [ErrBusy], [ErrFull].
func (m *Machine) Join(port uint32, group, name string, o Options) error {
	if err := checkNames(group, name); err != nil {
		return err
	}
	switch {
	case m.local.wish(port, group) != nil:
		return fmt.Errorf("%w: %d in %q", ErrMember, port, group)
	case m.local.waiting >= WaitingMax:
		return fmt.Errorf("%w: %d", ErrBusy, m.local.waiting)
	case m.view != nil && !m.table.room(m.self, group):
		return fmt.Errorf("%w in %q", ErrFull, group)
	}
	if m.local.clients[port] == nil {
		m.local.clients[port] = make(map[string]*wish)
	}
	w := &wish{name: name, block: o.Block, wants: o.State}
	m.local.clients[port][group] = w
	m.sayJoin(port, group, w)
	return nil
}

// sayJoin tells all of a wish, under a new number.
func (m *Machine) sayJoin(port uint32, group string, w *wish) {
	m.local.number++
	w.join, w.agreed = m.local.number, false
	m.local.waiting++
	m.out.operation(operation{
		kind: opJoin, port: port, join: w.join, block: w.block, wants: w.wants, has: w.has, name: w.name, group: group,
	})
}

// Leave takes a port out of a group, because of Left, Crashed or Cut; anything
// else counts as Left. Parted follows when all agree. Error: [ErrNotMember].
func (m *Machine) Leave(port uint32, group string, why Why) error {
	if m.local.wish(port, group) == nil {
		return fmt.Errorf("%w: %d of %q", ErrNotMember, port, group)
	}
	m.sayLeave(port, group, why)
	return nil
}

func (m *Machine) sayLeave(port uint32, group string, why Why) {
	if !why.byPort() {
		why = Left
	}
	m.local.drop(port, group)
	m.local.leaving[membershipName{port, group}]++
	m.out.operation(operation{kind: opLeave, port: port, why: why, group: group})
	m.answered(m.table.groups[group], port)
}

// PortGone takes a port out of all its groups: its client went without a word.
func (m *Machine) PortGone(port uint32) {
	wishes := m.local.clients[port]
	if len(wishes) == 0 {
		return
	}
	delete(m.local.clients, port)
	m.local.leaving[membershipName{port, ""}]++
	m.out.operation(operation{kind: opGone, port: port})
	for _, name := range slices.Sorted(maps.Keys(wishes)) {
		m.answered(m.table.groups[name], port)
	}
}

// Ready says that a port has stopped sending to a group. It reports whether a
// [Block] of a group's change waited for it; after a host view came in between,
// none does.
func (m *Machine) Ready(port uint32, group string) bool {
	return m.answered(m.table.groups[group], port)
}

// settleJoin notes the fate of a join that was delivered.
func (m *Machine) settleJoin(from views.Process, op *operation, err error) {
	if from != m.self {
		return
	}
	m.local.waiting = max(m.local.waiting-1, 0)
	w := m.local.wish(op.port, op.group)
	if w == nil || w.join != op.join {
		return
	}
	w.agreed = err == nil
	if err != nil {
		m.failJoin(op.port, op.group)
	}
}

// failJoin gives up a wish for which there is no room.
func (m *Machine) failJoin(port uint32, group string) {
	m.local.drop(port, group)
	m.events = append(m.events, JoinFailed{group, port, fmt.Errorf("%w in %q", ErrFull, group)})
}
