package groups

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gmsd/gmsd/views"
)

// world is a model of what vsync gives to the machines of several hosts: views,
// and within each an agreed order of controls; those who go together have
// delivered the same, and behind a gap only what they themselves sent.
type world struct {
	hosts []*host
	seq   views.Seq
	seen  map[string][]Member // by group and id
	fault func(format string, args ...any)
	// steps are those of a port from one view to the next, by group, from and to.
	steps map[string][]step
	why   func(views.Process) Why
	// dropped are the errors of controls.
	dropped []error
	// cuts are the handovers by group, cut and joiner.
	cuts map[string]Handover
	// hostile: peers may say what is not so.
	hostile bool
	// events counts what happened, by type.
	events map[string]int
	// lazy: what is to be sent in FIFO order goes when told.
	lazy bool
	// flows are what came between two group views, by the step.
	flows map[string]string
}

type step struct {
	port  Member
	trans []Member
	prev  GroupViewID
}

// sent is one control in the order of a component.
type sent struct {
	from views.Process
	body []byte
	// fence is how many FIFO messages its sender had sent before.
	fence int
}

// component is a view and its order.
type component struct {
	view  *views.View
	order []sent
	// fifo is what each host sent in FIFO order.
	fifo map[views.HostID][]fifoMessage
}

type host struct {
	w  *world
	id views.HostID
	p  views.Process
	m  *Machine
	at *component
	// delivered is how much of the order was delivered here.
	delivered int
	// unsent are controls not placed yet.
	unsent [][]byte
	ports  map[uint32]map[string]*seat
	asked  map[membershipName]bool
	// blocked are ports that were asked and have not seen a view since.
	blocked map[membershipName]bool
	// spent are ports whose client is gone: they never come again.
	spent map[uint32]bool
	up    bool
	log   []Event
	next  uint32
	fifo  fifo
}

// seat is what a port has seen of a group.
type seat struct {
	id      GroupViewID
	members []Member
	block   bool
	state   bool
	joinerState
}

func newWorld(n int, fault func(string, ...any)) *world {
	w := &world{fault: fault, seen: map[string][]Member{}, steps: map[string][]step{}, cuts: map[string]Handover{}, events: map[string]int{}, flows: map[string]string{}}
	w.why = func(views.Process) Why { return HostCrashed }
	for i := range n {
		h := &host{w: w}
		h.id[0] = byte(i + 1)
		h.p = views.Process{Host: h.id}
		w.hosts = append(w.hosts, h)
		h.start()
	}
	return w
}

func (h *host) start() {
	h.p.Incarnation++
	h.m, h.up, h.at, h.delivered = New(h.p), true, nil, 0
	h.ports, h.asked, h.unsent, h.next = map[uint32]map[string]*seat{}, map[membershipName]bool{}, nil, 0
	h.spent, h.blocked = map[uint32]bool{}, map[membershipName]bool{}
	h.fifo = newFIFO()
	h.w.view([]*host{h}, nil)
}

func (h *host) crash() { h.up = false }

// view makes one view of hosts. Subgroups are those who come from the same view
// and are not in alone.
func (w *world) view(hosts []*host, alone map[*host]bool) *component {
	w.seq++
	v := &views.View{ID: views.ViewID{Seq: w.seq, Coordinator: hosts[0].id, Incarnation: hosts[0].p.Incarnation}}
	for _, h := range hosts {
		v.Members = append(v.Members, views.Member{Process: h.p, Name: fmt.Sprint(h.id[0])})
	}
	c := &component{view: v, fifo: map[views.HostID][]fifoMessage{}}
	var sides [][]*host
	for rest := hosts; len(rest) > 0; {
		first := rest[0]
		var side, others []*host
		for _, h := range rest {
			if h == first || (first.at != nil && h.at == first.at && !alone[h] && !alone[first]) {
				side = append(side, h)
			} else {
				others = append(others, h)
			}
		}
		sides, rest = append(sides, side), others
	}
	bare := make([]bool, len(hosts))
	for _, side := range sides {
		is := w.finish(side)
		for _, h := range side {
			bare[v.RankOf(h.p)] = is
		}
	}
	for _, side := range sides {
		trans := hostsOf(side)
		for _, h := range side {
			h.at, h.delivered = c, 0
			clear(h.fifo.taken)
			h.m.HandleView(v, trans, bare, w.why)
			h.act()
		}
	}
	return c
}

func hostsOf(side []*host) (ids []views.HostID) {
	for _, h := range side {
		ids = append(ids, h.id)
	}
	slices.SortFunc(ids, views.HostID.Compare)
	return ids
}

// finish delivers what those who go together have of their view. It reports
// whether it was nothing, and they know of no group.
func (w *world) finish(together []*host) bool {
	bare := true
	from := together[0].at
	trans := hostsOf(together)
	cut := 0
	for _, h := range together {
		cut = max(cut, h.delivered)
	}
	limits := fifoLimits(together)
	for _, h := range together {
		bare = bare && h.m.Bare()
		h.takeFIFO(limits)
		for from != nil && h.delivered < len(from.order) {
			switch {
			case h.delivered < cut:
				h.deliver(false)
			case slices.Contains(trans, from.order[h.delivered].from.Host):
				h.deliver(true)
			default:
				h.delivered++
				continue
			}
			h.takeFIFO(limits)
			bare = false
		}
	}
	return bare
}

