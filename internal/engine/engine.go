package engine

import (
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/gmsd/gmsd/failuredetect"
	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
	"github.com/gmsd/gmsd/views/vsync"
)

// dropsEvery is how often dropped input is told: the log must not become what
// a flood of bad datagrams breaks.
const dropsEvery = time.Second

// Engine is one host's whole protocol state. It is not safe for concurrent use.
type Engine struct {
	cfg    Config
	header message.Header
	core   *vsync.Core
	detect *failuredetect.Detector
	now    views.Instant

	begun   bool
	stopped bool
	frame   wire.Frame
	frames  frames
	head    []byte
	guard   guard
	light   light
	states  states
	// members is the view whose members' transfers go on.
	members *views.View
	out     Output
	// bundle is up to which size messages for one place share a frame.
	bundle int
	// pieces are on their way out, parts those that came of messages not yet whole.
	pieces outgoing
	parts  parts
	drops  drops
	// links is what every way carries.
	links   links
	padding []byte
	// frameSize is that of the frame that is read, as it came; frameMulticast is how.
	frameSize      int
	frameMulticast bool
	// earshot is who hears whose multicast.
	earshot earshot
	// aloneSince is since when this host has been alone; 0: it is not.
	aloneSince views.Instant
	tokens     uint64
	// persists maps the token of a write in flight to what it makes durable.
	persists map[uint64]views.Seq
	traffic  Traffic
}

// Traffic counts messages by type, in and out.
type Traffic struct {
	In, Out [message.TypeEnd]uint64
}

// GroupHash is how a group's name stands in a frame.
func GroupHash(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte("gmsd\x00" + name)) // never fails
	return h.Sum64()
}

// New makes an engine; its first Step(now, nil) starts it.
func New(cfg Config) (*Engine, error) {
	if cfg.Group == "" || len(cfg.Group) > views.GroupNameMax {
		return nil, fmt.Errorf("engine: group %q: want 1 to %d bytes", cfg.Group, views.GroupNameMax)
	}
	e := &Engine{
		cfg:      cfg,
		header:   message.Header{Group: GroupHash(cfg.Group), From: cfg.Self.Process, Nonce: cfg.Nonce},
		persists: make(map[uint64]views.Seq),
	}
	detect := cfg.Detect
	detect.Self = cfg.Self.Process
	if detect.Beat == 0 && !cfg.Multicast {
		detect.Beat = BeatToEach
	}
	detect.EnsureDefaults()
	if err := detect.Validate(); err != nil {
		return nil, err
	}
	e.detect = failuredetect.New(detect, cfg.Seed)
	cfg.ensureDefaults()
	if err := cfg.checkKeys(); err != nil {
		return nil, err
	}
	e.guard = newGuard(&cfg, e.header)
	e.links = newLinks(&cfg)
	e.bundle = cfg.PathBytes - cfg.tailBytes()
	e.light = newLight(cfg.Self.Process, cfg.Timing)
	states, err := newStates(cfg.Self.Process, cfg.frameBytes())
	if err != nil {
		return nil, err
	}
	e.states = states
	core, err := vsync.New(vsync.Config{
		Audience: e.audience, Holds: true, Quiet: e.quiet, Bare: e.light.table.Bare,
		Self: cfg.Self, Nonce: cfg.Nonce, Seq: cfg.Seq, Multicast: cfg.Multicast, Seed: cfg.Seed + 1,
		Timing: cfg.Timing, HoldOff: e.detect.HoldOff,
		SignView: e.guard.viewSigner(), CheckView: e.guard.viewChecker(),
		PacketBytes: cfg.frameBytes() - dataOverhead, Window: cfg.Window, MessageEvents: cfg.MessageEvents,
	})
	if err != nil {
		return nil, err
	}
	e.core = core
	return e, nil
}

