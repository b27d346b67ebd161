package gms

import (
	"maps"
	"slices"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// ports are the clients of this host. They belong to the loop.
type ports struct {
	last     uint32
	byNumber map[uint32]*client
	// inGroup has, by group, the seats that have had a view of it: what is delivered
	// there is for them.
	inGroup map[string][]*seat
	// blockUntil is the first time at which a seat is cut.
	blockUntil views.Instant
}

// client is a port.
type client struct {
	*Port
	seats map[string]*seat
	asked map[uint64]*collecting
	// answers are the bytes that its requests have collected.
	answers int
	calls   uint64
}

// seat is a port's place in a group.
type seat struct {
	client *client
	group  string
	opts   member.Options
	// joined: it has had a view; reply, if set, waits for that, or for the end.
	joined  bool
	members []groups.Member // of its view; immutable
	id      groups.GroupViewID
	reply   chan<- answer[struct{}]
	parted  chan<- answer[struct{}]
	// blockUntil is when it is cut for want of an answer; 0: it is not asked.
	// Answers were given and wait for what was posted before.
	blockUntil views.Instant
	answers    int
	// cut is why it is taken out without having asked for it.
	cut error
	// hasState: its application has the state. Where it wants it, wait is what waits
	// behind it, intake the transfer under way, given the file that the application
	// has now.
	hasState bool
	wait     *waiting
	intake   *intake
	given    *stateFile
	// offers are what it was asked to give and may not have answered.
	offers []*offer
}

func newPorts() ports {
	return ports{byNumber: make(map[uint32]*client), inGroup: make(map[string][]*seat)}
}

// portEventCost is what an event takes beside its payload, memberCost what a member
// takes in a list of a group view.
const (
	portEventCost = 192
	memberCost    = 80
)

// costOfPortEvent gives a port its part of a view that the host's ports share.
func costOfPortEvent(e *member.Event) int {
	cost := len(e.Msg.Payload) + portEventCost
	if v := e.View; v != nil {
		cost += memberCost * (len(v.Members) + len(v.Trans) + len(v.Joined) + len(v.Left)) / max(1, len(v.Ports))
	}
	return cost
}

func (l *loop) openPort(name string) (*Port, error) {
	if len(l.ports.byNumber) >= PortsMax {
		l.host.counts.busy.Add(1)
		return nil, ErrBusy
	}
	l.ports.last++
	p := &Port{host: l.host, number: l.ports.last, name: name}
	p.box = newMailbox(&l.host.listeners.backlog, costOfPortEvent)
	l.ports.byNumber[p.number] = &client{Port: p, seats: make(map[string]*seat), asked: make(map[uint64]*collecting)}
	l.host.listeners.addPort(p)
	return p, nil
}

func (l *loop) join(p *Port, group string, o member.Options, reply chan<- answer[struct{}]) {
	c := l.ports.byNumber[p.number]
	switch {
	case c == nil:
		reply <- answer[struct{}]{err: member.ErrClosed}
	case c.seats[group] != nil:
		reply <- answer[struct{}]{err: groups.ErrMember}
	default:
		if o.BlockFor == 0 {
			o.BlockFor = blockFor
		}
		c.seats[group] = &seat{client: c, group: group, opts: o, reply: reply, hasState: !o.State}
		l.step(engine.Join{Port: p.number, Group: group, Name: p.name, Block: o.Block, State: o.State})
	}
}

// part takes a port out once what it posted before was given to the engine.
func (l *loop) part(p *Port, group string, reply chan<- answer[struct{}]) {
	c := l.ports.byNumber[p.number]
	if c == nil {
		reply <- answer[struct{}]{err: member.ErrClosed}
		return
	}
	if c.seats[group] == nil || c.seats[group].parted != nil {
		reply <- answer[struct{}]{err: groups.ErrNotMember}
		return
	}
	c.seats[group].parted = reply
	l.excuse(c.seats[group])
	l.afterPosted(p, func(l *loop) { l.step(engine.Part{Port: p.number, Group: group, Why: groups.Left}) })
}

// closePort ends a port: it goes out of all its groups.
func (l *loop) closePort(p *Port, why groups.Why, cause error) {
	c := l.ports.byNumber[p.number]
	if c == nil {
		return
	}
	delete(l.ports.byNumber, p.number)
	p.closed.Store(true)
	for _, s := range c.seats {
		l.endSeatState(s)
	}
	l.host.listeners.removePort(p, cause)
	c.endRequests(cause)
	for _, name := range slices.Sorted(maps.Keys(c.seats)) {
		s := c.seats[name]
		l.forgetSeat(s)
		s.answer(cause)
		l.excuse(s)
	}
	l.runSoon()
	l.afterPosted(p, func(l *loop) { l.partAll(p.number, why, c.seats) })
}

// partAll tells the group that a port goes out of all.
func (l *loop) partAll(port uint32, why groups.Why, seats map[string]*seat) {
	if why != groups.Left {
		l.step(engine.PortGone{Port: port})
		return
	}
	for _, name := range slices.Sorted(maps.Keys(seats)) {
		l.step(engine.Part{Port: port, Group: name, Why: why})
	}
}

// answer tells who waits for the join or the leave.
func (s *seat) answer(err error) {
	for _, reply := range []chan<- answer[struct{}]{s.reply, s.parted} {
		if reply != nil {
			reply <- answer[struct{}]{err: err}
		}
	}
	s.reply, s.parted = nil, nil
}

// forgetSeat takes a seat out of those to whom messages go.
func (l *loop) forgetSeat(s *seat) {
	list := slices.DeleteFunc(l.ports.inGroup[s.group], func(o *seat) bool { return o == s })
	if len(list) == 0 {
		delete(l.ports.inGroup, s.group)
		return
	}
	l.ports.inGroup[s.group] = list
}

// seatsOf gives the seats of ports in a group.
func (l *loop) seatsOf(group string, ports []uint32) (seats []*seat) {
	for _, number := range ports {
		if c := l.ports.byNumber[number]; c != nil && c.seats[group] != nil {
			seats = append(seats, c.seats[group])
		}
	}
	return seats
}

// takeGroupView shows a view to the ports it is for.
func (l *loop) takeGroupView(v groups.GroupView) {
	view := &v
	l.joinersGone(view)
	for _, s := range l.seatsOf(v.Group, v.Ports) {
		s.members, s.id, s.blockUntil = v.Members, v.ID, 0
		if !s.joined {
			s.joined = true
			l.ports.inGroup[v.Group] = append(l.ports.inGroup[v.Group], s)
		}
		s.give(member.Event{Kind: member.KindView, Group: v.Group, View: view})
		s.client.viewChanged(v.Group, v.Members)
		if s.reply != nil {
			s.reply <- answer[struct{}]{}
			s.reply = nil
		}
	}
}

// takeBlock asks ports to stop sending.
func (l *loop) takeBlock(b groups.Block) {
	for _, s := range l.seatsOf(b.Group, b.Ports) {
		s.blockUntil = l.now.Add(s.opts.BlockFor)
		l.ports.blockUntil = views.Earliest(l.ports.blockUntil, s.blockUntil)
		s.client.box.give(member.Event{Kind: member.KindBlock, Group: b.Group})
	}
}

func (l *loop) takeUnblocked(u engine.GroupUnblocked) {
	for _, s := range l.seatsOf(u.Group, u.Ports) {
		s.blockUntil = 0
		s.client.box.give(member.Event{Kind: member.KindUnblock, Group: u.Group})
	}
}

// ready passes an answer on, once what the port posted before was given to the
// engine, or its time is up: what was posted may itself wait for a view.
func (l *loop) ready(p *Port, group string) {
	c := l.ports.byNumber[p.number]
	if c == nil || c.seats[group] == nil {
		return
	}
	s := c.seats[group]
	s.answers++
	l.afterPosted(p, func(l *loop) {
		if s.answers > 0 {
			l.passReady(s)
		}
	})
}

func (l *loop) passReady(s *seat) {
	s.blockUntil, s.answers = 0, max(s.answers-1, 0)
	l.step(engine.Ready{Port: s.client.number, Group: s.group})
}

// excuse answers for a port that is on its way out: what it posted may wait for the
// very view that it holds up.
func (l *loop) excuse(s *seat) {
	if s.blockUntil != 0 {
		l.passReady(s)
	}
}

// takeParted ends a seat.
func (l *loop) takeParted(group string, port uint32, why groups.Why, err error) {
	c := l.ports.byNumber[port]
	if c == nil || c.seats[group] == nil {
		return
	}
	s := c.seats[group]
	delete(c.seats, group)
	l.forgetSeat(s)
	l.endSeatState(s)
	if s.cut != nil {
		err = s.cut
	}
	if s.joined {
		c.box.give(member.Event{Kind: member.KindParted, Group: group, Why: why, Err: err})
	}
	c.viewChanged(group, nil)
	s.answer(err)
}

// cutSilent takes those out of their groups that have not answered a block.
func (l *loop) cutSilent() {
	if l.ports.blockUntil == 0 || l.ports.blockUntil > l.now {
		return
	}
	l.ports.blockUntil = 0
	var silent []*seat
	for _, c := range l.ports.byNumber {
		for _, s := range c.seats {
			switch {
			case s.blockUntil == 0:
			case s.blockUntil <= l.now:
				silent = append(silent, s)
			default:
				l.ports.blockUntil = views.Earliest(l.ports.blockUntil, s.blockUntil)
			}
		}
	}
	for _, s := range silent {
		if s.answers > 0 {
			l.passReady(s)
			continue
		}
		s.blockUntil, s.cut = 0, member.ErrBlocked
		l.step(engine.Part{Port: s.client.number, Group: s.group, Why: groups.Cut})
	}
}

// portMessages gives messages to the ports that are in their groups.
func (l *loop) portMessages(list []Message) {
	if len(l.ports.inGroup) == 0 {
		return
	}
	for first := 0; first < len(list); {
		end := first + 1
		for end < len(list) && list[end].Group == list[first].Group {
			end++
		}
		run := list[first:end]
		first = end
		for _, s := range l.ports.inGroup[run[0].Group] {
			c := s.client
			c.noteRequests(run, s, l.self)
			if s.wait != nil {
				s.giveWaiting(run)
				continue
			}
			c.box.giveAll(len(run), func(i int) (member.Event, bool) { return c.eventOf(&run[i]) })
		}
	}
}

// giveWaiting gives messages to a port that waits for its state.
func (s *seat) giveWaiting(run []Message) {
	for i := range run {
		if e, ok := s.client.eventOf(&run[i]); ok {
			s.wait.add(e)
		}
	}
	if s.wait.isThrough() {
		s.wait = nil
	}
}

// eventOf is a message as a port gets it; answers to requests are for who asked.
func (c *client) eventOf(m *Message) (member.Event, bool) {
	if m.Tag != 0 && !isRequest(m.Tag) {
		c.takeReply(m)
		return member.Event{}, false
	}
	return member.Event{Kind: member.KindMessage, Group: m.Group, Msg: member.Message{
		ID: m.Msg, Port: m.Port, Order: m.Order, K: m.K, Transitional: m.Transitional,
		Request: m.Tag, Payload: m.Payload,
	}}, true
}

// cutPorts ends ports that do not read: their groups see them as crashed.
func (l *loop) cutPorts(slow []*Port) {
	for _, p := range slow {
		l.host.counts.listenersCut.Add(1)
		l.closePort(p, groups.Crashed, member.ErrSlow)
	}
}

// endPorts ends all ports with the host.
func (l *loop) endPorts(cause error) {
	for _, c := range l.ports.byNumber {
		for _, s := range c.seats {
			s.answer(cause)
		}
		c.endRequests(cause)
		c.box.end(cause)
	}
}
