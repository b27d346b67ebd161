package engine

import (
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
	"github.com/gmsd/gmsd/views/vsync"
)

// The ports that want to be asked may hold up a change of the host view for four
// fifths of what the others wait for this host. The driver cuts one that does not
// answer, sooner; this is for a driver that does not.
func blockMax(t *vsync.Timing) time.Duration { return min(t.MergeWait, t.MemberWait) * 4 / 5 }

// drainMax is how long such a change waits, once all of them have answered, for what
// they sent before. It may have no way out any more: there are no places without the
// coordinator, and no credit from those that have stopped. Then it goes out in the
// next view.
func drainMax(t *vsync.Timing) time.Duration { return 5 * t.NakRetry }

// light joins the table of light groups with the core: it passes the groups'
// controls through the agreed order, lets the core's messages go once it is known
// who is in the groups, and asks the ports that want it before the host stops sending.
type light struct {
	table *groups.Machine
	// controls are to be submitted once the core's output was taken.
	controls [][]byte
	// going are ports that go as soon as what they sent is on its way.
	going []departure
	// answers to a Block are taken as soon as what the port sent before is on its way.
	answers []blockAnswer
	back    heldBack
	block   hostBlock
	// blockMax and drainMax bound what a block may hold up.
	blockMax, drainMax time.Duration
	// events are of the groups; each stands behind at events of the core's output.
	events []placedEvent
	at     int
	// strong are hosts whose death their own kernel told.
	strong map[views.HostID]bool
}

// hostBlock is a question to the ports of this host, asked for a change of the
// host view.
type hostBlock struct {
	asked   []groups.Block
	waiting map[portGroup]bool
	// until is when the waiting ends, one way or the other.
	until views.Instant
	// drained is when it ends for what was sent before the answers; 0 while one of
	// them is not there.
	drained views.Instant
	// over: it was waited long enough.
	over bool
}

type placedEvent struct {
	at int
	trace.Event
}

type portGroup struct {
	port  uint32
	group string
}

func newLight(self views.Process, t vsync.Timing) light {
	t.EnsureDefaults()
	return light{
		table: groups.New(self), back: newHeldBack(), strong: make(map[views.HostID]bool),
		blockMax: blockMax(&t), drainMax: drainMax(&t),
	}
}

// takeGroup is what ports want. Who goes does so once all it sent is on its way.
func (e *Engine) takeGroup(in Input) {
	switch in := in.(type) {
	case Join:
		if err := e.light.table.Join(in.Port, in.Group, in.Name, groups.Options{Block: in.Block, State: in.State}); err != nil {
			e.deliver(groups.JoinFailed{Group: in.Group, Port: in.Port, Err: err})
		}
	case Part:
		e.goes(in.Port, in.Group)
		e.light.going = append(e.light.going, departure{in.Port, in.Group, in.Why})
	case PortGone:
		for _, g := range e.light.table.GroupsOf(in.Port) {
			e.goes(in.Port, g)
		}
		e.light.going = append(e.light.going, departure{port: in.Port})
	case Ready:
		e.light.answers = append(e.light.answers, blockAnswer{in.Port, in.Group, e.core.Mark(in.Port)})
	}
	e.settleGroups()
}

// goes answers for a port that goes out of a group: what is held back of it may
// wait for this very change, and it goes behind that.
func (e *Engine) goes(port uint32, group string) {
	e.portReady(port, group)
	e.light.table.Ready(port, group)
}

// blockAnswer is a port that has stopped sending to a group.
type blockAnswer struct {
	port   uint32
	group  string
	behind vsync.Mark
}

// takeAnswers takes the answers that are due, and reports whether one was: the core
// may have gone on with it.
func (e *Engine) takeAnswers() bool {
	before := len(e.light.answers)
	e.light.answers = slices.DeleteFunc(e.light.answers, func(a blockAnswer) bool {
		if !e.core.Passed(a.behind) {
			return false
		}
		e.light.table.Ready(a.port, a.group)
		e.portReady(a.port, a.group) // one answer for whoever has asked
		return true
	})
	e.awaitDrain()
	return len(e.light.answers) < before
}