// Step takes what happened at now, or nil where only time has passed, and gives
// what follows.
func (e *Engine) Step(now views.Instant, in Input) *Output {
	e.now = max(e.now, now)
	e.core.Recycle()
	e.frames.reset()
	e.out = Output{
		Events: e.out.Events[:0], Send: e.out.Send[:0], Deliver: e.out.Deliver[:0], State: e.out.State.emptied(),
	}
	if e.stopped {
		return &e.out
	}
	if !e.begun {
		e.begun = true
		e.core.Start(e.now)
	}
	spoken := e.traffic.Out[message.TypeData]
	e.take(in)
	e.detect.Advance(e.now)
	e.advanceBlock()
	e.advanceStates()
	e.parts.advance(e.now)
	e.askMissing()
	e.advancePieces()
	e.advanceKeys()
	e.advanceLinks()
	if d := e.core.Deadline(); d != 0 && d <= e.now {
		e.core.Advance(e.now)
	}
	if received, ok := in.(Received); !ok || !received.More {
		e.core.Acknowledge()
	}
	e.settle()
	if e.traffic.Out[message.TypeData] != spoken {
		e.detect.Spoke(e.now)
	}
	e.tellEarshot()
	e.flushDrops()
	return &e.out
}

// take is the one switch over inputs.
func (e *Engine) take(in Input) {
	switch in := in.(type) {
	case nil:
	case Received:
		e.receive(in)
	case Persisted:
		e.takePersisted(in)
	case Submit:
		e.submit(in)
	case Join, Part, PortGone, Ready:
		e.takeGroup(in)
	case Donate, Refuse, Receive, EndTransfer, TookState, StateRead, KeptRead, StateWritten, StateSealed:
		e.takeState(in)
	case Backlog:
		e.core.HandleBacklog(e.now, in.Bytes)
	case SetState:
		e.setState(in)
	case Leave:
		e.core.Leave(e.now)
	case Evict:
		e.expel(in)
		e.core.Evict(e.now, in.Host)
	case ExamineLink:
		e.examineLink(in)
	case SendBurst:
		e.sendBurst()
	case SendReport:
		e.sendReport(in)
	case ChangeKeys, RingSaved, PollKeys:
		e.takeKeys(in)
	case Absent:
		e.core.SetAbsent(in.Some)
	case Evidence:
		e.detect.HandleEvidence(e.now, in.Process, in.Found)
	}
}

func (e *Engine) takePersisted(in Persisted) {
	seq, ok := e.persists[in.Token]
	if !ok {
		return
	}
	delete(e.persists, in.Token)
	if in.Err != nil {
		e.fail("the state directory cannot be written: " + in.Err.Error())
		return
	}
	e.core.HandlePersisted(e.now, seq)
}

// fail stops the host at once: it could not keep its promises.
func (e *Engine) fail(detail string) {
	e.out.Events = append(e.out.Events, trace.Stop{How: trace.StopFatal})
	e.out.Stop = &Stop{How: trace.StopFatal, Detail: detail}
	e.stopped = true
}

func (e *Engine) setState(in SetState) {
	self := e.core.Self()
	attrs := self.Attrs
	if in.SetAttrs {
		attrs = in.Attrs
	}
	e.core.SetState(e.now, self.Bits&^in.Mask|in.Bits&in.Mask, attrs)
}

// settleMax bounds the exchange between the parts within one step.
const settleMax = 16

// settle passes on what the parts have for each other and for the driver,
// until they have nothing more.
func (e *Engine) settle() {
	for range settleMax {
		if e.stopped {
			return
		}
		more := e.drainCore()
		if !e.stopped && e.drainDetector() {
			more = true
		}
		if !more {
			return
		}
	}
}

// drainCore takes the core's output and reports whether there was a new view.
func (e *Engine) drainCore() bool {
	out := e.core.Drain()
	if out.Persist != 0 {
		if e.out.Persist != nil {
			delete(e.persists, e.out.Persist.Token) // this one stands for both
		}
		e.tokens++
		e.persists[e.tokens] = out.Persist
		e.out.Persist = &Persist{Token: e.tokens, Seq: out.Persist}
	}
	installed := false
	var gone *views.View
	var along []views.HostID // through all new views
	for _, d := range out.Deliver {
		switch d := d.(type) {
		case ViewInstalled:
			installed = true
			for _, h := range d.Removed {
				e.detect.Removed(e.now, h)
			}
			e.detect.SetView(e.now, d.View)
			e.earshot.setView(e.now, d.View)
			e.noteSize(d.View)
			e.links.setView(e.now, d.View, e.header.From)
			e.obeyPaths()
			e.deliver(d)
			e.light.at = d.At
			e.installGroups(d)
			if gone == nil {
				gone, along = e.members, d.Trans
			}
			along = slices.DeleteFunc(slices.Clone(along), func(h views.HostID) bool { return !cameAlong(d.Trans, h) })
			e.members = d.View
			continue
		case vsync.Control:
			e.deliver(d)
			e.light.at = d.At
			e.takeControl(d)
			continue
		}
		e.deliver(d)
	}
	e.emitWith(out.Events)
	e.send(out.Sends)
	if installed {
		e.viewOfKeys(along)
		e.watch()
		e.goneFrom(gone, e.members)
	}
	if out.Stop != nil {
		e.out.Stop = out.Stop
		e.stopped = true
		e.refuseHeld()
		return installed
	}
	more := e.submitControls()
	if e.light.busy() {
		more = e.settleGroups() || more
	}
	return more || installed
}