// deliver gives the next control of the order.
func (h *host) deliver(transitional bool) {
	s := h.at.order[h.delivered]
	if !transitional {
		h.takeFIFO(map[views.HostID]int{s.from.Host: s.fence})
	}
	h.delivered++
	err := h.m.HandleControl(h.at.view.RankOf(s.from), views.Position(h.delivered), transitional, s.body)
	if err != nil {
		h.w.dropped = append(h.w.dropped, err)
	}
	if err != nil && !h.w.hostile && !errors.Is(err, ErrStale) && !errors.Is(err, ErrUnexpected) {
		h.w.fault("host %d: %v", h.id[0], err)
	}
	h.act()
}

// send places the oldest control that waits.
func (h *host) send() bool {
	if len(h.unsent) == 0 {
		return false
	}
	h.at.order = append(h.at.order, sent{h.p, h.unsent[0], len(h.at.fifo[h.id])})
	h.unsent = h.unsent[1:]
	return true
}

// act takes the outputs of the machine.
func (h *host) act() {
	o := h.m.Drain()
	for _, c := range o.Controls {
		if len(c) > ControlMax {
			h.w.fault("a control of %d bytes", len(c))
		}
		h.unsent = append(h.unsent, c)
	}
	var shown []GroupView
	defer func() { h.allCut(shown) }()
	for _, e := range o.Events {
		if h.fifo.take(h, e) {
			continue
		}
		h.w.events[strings.TrimPrefix(fmt.Sprintf("%T", e), "groups.")]++
		h.log = append(h.log, e)
		switch e := e.(type) {
		case GroupView:
			h.show(&e)
			shown = append(shown, e)
		case Block:
			for _, p := range e.Ports {
				h.asked[membershipName{p, e.Group}] = true
				h.blocked[membershipName{p, e.Group}] = true
			}
		case Handover:
			h.cut(&e)
		case JoinFailed:
			delete(h.ports[e.Port], e.Group)
		}
	}
	if !h.w.lazy {
		h.flow()
	}
}

func (h *host) join(port uint32, group string, block bool) error {
	return h.joinWith(port, group, Options{Block: block})
}

func (h *host) joinWith(port uint32, group string, o Options) error {
	if err := h.m.Join(port, group, fmt.Sprint("p", port), o); err != nil {
		return err
	}
	if h.ports[port] == nil {
		h.ports[port] = map[string]*seat{}
	}
	h.ports[port][group] = &seat{block: o.Block, state: o.State}
	h.act()
	return nil
}

func (h *host) leave(port uint32, group string, why Why) {
	h.lastWords()
	if err := h.m.Leave(port, group, why); err != nil {
		h.w.fault("leave: %v", err)
	}
	delete(h.ports[port], group)
	delete(h.asked, membershipName{port, group})
	h.act()
}

func (h *host) portGone(port uint32) {
	h.lastWords()
	h.m.PortGone(port)
	delete(h.ports, port)
	h.spent[port] = true
	maps.DeleteFunc(h.asked, func(k membershipName, _ bool) bool { return k.port == port })
	h.act()
}

func (h *host) ready(key membershipName) {
	h.m.Ready(key.port, key.group)
	delete(h.asked, key)
	h.act()
}

// show checks a group view against all that was seen so far.
func (h *host) show(e *GroupView) {
	fault := func(format string, args ...any) {
		h.w.fault("host %d, %s %v after %v at ports %v: "+format, append([]any{h.id[0], e.Group, e.ID, e.Prev, e.Ports}, args...)...)
	}
	key := e.Group + " " + e.ID.String()
	if was, ok := h.w.seen[key]; ok && !sameMembers(was, e.Members) {
		fault("members %v, elsewhere %v", e.Members, was)
	}
	h.w.seen[key] = e.Members
	for _, port := range e.Ports {
		self := slices.IndexFunc(e.Members, func(m Member) bool { return m.Process == h.p && m.Port == port })
		if self < 0 {
			fault("port %d is not in %v", port, e.Members)
			continue
		}
		seat := h.ports[port][e.Group]
		if seat == nil {
			fault("port %d has left", port)
			continue
		}
		if !seat.id.IsZero() && e.ID.Compare(seat.id) <= 0 {
			fault("ids do not rise from %v", seat.id)
		}
		if e.Prev != seat.id && !e.Prev.IsZero() {
			fault("port %d had %v", port, seat.id)
		}
		prev := seat.members
		if e.Prev.IsZero() {
			prev = nil
		}
		h.difference(e, prev, fault)
		h.compareFlow(e, membershipName{port, e.Group}, fault)
		seat.id, seat.members = e.ID, e.Members
		if mb := &e.Members[self]; e.Prev.IsZero() && !mb.HasState() {
			seat.due, seat.donor = true, nil
		}
		delete(h.asked, membershipName{port, e.Group})
		delete(h.blocked, membershipName{port, e.Group})
		if !e.Prev.IsZero() {
			h.w.step(e, e.Members[self], fault)
		} else if len(e.Trans) != 1 || !e.Trans[0].is(&e.Members[self]) {
			fault("a joiner came along with %v", e.Trans)
		}
	}
}