// awaitDrain notes since when nothing holds up a change of the host view but what was
// sent before the answers.
func (e *Engine) awaitDrain() {
	b := &e.light.block
	if len(b.waiting) == 0 || b.drained != 0 {
		return
	}
	for who := range b.waiting { // order-free: all must have
		if !slices.ContainsFunc(e.light.answers, func(a blockAnswer) bool { return who == portGroup{a.port, a.group} }) {
			return
		}
	}
	b.drained = e.now.Add(e.light.drainMax)
}

// departure is a port that goes out of a group, or, without one, out of all.
type departure struct {
	port  uint32
	group string
	why   groups.Why
}

// busy reports whether something waits for what the core sends.
func (l *light) busy() bool { return len(l.going)+len(l.answers) > 0 || l.back.busy() }

// settleGroups lets those go who have nothing left to send, tells the table which
// groups have nothing under way, and passes on what that brings about. It reports
// whether the core has more for it.
func (e *Engine) settleGroups() bool {
	l := &e.light
	freed := e.sendFreed()
	answered := e.takeAnswers()
	l.going = slices.DeleteFunc(l.going, func(d departure) bool {
		if e.core.Queued(d.port)+l.back.ports[d.port] > 0 {
			return false
		}
		if d.group == "" {
			l.table.PortGone(d.port)
		} else {
			_ = l.table.Leave(d.port, d.group, d.why) // it may be out already
		}
		return true
	})
	e.drainGroups()
	e.tellDrained()
	e.emitWith(nil)
	return e.submitControls() || freed || answered
}

// installGroups takes a host view to the table.
func (e *Engine) installGroups(d ViewInstalled) {
	l := &e.light
	l.table.HandleView(d.View, d.Trans, d.Bare, func(p views.Process) groups.Why { return l.whyLost(p, d.Removed) })
	clear(l.strong)
	l.answers = nil // what was asked has come
	e.drainGroups()
	e.endHostBlock()
}

func (l *light) whyLost(p views.Process, removed []views.HostID) groups.Why {
	for _, h := range removed {
		switch {
		case h != p.Host:
		case l.strong[h]:
			return groups.HostCrashed
		default:
			return groups.Partitioned
		}
	}
	return groups.HostLeft
}

// takeControl takes a control from the agreed order.
func (e *Engine) takeControl(d vsync.Control) {
	if err := e.light.table.HandleControl(d.Origin, d.K, d.Gap, d.Payload); err != nil {
		e.drop(d.Msg.From.Host, "group-control") // the core may be a view ahead
	}
	e.drainGroups()
}

// drainGroups passes on what the table has.
func (e *Engine) drainGroups() {
	l := &e.light
	out := l.table.Drain()
	l.controls = append(l.controls, out.Controls...)
	for _, ev := range out.Events {
		if l.back.take(ev) {
			continue
		}
		e.deliver(ev)
		if e.cfg.MessageEvents {
			e.noteGroup(ev)
		}
		if view, ok := ev.(groups.GroupView); ok {
			e.askAgain(&view)
		}
	}
}

// noteGroup makes the event of what a table says, at its place among the core's.
func (e *Engine) noteGroup(ev groups.Event) {
	l := &e.light
	switch ev := ev.(type) {
	case groups.GroupView:
		l.events = append(l.events, placedEvent{l.at, trace.GroupView{
			Group: ev.Group, ID: groupID(ev.ID), Prev: groupID(ev.Prev), Ports: ev.Ports,
			Members: portsOf(ev.Members), Trans: portsOf(ev.Trans),
		}})
	case groups.Parted:
		l.events = append(l.events, placedEvent{l.at, trace.GroupLeft{Group: ev.Group, Port: ev.Port, Why: ev.Why.String()}})
	case groups.JoinFailed:
		l.events = append(l.events, placedEvent{l.at, trace.GroupLeft{Group: ev.Group, Port: ev.Port, Why: "join-failed"}})
	}
}

func groupID(id groups.GroupViewID) trace.GroupID {
	return trace.GroupID{View: id.View, K: id.K, Side: id.Side}
}

func portsOf(members []groups.Member) []trace.Port {
	ports := make([]trace.Port, len(members))
	for i := range members {
		ports[i] = trace.Port{Process: members[i].Process, Port: members[i].Port, Join: members[i].Join}
	}
	return ports
}

