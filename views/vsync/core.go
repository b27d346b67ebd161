package vsync

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// Config is what a Core is made from.
type Config struct {
	// Self is this host's record: its process, address, first bits and attributes.
	Self views.Member
	// Nonce tells this process from a clone.
	Nonce uint64
	// Seq is the highest view seq on disk.
	Seq views.Seq
	// Multicast: messages for all also reach strangers, so heartbeats do the
	// work of a Hello.
	Multicast bool
	// Seed feeds the jitter.
	Seed uint64
	// Timing, zero for the defaults.
	Timing Timing
	// PacketBytes is how long the body of a packet may be, 0 for one that fits an
	// Ethernet frame: what the path carries without taking it apart, less the
	// frame's own.
	PacketBytes int
	// Window is how many bytes may be under way in a view altogether, 0 for 1 MiB:
	// about a quarter of a receive buffer.
	Window int
	// MessageEvents: sends and deliveries of messages are events, too.
	MessageEvents bool
	// Audience gives the ranks of the hosts that have a member of a group: they
	// must hold a safe message before anybody delivers it. Nil, or nil for a group: all.
	Audience func(group string) []int
	// Bare reports whether this host knows of no light group; nil for always.
	Bare func() bool
	// Holds: after every install the messages of the application wait for Release.
	Holds bool
	// Quiet reports whether this host may stop sending now, and sees to it that
	// it soon may where not: asked before a promise, and again with every input.
	// Nil: it always may.
	Quiet func() bool
	// SignView signs a view that this host has decided, given whole; CheckView
	// reports whether its coordinator has signed it. Nil: nothing is signed.
	SignView  func(whole *message.Install)
	CheckView func(whole *message.Install) bool
	// HoldOff tells until when a host that keeps failing stays out; nil for never.
	HoldOff func(now views.Instant, host views.HostID) views.Instant
}

// Sender is where a message came from.
type Sender struct {
	views.Process
	Nonce uint64
	Addr  netip.AddrPort
}

// senderOf is a member as the sender of a message.
func senderOf(m *views.Member) Sender {
	return Sender{Process: m.Process, Nonce: m.Nonce, Addr: m.Addr}
}

// Opinion is what the failure detector thinks of the members of the current view.
type Opinion struct {
	// View is the view it is about; another one's is ignored.
	View views.ViewID
	// Failed are the ranks enough observers have given up, ascending.
	Failed []uint16
	// Suspected are the ranks this host doubts; they are not waited for as coordinators.
	Suspected []uint16
	// Unsettled: more may follow in a moment.
	Unsettled bool
}

// Core is the machine. It is not safe for concurrent use.
type Core struct {
	cfg Config
	t   Timing
	rng *rand.Rand
	// startedAt is when this process began.
	now, startedAt views.Instant

	// self is this host's record as it wants to be known.
	self views.Member
	// said is the same as it stands in this host's stream: what all who come
	// along will have when the view ends.
	said views.Member
	// base is the view as installed, view the same with the changes since then.
	base, view *views.View
	prev       views.ViewID
	rank       int
	// joiner: never in a view of two.
	joiner bool
	// index finds a rank by host where the view is large.
	index map[views.HostID]int
	// addrs are the addresses of the other members.
	addrs []netip.AddrPort

	phase Phase
	// highest is the highest ballot promised; durable what the disk holds.
	highest views.ViewID
	// lastPromised is the ballot promised before the present one.
	lastPromised views.ViewID
	durable      views.Seq
	writing      views.Seq
	// seqSeen is the highest seq others said they had promised.
	seqSeen views.Seq
	// promise is set while flushing, lead while this host coordinates a ballot.
	promise *promise
	lead    *lead
	// abdicated: the lead of this change was handed over once; it is not handed on.
	abdicated bool
	// answered remembers what was said to each ballot since the install.
	answered []answeredBallot
	// missed is one of those ballots that was decided, perhaps with this host.
	missed missed

	gather    gather
	members   []memberState
	strangers []*stranger
	seen      seenTable
	challenge *challenge
	// grownAt is when a twin was first told that we are in the current view.
	grownAt  views.Instant
	installs []*message.Install

	streams   []stream
	sender    sender
	order     order
	stability stability
	flow      flow
	deferred  *deferred
	// fenced: some FIFO stream waits for the order.
	fenced bool
	// held: the messages of the application wait for Release.
	held bool
	// ahead: a view or a control was delivered and not drained, so that Audience
	// does not know of it.
	ahead bool
	early []earlyData
	// earlyBytes is what early holds.
	earlyBytes int
	slab       slab
	pool       pool
	// batch is the last delivery where that is messages.
	batch    *Messages
	names    map[string]string
	lastName string
	evicted  []views.Process
	told     []told
	shies    []shy
	nakAt    views.Instant

	// absent: places are known where hosts may be that are not in the view.
	absent       bool
	leaving      bool
	leaveAt      views.Instant
	leaveUntil   views.Instant
	helloAt      views.Instant
	helloTries   int
	reachAt      views.Instant
	introducedAt views.Instant
	errands      []*errand
	stopped      bool
	counters     Counters
	out          Output
}

