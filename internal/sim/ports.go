package sim

import (
	"fmt"
	"slices"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/sim/check"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// The driver's half of light groups: the clients of a daemon, whom it knows as
// ports. What the engine gives out for a group goes to the ports that have a view
// of it; one that has asked to leave gets no more of them.

// port is a client of a daemon.
type port struct {
	number uint32
	// in are its memberships, oldest first. One that it has left stays until the
	// engine says so, also where it has joined again.
	in []*membership
	// got counts the messages it was given.
	got int
}

// membership is one join of a port.
type membership struct {
	group string
	port  uint32
	block bool
	// wishes: it wants the state of the group. app is what it has made of the
	// messages; intake is a state that it takes, and wait what happens meanwhile.
	wishes bool
	app    application
	intake *intake
	wait   *waiting
	// wanted until it leaves; viewed from its first group view on; asked to stop
	// sending, and not told to go on.
	wanted, viewed, asked bool
	members               []groups.Member
}

// mayBeSent reports whether the port may send to the group now.
func (m *membership) mayBeSent() bool { return m.wanted && m.viewed && !m.asked }

func (p *process) port(number uint32) *port {
	for _, q := range p.ports {
		if q.number == number {
			return q
		}
	}
	return nil
}

// wanted gives the membership in a group that a port has asked for and not given up.
func (q *port) wanted(group string) *membership {
	for _, m := range q.in {
		if m.group == group && m.wanted {
			return m
		}
	}
	return nil
}

// newPort opens a client of the daemon here, which must run.
func (h *Host) newPort() *port {
	p := h.proc
	p.lastPort++
	q := &port{number: p.lastPort}
	p.ports = append(p.ports, q)
	return q
}

// join lets a port ask for a group in which it is not, and, with a wish, for its state.
func (h *Host) join(q *port, group string, block, wishes bool) {
	m := &membership{group: group, port: q.number, block: block, wanted: true, wishes: wishes}
	q.in = append(q.in, m)
	if wishes {
		h.tell(h.proc, m, check.AppEvent{Kind: check.AppWishes})
	}
	h.step(engine.Join{Port: q.number, Group: group, Name: fmt.Sprint("p", q.number), Block: block, State: wishes})
}

// part takes a port out of a group in which it is.
func (h *Host) part(q *port, group string, why groups.Why) {
	if m := q.wanted(group); m != nil {
		m.wanted, m.asked = false, false
		h.endSeat(h.proc, m)
		h.step(engine.Part{Port: q.number, Group: group, Why: why})
	}
}

// portGone ends a client without a word.
func (h *Host) portGone(q *port) {
	h.proc.ports = slices.DeleteFunc(h.proc.ports, func(other *port) bool { return other == q })
	for _, m := range q.in {
		if m.wanted {
			m.wanted = false
			h.endSeat(h.proc, m)
		}
	}
	h.step(engine.PortGone{Port: q.number})
}

// ready says that a port has stopped sending to a group.
func (h *Host) ready(q *port, group string) {
	h.step(engine.Ready{Port: q.number, Group: group})
}

// deliverGroup takes what the engine says to ports.
func (h *Host) deliverGroup(p *process, d engine.Delivery) {
	switch d := d.(type) {
	case groups.GroupView:
		h.showView(p, &d)
	case groups.Block:
		for _, number := range d.Ports {
			h.askToStop(p, number, d.Group)
		}
	case engine.GroupUnblocked:
		for _, number := range d.Ports {
			if m, _ := p.membership(number, d.Group); m != nil {
				m.asked = false
			}
		}
	case groups.Parted:
		h.takeOut(p, d.Port, d.Group, false)
	case groups.JoinFailed:
		h.w.cover.hit(coverJoinFailed)
		h.takeOut(p, d.Port, d.Group, true)
	case groups.Handover:
		h.takeHandover(p, &d)
	}
	h.noteDelivery(d)
}

func (h *Host) noteDelivery(d engine.Delivery) {
	if h.w.watchDelivery != nil {
		h.w.watchDelivery(h, d)
	}
}

// showView gives a group view to its ports. One that is on its way out has no use
// for it; one that was told that it is out must not be given any.
func (h *Host) showView(p *process, d *groups.GroupView) {
	h.w.stats.GroupViews++
	h.joinersGone(p, d)
	for _, number := range d.Ports {
		m, known := p.membership(number, d.Group)
		if !known {
			h.w.fail("GV8", fmt.Sprintf("host %d: port %d is given view %v of %q, and was told that it is out", h.number, number, d.ID, d.Group))
			return
		}
		if m != nil {
			m.viewed, m.asked, m.members = true, false, d.Members
			h.show(p, m, shown{view: d})
		}
	}
}

// membership gives the one that a port wants in a group, nil where it is on its
// way out; known is false where it is in no such group.
func (p *process) membership(number uint32, group string) (m *membership, known bool) {
	q := p.port(number)
	if q == nil {
		return nil, number <= p.lastPort // its client is gone
	}
	if m = q.wanted(group); m != nil {
		return m, true
	}
	return nil, slices.ContainsFunc(q.in, func(m *membership) bool { return m.group == group })
}

// askToStop asks a port to stop sending to a group. For one that is on its way
// out the driver answers.
func (h *Host) askToStop(p *process, number uint32, group string) {
	m, known := p.membership(number, group)
	switch {
	case !known || m != nil && !m.block:
		h.w.fail("driver", fmt.Sprintf("host %d: port %d is asked to stop sending to %q, which it did not wish for", h.number, number, group))
	case m == nil:
		h.w.work.clients.later(h, p, 0, func() { h.step(engine.Ready{Port: number, Group: group}) })
	default:
		h.w.cover.hit(coverAsked)
		m.asked = true
		h.w.work.clients.answer(h, p, p.port(number), group)
	}
}

// takeOut ends a membership: one that was left, or one that could not be.
func (h *Host) takeOut(p *process, number uint32, group string, wanted bool) {
	q := p.port(number)
	if q == nil && number <= p.lastPort {
		return // its client is gone
	}
	i := -1
	if q != nil {
		i = slices.IndexFunc(q.in, func(m *membership) bool { return m.group == group && m.wanted == wanted })
	}
	if i < 0 {
		h.w.fail("GV8", fmt.Sprintf("host %d: port %d is told that it is out of %q, and has not left", h.number, number, group))
		return
	}
	if q.in[i].wanted {
		q.in[i].wanted = false
		h.endSeat(p, q.in[i])
	}
	q.in = slices.Delete(q.in, i, i+1)
}

// route gives a message to the local ports that have a view of its group.
func (h *Host) route(p *process, m *engine.Message) {
	for _, q := range p.ports {
		for _, in := range q.in {
			if in.viewed && in.group == m.Group {
				q.got++
				if in.wanted && m.Order.Placed() {
					h.show(p, in, shown{msg: m, in: p.view.ID})
				}
				if h.w.watchRouted != nil {
					h.w.watchRouted(h, q.number, m)
				}
				break
			}
		}
	}
}

// sendFrom submits messages of a port.
func (h *Host) sendFrom(number uint32, group string, order views.Order, payloads ...[]byte) {
	in := make(engine.Submit, 0, len(payloads))
	for _, payload := range payloads {
		h.w.work.token++
		h.w.stats.Submits++
		in = append(in, engine.Submission{Token: h.w.work.token, Port: number, Group: group, Order: order, Payload: payload})
	}
	h.noteSubmitted(in)
	h.step(in)
}