// emitWith puts the core's events into the output, and those of the groups where
// they belong among them.
func (e *Engine) emitWith(core []trace.Event) {
	l := &e.light
	for i, ev := range core {
		for len(l.events) > 0 && l.events[0].at <= i {
			e.emit(l.events[0].Event)
			l.events = l.events[1:]
		}
		e.emit(ev)
	}
	for _, ev := range l.events {
		e.emit(ev.Event)
	}
	l.events, l.at = nil, 0
}

// submitControls sends what the table wants said, and lets the application send
// once the table is settled.
func (e *Engine) submitControls() bool {
	l := &e.light
	more := len(l.controls) > 0
	for _, c := range l.controls {
		e.core.Submit(e.now, vsync.Submission{Order: views.Agreed, Payload: c})
	}
	l.controls = l.controls[:0]
	if l.table.Settled() && e.core.Held() {
		e.core.Release(e.now)
		more = true
	}
	return more
}

// quiet asks the ports that want it, and reports whether all have answered.
func (e *Engine) quiet() bool {
	b := &e.light.block
	if b.over || b.asked != nil {
		return b.over || len(b.waiting) == 0
	}
	asked := e.light.table.BlockersLocal()
	if len(asked) == 0 {
		return true
	}
	b.waiting = make(map[portGroup]bool)
	b.until = e.now.Add(e.light.blockMax)
	for _, ask := range asked {
		e.ask(ask)
	}
	return false
}

// ask asks ports to stop sending for a change of the host view.
func (e *Engine) ask(ask groups.Block) {
	b := &e.light.block
	for _, port := range ask.Ports {
		b.waiting[portGroup{port, ask.Group}] = true
	}
	b.asked = append(b.asked, ask)
	e.deliver(ask)
}

// askAgain asks the ports that were given a group view while a change of the host
// view waits for ports: they take it for leave to send.
func (e *Engine) askAgain(view *groups.GroupView) {
	b := &e.light.block
	if b.over || len(b.waiting) == 0 {
		return
	}
	for _, ask := range e.light.table.BlockersLocal() {
		if ask.Group != view.Group {
			continue
		}
		ask.Ports = slices.DeleteFunc(ask.Ports, func(port uint32) bool { return !slices.Contains(view.Ports, port) })
		if len(ask.Ports) == 0 {
			return
		}
		e.light.answers = slices.DeleteFunc(e.light.answers, func(a blockAnswer) bool { // to the first question
			return a.group == ask.Group && slices.Contains(ask.Ports, a.port)
		})
		b.drained = 0
		e.ask(ask)
	}
}

// portReady notes that a port has stopped sending, or is out.
func (e *Engine) portReady(port uint32, group string) {
	b := &e.light.block
	if b.asked == nil || !b.waiting[portGroup{port, group}] {
		return
	}
	delete(b.waiting, portGroup{port, group})
	if len(b.waiting) == 0 {
		e.core.Advance(e.now)
	}
}

// advanceBlock ends a question that has stood too long: where the host is about
// to stop sending it does so now; where nothing came of it the ports go on.
func (e *Engine) advanceBlock() {
	b := &e.light.block
	if d := b.deadline(); d == 0 || e.now < d {
		return
	}
	if len(b.waiting) > 0 && !b.over {
		b.over = true
		b.until = e.now.Add(e.light.blockMax)
		e.core.Advance(e.now)
		return
	}
	if e.core.Phase() == vsync.Operational {
		e.endHostBlock()
		return
	}
	b.until = e.now.Add(e.light.blockMax)
}

// deadline is when the waiting is over, 0 where there is none.
func (b *hostBlock) deadline() views.Instant {
	if len(b.waiting) == 0 || b.over {
		return b.until
	}
	return views.Earliest(b.until, b.drained)
}

// endHostBlock lets the ports go on.
func (e *Engine) endHostBlock() {
	b := &e.light.block
	for _, ask := range b.asked {
		e.deliver(GroupUnblocked{Group: ask.Group, Ports: ask.Ports})
	}
	*b = hostBlock{}
}

// noteEvidence remembers whose kernel told of its death.
func (l *light) noteEvidence(host views.HostID, evidence string) {
	if evidence == message.EvidenceClosed.String() || evidence == message.EvidenceRefused.String() {
		l.strong[host] = true
	}
}

// audience gives the ranks that must hold a safe message; nil for all.
func (e *Engine) audience(group string) []int { return e.light.table.Hosts(group) }