// memberState is what this host thinks of a member of the current view.
type memberState struct {
	failed, suspected, leaving, evicted bool
	// shunned: it led a change of this view and came to nothing.
	shunned bool
	// departedAt is when it was first seen in a later view without us; gone once
	// that has lasted.
	departedAt views.Instant
	gone       bool
	// behindAt and behindLast are when it was first and last heard, time and again,
	// in a view before ours since we installed ours.
	behindAt, behindLast views.Instant
	// replaced: a later incarnation came and this one did not answer a challenge.
	replaced bool
}

// Counters count what happened since the start.
type Counters struct {
	Retransmits, Naks, Ballots, Yields, Abandons, LeftOut uint64
	Sent, Delivered                                       [views.OrderEnd]uint64
}

// Phase is the state of a host in the protocol.
type Phase uint8

// Phases. The table of allowed transitions stands in transitions.go.
const (
	Starting Phase = iota
	Operational
	Flushing
	Stopped
)

var phaseNames = [...]string{"starting", "operational", "flushing", "stopped"}

// String gives the name used in events and transcripts.
func (p Phase) String() string { return phaseNames[p] }

// ErrConfig is wrapped by every error of New.
var ErrConfig = errors.New("vsync: bad configuration")

// New makes a Core that has not started.
func New(cfg Config) (*Core, error) {
	s := cfg.Self
	switch {
	case s.Host.IsZero() || s.Incarnation == 0:
		return nil, fmt.Errorf("%w: no process identity", ErrConfig)
	case !s.Addr.IsValid():
		return nil, fmt.Errorf("%w: no address", ErrConfig)
	case s.Name == "" || len(s.Name) > views.NameMax:
		return nil, fmt.Errorf("%w: name %q: want 1 to %d bytes", ErrConfig, s.Name, views.NameMax)
	}
	c := &Core{
		cfg: cfg, t: cfg.Timing, self: s, joiner: true, durable: cfg.Seq,
		rng: rand.New(rand.NewPCG(cfg.Seed, cfg.Nonce)),
	}
	c.self.Nonce = cfg.Nonce
	c.t.EnsureDefaults()
	c.cfg.ensureDefaults()
	return c, nil
}

func (cfg *Config) ensureDefaults() {
	if cfg.PacketBytes == 0 {
		cfg.PacketBytes = packetFirst
	}
	cfg.PacketBytes = min(max(cfg.PacketBytes, packetLeast), packetMost)
	if cfg.Window == 0 {
		cfg.Window = windowDefault
	}
	cfg.Window = max(cfg.Window, windowLeast)
}

// Start asks for the first promise; the view of this host alone is installed
// once that is on disk.
func (c *Core) Start(now views.Instant) {
	c.now, c.startedAt = now, now
	first := views.ViewID{Seq: c.cfg.Seq + 1, Coordinator: c.self.Host, Incarnation: c.self.Incarnation}
	c.highest = first
	c.persist(first.Seq)
}

// HandlePersisted says that seq is durable.
func (c *Core) HandlePersisted(now views.Instant, seq views.Seq) {
	c.now = now
	if c.stopped {
		return
	}
	c.durable = max(c.durable, seq)
	switch {
	case c.phase == Starting:
		c.installFirst()
	case c.promise != nil && !c.promise.durable && c.promise.ballot.Seq <= c.durable:
		c.promise.durable = true
		c.sendAnswer()
	}
	c.settle()
}