func (e *Engine) deliver(d Delivery) { e.out.Deliver = append(e.out.Deliver, d) }

// drainDetector takes the detector's output and reports whether its opinion
// went to the core.
func (e *Engine) drainDetector() bool {
	out := e.detect.Drain()
	for _, ev := range out.Events {
		e.emit(ev)
	}
	v := e.core.View()
	if v == nil {
		return false
	}
	if out.Beat {
		e.beat(v, out.BeatTo)
		e.askUnheard()
	}
	for _, p := range out.Pings {
		m := &v.Members[p.Rank]
		e.sendOne(e.addrOf(m), &message.Ping{Token: p.Token, To: m.Process})
	}
	if out.Accuse != nil {
		e.accuse(v, out.Accuse, out.AccuseTo)
	}
	if !out.Changed {
		return false
	}
	e.core.HandleOpinion(e.now, vsync.Opinion{
		View: v.ID, Failed: e.detect.Failed(), Suspected: e.detect.Suspected(), Unsettled: e.detect.Unsettled(),
	})
	return true
}

// beat sends a heartbeat to all (nil) or to the given ranks.
func (e *Engine) beat(v *views.View, ranks []uint16) {
	hb := e.core.Heartbeat()
	if ranks == nil {
		e.sendAll(hb)
		return
	}
	for _, r := range ranks {
		e.sendOne(e.addrOf(&v.Members[r]), hb)
	}
}

// accuse sends a list of doubts to all (nil) or to each of the given ranks.
func (e *Engine) accuse(v *views.View, list *message.Accuse, ranks []uint16) {
	if ranks == nil {
		e.sendAll(list)
		return
	}
	for _, r := range ranks {
		e.sendOne(e.addrOf(&v.Members[r]), list)
	}
}

// watch gives the driver the processes whose sockets tell of their life.
func (e *Engine) watch() {
	v := e.core.View()
	targets := make([]WatchTarget, 0, len(e.detect.Observed()))
	for _, r := range e.detect.Observed() {
		m := &v.Members[r]
		targets = append(targets, WatchTarget{Process: m.Process, Addr: m.Addr})
	}
	e.out.Watch = &Watch{Targets: targets}
}

// emit puts an event into the output; drops are counted first.
func (e *Engine) emit(ev trace.Event) {
	if d, ok := ev.(trace.Drop); ok {
		e.drops.count(d.From, d.Reason, d.Count)
		return
	}
	if s, ok := ev.(trace.Suspect); ok {
		e.light.noteEvidence(s.Who, s.Evidence)
	}
	e.out.Events = append(e.out.Events, ev)
}

// Deadline is when Step must be called at the latest; 0 for "when something happens".
func (e *Engine) Deadline() views.Instant {
	if e.stopped {
		return 0
	}
	if !e.begun {
		return 1
	}
	d := views.Earliest(e.core.Deadline(), e.detect.Deadline())
	d = views.Earliest(d, e.light.block.deadline())
	d = views.Earliest(d, e.states.machine.Deadline())
	d = views.Earliest(d, e.pieces.deadline())
	d = views.Earliest(d, e.parts.deadline())
	d = views.Earliest(d, e.guard.deadline())
	d = views.Earliest(d, e.links.at)
	return views.Earliest(d, e.drops.dueAt)
}

// Room is how many bytes of messages may be submitted now without a refusal.
func (e *Engine) Room() int { return max(0, e.core.Room()-e.light.back.takes()) }

// View is the current view with the ordered changes since its install; nil
// before the first. It is immutable.
func (e *Engine) View() *views.View { return e.core.View() }

// Describe prints the state in a few lines, for transcripts.
func (e *Engine) Describe() string { return e.core.Describe() }