// difference checks that Joined and Left are those of two views in a row.
func (h *host) difference(e *GroupView, prev []Member, fault func(string, ...any)) {
	inTrans := holds(e.Trans)
	for i := range e.Members {
		m := &e.Members[i]
		if joined := holds(e.Joined)(m); joined == (inTrans(m) && prev != nil) {
			fault("%v joined: %v, came along: %v", m, joined, inTrans(m))
		}
	}
	if prev == nil {
		return
	}
	left := 0
	for i := range prev {
		gone := slices.ContainsFunc(e.Left, func(d Departure) bool { return d.is(&prev[i]) && d.Why != WhyNone })
		if gone == inTrans(&prev[i]) {
			fault("%v left: %v", prev[i], gone)
		}
		if gone {
			left++
		}
	}
	if left != len(e.Left) || len(e.Trans)+len(e.Joined) != len(e.Members) {
		fault("left %v of %v, trans %v, joined %v", e.Left, prev, e.Trans, e.Joined)
	}
}

// step checks P9 over all ports that take the same step.
func (w *world) step(e *GroupView, port Member, fault func(string, ...any)) {
	key := fmt.Sprint(e.Group, " ", e.ID)
	for _, o := range w.steps[key] {
		switch {
		case o.prev == e.Prev && (!sameMembers(o.trans, e.Trans) || !holds(e.Trans)(&o.port)):
			fault("came along with %v, %v from there with %v", e.Trans, o.port, o.trans)
		case o.prev != e.Prev && (holds(e.Trans)(&o.port) || holds(o.trans)(&port)):
			fault("came along with %v, which came from %v", o.port, o.prev)
		}
	}
	w.steps[key] = append(w.steps[key], step{port, e.Trans, e.Prev})
}

// alive are the hosts that run.
func (w *world) alive() []*host {
	return slices.DeleteFunc(slices.Clone(w.hosts), func(h *host) bool { return !h.up })
}

// settle lets all that is under way happen; no question is answered.
func (w *world) settle() {
	for busy := true; busy; {
		busy = false
		for _, h := range w.alive() {
			for h.send() {
				busy = true
			}
			for h.delivered < len(h.at.order) {
				h.deliver(false)
				busy = true
			}
		}
	}
}

// rest settles, and answers every question.
func (w *world) rest() {
	for busy := true; busy; {
		busy = false
		w.settle()
		for _, h := range w.alive() {
			for _, key := range h.questions() {
				h.ready(key)
				busy = true
			}
			busy = h.flow() || busy
		}
	}
}

func (h *host) questions() []membershipName {
	return slices.SortedFunc(maps.Keys(h.asked), func(a, b membershipName) int {
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
}

// judge checks, at rest and in one view, that all tables are equal and hold
// exactly what the ports want, and that each port has seen it.
func (w *world) judge() {
	want := map[string][]string{}
	table := ""
	for _, h := range w.alive() {
		if !h.m.Settled() {
			w.fault("host %d waits for %v", h.id[0], h.m.Waiting())
			return
		}
		if d := describe(h.m); table == "" {
			table = d
		} else if table != d {
			w.fault("host %d has\n%s\nothers\n%s", h.id[0], d, table)
		}
		for _, name := range h.m.Groups() {
			if h.m.table.groups[name].change != nil {
				w.fault("host %d has not ended the change of %s", h.id[0], name)
			}
		}
		if len(h.fifo.quiet) > 0 {
			w.fault("host %d holds back for %v", h.id[0], h.fifo.quiet)
		}
		for key := range h.blocked {
			if h.ports[key.port][key.group] != nil {
				w.fault("host %d is blocked for ever at %v", h.id[0], key)
			}
		}
		for port, in := range h.ports {
			for group, seat := range in {
				h.judgeState(port, group, seat)
				want[group] = append(want[group], Member{Process: h.p, Port: port}.String())
				if id, members := h.m.MembersOf(group); seat.id != id || !sameMembers(seat.members, members) {
					w.fault("host %d port %d sees %v %v of %s, which is %v %v", h.id[0], port, seat.id, seat.members, group, id, members)
				}
			}
		}
	}
	h := w.alive()[0]
	if got := h.m.Groups(); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
		w.fault("groups %v, want %v", got, slices.Sorted(maps.Keys(want)))
	}
	for group, want := range want {
		var got []string
		_, members := h.m.MembersOf(group)
		for _, m := range members {
			got = append(got, m.String())
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			w.fault("%s has %v, want %v", group, got, want)
		}
	}
}