// HandleOpinion takes what the failure detector thinks now.
func (c *Core) HandleOpinion(now views.Instant, o Opinion) {
	c.now = now
	if c.stopped || c.view == nil || o.View != c.view.ID {
		return
	}
	c.takeOpinion(o)
	c.settle()
}

// HandleMessage takes a message. It keeps m.
func (c *Core) HandleMessage(now views.Instant, from Sender, m message.Message) {
	c.now = now
	if c.stopped || c.view == nil {
		return
	}
	if from.Host == c.self.Host {
		if from.Incarnation != c.self.Incarnation || from.Nonce != c.cfg.Nonce {
			c.handleOwnClone(from, m)
		}
		return
	}
	if !c.admit(from, m) {
		return
	}
	c.dispatch(from, m)
	c.settle()
}

// dispatch is the one switch over messages.
func (c *Core) dispatch(from Sender, m message.Message) {
	switch m := m.(type) {
	case *message.Heartbeat:
		c.handleHeartbeat(from, m)
	case *message.Data:
		c.handleData(from, m)
	case *message.Ack:
		c.handleAck(from, m)
	case *message.Stable:
		c.handleStable(from, m)
	case *message.Resend:
		c.handleResend(from, m)
	case *message.Request:
		c.handleRequest(from, m)
	case *message.Grant:
		c.handleGrant(from, m)
	case *message.Hello:
		c.handleHello(from, m)
	case *message.Introduce:
		c.handleIntroduce(from, m)
	case *message.Ask:
		c.handleAsk(from, m)
	case *message.Roster:
		c.handleRoster(from, m)
	case *message.Refuse:
		c.handleRefuse(from, m)
	case *message.Leave:
		c.handleLeave(from, m)
	case *message.Pong:
		c.handlePong(from, m)
	case *message.Probe:
		c.handleProbe(from, m)
	case *message.Reached:
		c.handleReached(from, m)
	case *message.Propose:
		c.handlePropose(from, m)
	case *message.Answer:
		c.handleAnswer(from, m)
	case *message.Nack:
		c.handleNack(from, m)
	case *message.Hold:
		c.handleHold(from, m)
	case *message.Recover:
		c.handleRecover(from, m)
	case *message.Catchup:
		c.handleCatchup(from, m)
	case *message.Fetch:
		c.handleFetch(from, m)
	case *message.Install:
		c.handleInstall(from, m)
	case *message.Abdicate:
		c.handleAbdicate(from, m)
	}
}

// Advance does what is due.
func (c *Core) Advance(now views.Instant) {
	c.now = now
	if c.stopped || c.view == nil {
		return
	}
	c.advanceStreams()
	c.advancePromise()
	c.advanceLead()
	c.advanceChallenge()
	c.advanceLeave()
	c.advanceHello()
	c.advanceReach()
	c.settle()
}

// settle runs after every input: it starts a change that is due and sends what
// this step has queued.
func (c *Core) settle() {
	if c.stopped || c.view == nil {
		return
	}
	c.maybeTakeDeferred()
	c.advanceDeparted()
	c.maybeChange()
	c.flushSends()
}

// Deadline is when Advance must be called at the latest; 0 for never.
func (c *Core) Deadline() views.Instant {
	if c.stopped || c.view == nil {
		return 0
	}
	d := views.Earliest(c.streamDeadline(), c.helloAt)
	d = views.Earliest(d, c.reachAt)
	d = views.Earliest(d, c.gather.due)
	d = views.Earliest(d, c.gather.departAt)
	d = views.Earliest(d, c.leaveDeadline())
	if c.promise != nil {
		d = views.Earliest(d, c.promise.deadline())
	}
	if c.lead != nil {
		d = views.Earliest(d, c.lead.deadline())
	}
	if c.challenge != nil {
		d = views.Earliest(d, c.challenge.nextAt)
	}
	return d
}

// Drain gives what has accumulated and forgets it. The slices are valid until
// the next input.
func (c *Core) Drain() Output {
	out := c.out
	c.batch, c.ahead = nil, false
	c.out = Output{
		Events: out.Events[len(out.Events):], Sends: out.Sends[len(out.Sends):],
		Deliver: out.Deliver[len(out.Deliver):],
	}
	return out
}

// Held reports whether the messages of the application wait for Release.
func (c *Core) Held() bool { return c.held && !c.stopped && c.view != nil }

