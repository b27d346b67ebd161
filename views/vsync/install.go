package vsync

import (
	"net/netip"
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// installsKept is how many installs a host can still give to one who missed them.
const installsKept = 4

// wholeMax is up to how many strangers get the whole view each by itself, while
// the members of ours get the difference.
const wholeMax = 4

// decide makes the view of all who have answered, tells them, and installs it.
func (c *Core) decide() {
	l := c.lead
	in := &message.Install{View: l.ballot}
	var plan []placement
	for _, group := range c.groups() {
		g := message.InstallGroup{From: group[0].answer.From, Digest: group[0].answer.Digest, Bare: true}
		for _, inv := range c.ranked(group) {
			g.Bare = g.Bare && inv.answer.Bare
			if inv.leaving {
				c.forgetStranger(inv.Process)
				continue
			}
			g.Count++
			plan = append(plan, c.placementOf(inv))
		}
		in.Groups = append(in.Groups, g)
	}
	in.Kind, in.Reason = c.kindAndReason(plan)
	for _, p := range plan {
		in.Members = append(in.Members, p.member)
		if p.joiner {
			c.emit(trace.Join{Who: p.member.Host, Verdict: trace.JoinAccept})
		}
	}
	in.Layout = []message.MemberSpan{{Explicit: true, Count: uint16(len(plan))}}
	c.emit(trace.Phase{Ballot: l.ballot, Phase: "install", Cause: l.cause})
	if c.cfg.SignView != nil {
		c.cfg.SignView(in)
	}
	c.announce(in, plan)
	c.lead = nil
	c.handleInstall(c.asSender(), in)
}

// placement is one member of the view being decided.
type placement struct {
	member views.Member
	addr   netip.AddrPort
	via    netip.AddrPort
	joiner bool
	from   views.ViewID
	// parentRank is its rank in the coordinator's view where its record there
	// still holds, else -1.
	parentRank int
}

func (c *Core) placementOf(inv *invite) placement {
	p := placement{addr: inv.addr, joiner: inv.answer.Joiner, from: inv.answer.From, parentRank: -1}
	p.via = inv.via
	if inv.answer.Self != nil {
		p.member = *inv.answer.Self
		return p
	}
	r := c.lead.base.RankOf(inv.Process)
	p.member = c.lead.base.Members[r]
	if c.lead.base == c.base {
		p.parentRank = r
	}
	return p
}

// ranked orders a subgroup: the coordinator first, then by rank in our view,
// then by host.
func (c *Core) ranked(group []*invite) []*invite {
	key := func(inv *invite) int {
		if inv.Host == c.self.Host {
			return -1
		}
		if r := c.rankOf(inv.Process); r >= 0 {
			return r
		}
		return views.MembersMax
	}
	group = slices.Clone(group)
	slices.SortStableFunc(group, func(a, b *invite) int { return key(a) - key(b) })
	return group
}

// kindAndReason: a merge brings at least two subgroups that are no joiners;
// else the strongest thing that happened names the view.
func (c *Core) kindAndReason(plan []placement) (views.Kind, views.Reason) {
	d := c.differenceTo(plan)
	switch {
	case len(d.regimes) >= 2:
		return views.Merge, views.ReasonMerge
	case d.replaced:
		return views.Regular, views.ReasonReplace
	case d.crashed && c.lead.evicting:
		return views.Regular, views.ReasonEvict
	case d.crashed:
		return views.Regular, views.ReasonCrash
	case d.left:
		return views.Regular, views.ReasonLeave
	case d.joined:
		return views.Regular, views.ReasonJoin
	}
	return views.Regular, views.ReasonRestate
}

// change is what a new view changes against those its members come from.
type change struct {
	// regimes are the views of subgroups that are no joiners.
	regimes                         []views.ViewID
	joined, replaced, crashed, left bool
}

func (c *Core) differenceTo(plan []placement) change {
	var d change
	hosts := make(map[views.HostID]views.Incarnation, len(plan))
	for _, p := range plan {
		hosts[p.member.Host] = p.member.Incarnation
		d.joined = d.joined || c.rankOf(p.member.Process) < 0
		if !p.joiner && !slices.Contains(d.regimes, p.from) {
			d.regimes = append(d.regimes, p.from)
		}
	}
	c.addLost(&d, c.base.Members, hosts)
	for _, s := range c.strangers {
		if s.roster != nil && slices.ContainsFunc(plan, func(p placement) bool { return p.from == s.view }) {
			c.addLost(&d, s.roster, hosts)
		}
	}
	return d
}

// addLost notes the members of a view that a new one of hosts does not hold.
func (c *Core) addLost(d *change, members []views.Member, hosts map[views.HostID]views.Incarnation) {
	for i := range members {
		inc, there := hosts[members[i].Host]
		if there && inc == members[i].Incarnation {
			continue
		}
		inv := c.lead.find(members[i].Process)
		switch {
		case there:
			d.replaced = true
		case inv != nil && inv.leaving:
			d.left = true
		default:
			d.crashed = true
		}
	}
}

// announce tells the view to all who were invited: as a difference to those of
// our view, whole to the others; whole to all where the others are many.
func (c *Core) announce(in *message.Install, plan []placement) {
	var strangers []placement
	for _, p := range plan {
		if p.from != c.base.ID {
			strangers = append(strangers, p)
		}
	}
	everyone := in
	if len(strangers) <= wholeMax && c.lead.base == c.base {
		everyone = difference(in, plan, c.base.ID)
	}
	c.sendInvited(everyone)
	for _, p := range plan {
		if p.via.IsValid() {
			c.sendVia(p.via, p.addr, in)
		}
	}
	if everyone == in {
		return
	}
	for _, p := range strangers {
		c.sendTo(p.addr, in)
	}
}

// difference says a view relative to its parent.
func difference(whole *message.Install, plan []placement, parent views.ViewID) *message.Install {
	in := *whole
	in.Parent, in.Layout, in.Members = parent, nil, nil
	for _, p := range plan {
		last := len(in.Layout) - 1
		switch {
		case p.parentRank < 0:
			in.Members = append(in.Members, p.member)
			if last >= 0 && in.Layout[last].Explicit {
				in.Layout[last].Count++
				continue
			}
			in.Layout = append(in.Layout, message.MemberSpan{Explicit: true, Count: 1})
		case last >= 0 && !in.Layout[last].Explicit && int(in.Layout[last].First+in.Layout[last].Count) == p.parentRank:
			in.Layout[last].Count++
		default:
			in.Layout = append(in.Layout, message.MemberSpan{First: uint16(p.parentRank), Count: 1})
		}
	}
	return &in
}

// handleInstall installs a view this host has answered to: the one it waits
// for, or one it missed and has fetched.
func (c *Core) handleInstall(from Sender, m *message.Install) {
	p := c.promise
	if p == nil || (m.View != p.ballot && m.View != p.catchup) {
		c.noteMissed(from.Addr, m.View)
		return
	}
	said := c.answeredTo(m.View)
	if said == nil || (m.Parent != c.base.ID && !m.Parent.IsZero()) {
		return
	}
	view, group := c.viewOf(m)
	if view == nil {
		c.drop(from.Host, "bad-install")
		return
	}
	if c.cfg.CheckView != nil && from.Host != c.self.Host && !c.cfg.CheckView(wholeOf(view, m)) {
		c.drop(from.Host, "bad-signature")
		return
	}
	if group >= 0 {
		said = c.saidTo(m.View, m.Groups[group].Digest)
	}
	ours := group >= 0 && said != nil && (!c.isIn(view) || slices.Contains(c.transOf(view, m, group), c.self.Host))
	switch {
	case m.View != p.ballot && (!ours || !c.isIn(view) || c.refusesStale(view)):
		c.decline(m.View)
	case !ours:
		c.leftOut(view, m.View)
	case c.refusesStale(view):
		c.leftOut(view, m.View)
	case c.isIn(view):
		c.install(view, c.transOf(view, m, group), m, said.limits)
	case c.leaving:
		together := c.togetherWith(c.transOf(view, m, group))
		together[c.rank] = true // what it sent it delivers, also behind a gap
		c.finishView(together, said.limits)
		c.stop(Stop{How: trace.StopGraceful})
	default:
		c.leftOut(view, m.View)
	}
}

// refusesStale reports whether a view holds an earlier life of a host of which we
// have met a later one (I6), and tells that one. Whoever led could not know.
func (c *Core) refusesStale(v *views.View) bool {
	found := false
	for i := range v.Members {
		if m := &v.Members[i]; c.seen.staler(m.Process) {
			found = true
			c.refuse(senderOf(m), views.RefuseRolledBack)
		}
	}
	return found
}

// isIn reports whether a view holds this very process.
func (c *Core) isIn(v *views.View) bool {
	r := v.RankOf(c.self.Process)
	return r >= 0 && v.Members[r].Nonce == c.cfg.Nonce
}

// viewOf builds the view an install describes and finds the group that comes
// from our view; nil where the install does not hold together.
func (c *Core) viewOf(m *message.Install) (*views.View, int) {
	v := &views.View{ID: m.View, Kind: m.Kind, Reason: m.Reason}
	explicit := 0
	for _, span := range m.Layout {
		source := m.Members
		first := explicit
		if span.Explicit {
			explicit += int(span.Count)
		} else {
			source, first = c.base.Members, int(span.First)
		}
		if first+int(span.Count) > len(source) || len(v.Members)+int(span.Count) > views.MembersMax {
			return nil, -1
		}
		v.Members = append(v.Members, source[first:first+int(span.Count)]...)
	}
	if len(v.Members) == 0 || v.Members[0].Host != m.View.Coordinator || !distinctHosts(v.Members) {
		return nil, -1
	}
	group, at := -1, 0
	for i, g := range m.Groups {
		if g.From == c.view.ID {
			group = i
		}
		if at+int(g.Count) > len(v.Members) {
			return nil, -1
		}
		if g.Count > 0 {
			v.Subgroups = append(v.Subgroups, views.Subgroup{ID: g.From, Members: hostsOf(v.Members[at : at+int(g.Count)])})
		}
		at += int(g.Count)
	}
	if at != len(v.Members) {
		return nil, -1
	}
	return v, group
}

func distinctHosts(members []views.Member) bool {
	hosts := hostsOf(members)
	slices.SortFunc(hosts, views.HostID.Compare)
	return len(slices.Compact(hosts)) == len(members)
}

func hostsOf(members []views.Member) []views.HostID {
	hosts := make([]views.HostID, len(members))
	for i := range members {
		hosts[i] = members[i].Host
	}
	return hosts
}

// transOf gives the members that come along from our view, sorted.
func (c *Core) transOf(v *views.View, m *message.Install, group int) []views.HostID {
	at := 0
	for _, g := range m.Groups[:group] {
		at += int(g.Count)
	}
	trans := hostsOf(v.Members[at : at+int(m.Groups[group].Count)])
	slices.SortFunc(trans, views.HostID.Compare)
	return trans
}

// togetherWith marks the ranks of the current view that come along.
func (c *Core) togetherWith(trans []views.HostID) []bool {
	together := make([]bool, len(c.base.Members))
	for _, h := range trans {
		if r := c.rankOfHost(h); r >= 0 {
			together[r] = true
		}
	}
	return together
}

// finishView delivers what is left of the current view, up to the cut that all
// who come along share (I3).
func (c *Core) finishView(together []bool, limits []views.StreamSeq) {
	for r := range c.streams {
		c.processTo(message.StreamID(r), min(limits[r], c.streams[r].have))
	}
	c.finishOrder(together)
	c.readFenced()
}

// leftOut: the view was decided without us, because our answer came too late.
// Those in it have gone on; they will hear us and take us in, or we go on with
// whoever else was left. What was said to that ballot counts no more: who hears them
// later has not missed their view.
func (c *Core) leftOut(v *views.View, ballot views.ViewID) {
	c.forgetAnswer(ballot)
	if c.promise.released {
		return // told before: another telling must not prolong the wait
	}
	for r := range c.base.Members {
		if r != c.rank && v.RankOf(c.base.Members[r].Process) >= 0 {
			c.members[r].departedAt = c.now
			c.members[r].gone = true
		}
	}
	c.emit(trace.Phase{Ballot: ballot, Phase: "abandon", Cause: "left-out"})
	c.promise.pollAt = 0
	c.promise.released = true
	c.promise.patience = c.after(c.t.Depart)
}

// installFirst installs the view of this host alone.
func (c *Core) installFirst() {
	v := &views.View{
		ID: c.highest, Reason: views.ReasonStart, Members: []views.Member{c.self},
		Subgroups: []views.Subgroup{{ID: c.highest, Members: []views.HostID{c.self.Host}}},
	}
	c.emit(trace.Join{Who: c.self.Host, Verdict: trace.JoinAccept})
	c.adopt(v, []views.HostID{c.self.Host}, []bool{true})
	c.helloAt = c.now
}

// install ends the current view and begins the next.
func (c *Core) install(v *views.View, trans []views.HostID, m *message.Install, limits []views.StreamSeq) {
	c.finishView(c.togetherWith(trans), limits)
	c.noteBusy(v)
	c.keepInstall(v, m)
	c.adopt(v, trans, bareRanks(m))
	if p := c.promise; p != nil && v.ID.Less(p.ballot) && !p.released {
		// We caught up with a view we had missed; the ballot we promised goes on.
		p.catchup, p.cut = views.ViewID{}, nil
		c.enterFlushing()
		switch {
		case c.lead != nil: // who else is in it was not invited
			c.startChange("caught up")
		case p.durable:
			c.sendAnswer()
		}
		return
	}
	c.promise, c.lead, c.lastPromised = nil, nil, views.ViewID{}
	c.replayEarly()
	c.pump()
}

// bareRanks tells, by rank, who knows of no light group.
func bareRanks(m *message.Install) (bare []bool) {
	for _, g := range m.Groups {
		for range g.Count {
			bare = append(bare, g.Bare)
		}
	}
	return bare
}

// adopt makes v the current view with empty streams.
func (c *Core) adopt(v *views.View, trans []views.HostID, bare []bool) {
	prev, removed := views.ViewID{}, []views.HostID(nil)
	if c.view != nil {
		prev, removed = c.view.ID, c.removedBy(v)
	}
	c.prev, c.base, c.view = prev, v, v
	c.reindex()
	c.rank = v.RankOf(c.self.Process)
	c.said = v.Members[c.rank]
	c.joiner = c.joiner && v.Size() == 1
	c.members = make([]memberState, v.Size())
	c.addrs = make([]netip.AddrPort, 0, v.Size()-1)
	for r := range v.Members {
		c.seen.note(v.Members[r].Process, v.Members[r].Nonce)
		if r != c.rank {
			c.addrs = append(c.addrs, v.Members[r].Addr)
		}
	}
	c.members[c.rank].leaving = c.leaving
	for _, p := range c.evicted {
		if r := c.rankOf(p); r >= 0 {
			c.members[r].evicted = true
		}
	}
	c.resetStreams(v.Size())
	c.answered, c.challenge, c.abdicated, c.missed = nil, nil, false, missed{}
	c.grownAt = 0
	c.helloTries = 0
	c.gather.since, c.gather.lostAt, c.gather.unsettled, c.gather.yieldUntil = 0, 0, false, 0
	c.forgetStrangers()
	c.forgetShy()
	c.errands, c.reachAt = nil, c.now // the ways to strangers are to be found anew
	c.enter(Operational)
	c.held, c.ahead = c.cfg.Holds, true
	c.emit(installEvent(v, prev, trans))
	c.deliver(ViewInstalled{View: v, Prev: prev, Trans: trans, At: len(c.out.Events), Bare: bare, Removed: removed})
	if !prev.IsZero() {
		c.emit(trace.Unblock{View: v.ID})
		c.deliver(Unblocked{View: v.ID})
	}
	c.armHello()
	c.rearmLeave()
}

func (c *Core) resetStreams(size int) {
	c.streams = make([]stream, size*int(message.Classes))
	for r := range c.streams {
		c.streams[r].holder = noHolder
	}
	c.order = newOrder(size)
	c.stability = stability{}
	c.resetFlow(size)
	c.nakAt, c.fenced = 0, false
	c.resetSender()
}

func installEvent(v *views.View, prev views.ViewID, trans []views.HostID) trace.Install {
	members := make([]trace.HostBits, v.Size())
	for r := range v.Members {
		members[r] = trace.HostBits{Process: v.Members[r].Process, Bits: v.Members[r].Bits}
	}
	return trace.Install{
		View: v.ID, Prev: prev, Trans: trans, Members: members, Kind: v.Kind, Subgroups: v.Subgroups, Reason: v.Reason,
	}
}

// removedBy gives the members that are gone with v without having asked to go: us, or the
// coordinator, as its proposal says, since a word may be lost on its way here.
func (c *Core) removedBy(v *views.View) (list []views.HostID) {
	stays := make(map[views.HostID]bool, v.Size())
	for r := range v.Members {
		stays[v.Members[r].Host] = true
	}
	var asked []uint16
	if p := c.promise; p != nil && p.base == c.base.ID {
		asked = p.leaving
	}
	for r := range c.base.Members {
		m := &c.members[r]
		if !stays[c.base.Members[r].Host] && !m.leaving && !m.evicted && !slices.Contains(asked, uint16(r)) { //nolint:gosec // below MembersMax
			list = append(list, c.base.Members[r].Host)
		}
	}
	return list
}

// noteBusy: where several came, or one after another, more are likely to come.
func (c *Core) noteBusy(v *views.View) {
	came := 0
	for r := range v.Members {
		if c.rankOf(v.Members[r].Process) < 0 {
			came++
		}
	}
	if came == 0 {
		return
	}
	if came > 1 || c.joiner || c.now < c.gather.busyUntil+views.Instant(c.t.BusyFor) {
		c.gather.busyUntil = c.after(c.t.BusyFor)
		return
	}
	c.gather.busyUntil = c.now
}

// keepInstall keeps the view, whole, for those who may have missed it.
func (c *Core) keepInstall(v *views.View, m *message.Install) {
	if len(c.installs) == installsKept {
		c.installs = slices.Delete(c.installs, 0, 1)
	}
	c.installs = append(c.installs, wholeOf(v, m))
}

// wholeOf is the install that gives v, which came of m, without a parent.
func wholeOf(v *views.View, m *message.Install) *message.Install {
	whole := *m
	whole.Parent, whole.Members = views.ViewID{}, v.Members
	whole.Layout = []message.MemberSpan{{Explicit: true, Count: uint16(v.Size())}}
	return &whole
}

// replayEarly handles the messages that overtook the install.
func (c *Core) replayEarly() {
	early := c.early
	c.early, c.earlyBytes = nil, 0
	for i := range early {
		if e := &early[i]; e.data.View == c.view.ID {
			c.handleData(e.from, &e.data)
		}
	}
}

// stop ends this host.
func (c *Core) stop(s Stop) {
	if c.stopped {
		return
	}
	c.refuseQueued(views.ErrLeaving)
	c.enter(Stopped)
	c.stopped = true
	c.lead, c.promise = nil, nil
	c.emit(trace.Stop{How: s.How})
	c.out.Stop = &s
}