// View is the current view with the ordered changes since its install; nil
// before the first. It is immutable.
func (c *Core) View() *views.View { return c.view }

// Prev is the view before the current one; zero for the first.
func (c *Core) Prev() views.ViewID { return c.prev }

// Phase is where this host stands in the protocol.
func (c *Core) Phase() Phase { return c.phase }

// Counters gives what was counted so far.
func (c *Core) Counters() Counters { return c.counters }

// Joiner reports whether this incarnation was never in a view of two.
func (c *Core) Joiner() bool { return c.joiner }

// Heartbeat is what this host says of itself now; nil before the first view.
func (c *Core) Heartbeat() *message.Heartbeat {
	if c.view == nil {
		return nil
	}
	return &message.Heartbeat{View: c.view.ID, Size: c.liveSize(), Sent: c.announces()}
}

// announces is how much this host has sent.
func (c *Core) announces() (sent [message.Classes]views.StreamSeq) {
	for class := range message.Classes {
		sent[class] = c.streams[message.StreamOf(c.rank, class)].have
	}
	return sent
}

// Others are the addresses of the other members. The caller must not change them.
func (c *Core) Others() []netip.AddrPort { return c.addrs }

// persistAhead is how many seqs are made durable at once: a change of view then
// seldom waits for the disk, and a restart skips those not used.
const persistAhead = 4

// persist makes seq and some more durable, and again before they are used up.
func (c *Core) persist(seq views.Seq) {
	if c.writing < seq+persistAhead/2 {
		c.writing = seq + persistAhead
		c.out.Persist = c.writing
	}
}

func (c *Core) emit(e trace.Event) { c.out.Events = append(c.out.Events, e) }
func (c *Core) deliver(d Delivery) {
	c.out.Deliver = append(c.out.Deliver, d)
	c.batch = nil
}

func (c *Core) after(d time.Duration) views.Instant { return c.now.Add(d) }

// jitter gives d plus up to a quarter of it.
func (c *Core) jitter(d time.Duration) time.Duration {
	return d + time.Duration(c.rng.Int64N(int64(d)/4+1))
}

func (c *Core) sendTo(to netip.AddrPort, m message.Message) {
	c.out.Sends = append(c.out.Sends, Send{Scope: Direct, To: []netip.AddrPort{to}, Msg: m})
}

func (c *Core) sendAll(m message.Message) {
	if len(c.addrs) > 0 {
		c.out.Sends = append(c.out.Sends, Send{Scope: All, To: c.addrs, Msg: m})
	}
}

func (c *Core) sendVia(via, to netip.AddrPort, m message.Message) {
	c.out.Sends = append(c.out.Sends, Send{Scope: Direct, To: []netip.AddrPort{to}, Msg: m, Via: via})
}

// drop counts input that is thrown away.
func (c *Core) drop(from views.HostID, reason string) {
	c.emit(trace.Drop{From: from, Reason: reason, Count: 1})
}

// rankOf gives the rank of a living process in the current view, or -1.
func (c *Core) rankOf(p views.Process) int {
	if r := c.rankOfHost(p.Host); r >= 0 && c.base.Members[r].Incarnation == p.Incarnation {
		return r
	}
	return -1
}

// rankOfHost is the same whatever the incarnation.
func (c *Core) rankOfHost(h views.HostID) int {
	if c.index == nil {
		return c.base.Rank(h)
	}
	if r, ok := c.index[h]; ok {
		return r
	}
	return -1
}

// RankOf gives the rank of a living process in the current view, or -1.
func (c *Core) RankOf(p views.Process) int {
	if c.view == nil {
		return -1
	}
	return c.rankOf(p)
}

// indexFrom is from which size on ranks are looked up in a map.
const indexFrom = 16

func (c *Core) reindex() {
	c.index = nil
	if c.base.Size() < indexFrom {
		return
	}
	c.index = make(map[views.HostID]int, c.base.Size())
	for r := range c.base.Members {
		c.index[c.base.Members[r].Host] = r
	}
}

// enter moves to a phase.
func (c *Core) enter(p Phase) {
	if !allowed[c.phase][p] {
		panic("vsync: forbidden transition " + c.phase.String() + " -> " + p.String())
	}
	c.phase = p
}
