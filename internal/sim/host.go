package sim

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/stable"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// Host is one machine: an address, a clock, a disk, and the daemon that may
// run on it.
type Host struct {
	w      *World
	number int
	addr   netip.AddrPort
	clock  clock
	disk   disk
	r      *rand.Rand
	// powered: the kernel is up and can say that a port is closed.
	powered bool
	// wanted: the supervisor starts the daemon again when it has ended.
	wanted bool
	// wish guards planned starts: one made under an older wish is void.
	wish uint32
	// down and frozen count the faults that keep the daemon down or stopped.
	down, frozen int
	// spare machines run clones only.
	spare bool
	// strange: who speaks to this address may mean another host.
	strange bool
	// ended is how the last daemon ended, for transcripts.
	ended string

	proc *process
}

// queued is an input that waits for a stopped process.
type queued struct {
	kind  eventKind
	from  uint16
	arg   uint32
	token uint64
	err   error
}

// queue keeps q for the resume; frames beyond the limit are lost, as in a full
// socket buffer.
func (p *process) queue(q queued, limit int) {
	if q.kind == evFrame {
		if p.frames >= limit {
			return
		}
		p.frames++
	}
	p.inbox = append(p.inbox, q)
}

// newHost makes machine number with an identity of its own.
func newHost(w *World, number int) *Host {
	r := newStream(w.opts.Seed, "host", number)
	h := &Host{w: w, number: number, addr: addrOf(number), r: r, powered: true, wanted: true}
	h.clock = clock{
		offset:   views.Instant(logBetween(r, time.Second, 1000*time.Hour)),
		driftPPM: between(r, -w.opts.DriftPPM, w.opts.DriftPPM),
	}
	h.disk = disk{
		r: newStream(w.opts.Seed, "disk", number), min: w.opts.DiskMin, mean: w.opts.DiskMean,
		directory: directory{Mem: &stable.Mem{}, identity: w.newIdentity(number), stream: uint32(number)},
		rings:     ringFile{ring: w.firstRing},
	}
	return h
}

func (h *Host) now() views.Instant { return h.clock.local(h.w.now) }

// Running reports whether a daemon runs here and is not stopped.
func (h *Host) Running() bool { return h.proc != nil && !h.proc.paused }

// Number is the machine's number, from 1.
func (h *Host) Number() int { return h.number }

// View is the current view of the daemon here, or nil.
func (h *Host) View() *views.View {
	if h.proc == nil {
		return nil
	}
	return h.proc.view
}

// Process is the running daemon's process, or the zero one.
func (h *Host) Process() views.Process {
	if h.proc == nil {
		return views.Process{}
	}
	return h.proc.id
}

// Machine is the running engine, or nil.
func (h *Host) Machine() Machine {
	if h.proc == nil {
		return nil
	}
	return h.proc.eng
}

// start begins a new incarnation from what the disk holds. The incarnation is
// on disk before the engine exists, as in the daemon.
func (h *Host) start() {
	if h.proc != nil || h.w.failure != nil {
		return
	}
	h.powered = true
	d := &h.disk
	if len(d.Names()) > 0 && chance(d.r, 300_000) {
		d.snapshot() // as backups do now and then
	}
	self, err := d.open()
	for err == nil && h.w.identity.hopeless(h, self.Incarnation) {
		d.restore()
		d.Kill()
		self, err = d.open()
	}
	if err != nil {
		h.w.fail("driver", fmt.Sprintf("host %d: its state directory does not open: %v", h.number, err))
		return
	}
	h.w.gen++
	p := &process{
		gen: h.w.gen, id: views.Process{Host: d.id, Incarnation: self.Incarnation},
		nonce: h.r.Uint64() | 1,
	}
	cfg := engine.Config{
		Self: views.Member{
			Process: p.id, Name: fmt.Sprintf("h%d", h.number), Addr: h.addr, Version: "0.1.0",
		},
		Group: "sim", Nonce: p.nonce, Seed: h.r.Uint64(), Seq: d.store.Seq(),
		Multicast: h.w.opts.Multicast != 0, MessageEvents: true,
	}
	cfg.Window, cfg.PathSure = int(h.w.opts.Window), h.w.opts.Measured == 0
	if h.w.opts.Path > 0 {
		cfg.PathBytes, cfg.Self.Attrs = int(h.w.opts.Path), longAttrs
	}
	h.arms(&cfg)
	h.w.opts.tune(&cfg)
	eng, err := h.w.maker(cfg)
	if err != nil {
		h.w.fail("driver", fmt.Sprintf("host %d: the engine refused its configuration: %v", h.number, err))
		return
	}
	p.eng = eng
	h.proc = p
	h.w.identity.started(h)
	h.log(p, trace.Start{HostName: cfg.Self.Name, Version: cfg.Self.Version})
	h.w.note(hashStart, uint64(h.number), uint64(p.id.Incarnation))
	h.step(nil)
}

// longAttrs are such that two hosts' do not fit into a frame of a short path.
var longAttrs = []views.Attr{
	{Key: "a", Value: strings.Repeat("a", views.AttrValueMax)}, {Key: "b", Value: strings.Repeat("b", views.AttrValueMax)},
}

// plan starts the daemon after delay, unless something else is wished before.
func (h *Host) plan(delay time.Duration) {
	h.wish++
	h.w.heap.push(event{at: h.w.now.Add(delay), kind: evStart, host: uint16(h.number), gen: h.wish})
}

// step drives the engine, and gives it what acting on its output has brought up.
func (h *Host) step(in engine.Input) {
	p := h.proc
	h.stepOnce(in)
	if len(p.soon) > 0 {
		h.runSoon(p)
	}
}

// stepOnce drives the engine once and acts on its output in field order.
func (h *Host) stepOnce(in engine.Input) {
	p := h.proc
	w := h.w
	w.stats.Steps++
	out := p.eng.Step(h.now(), in)
	if out != nil {
		h.act(p, out)
	}
	if h.proc == p && !p.paused {
		h.arm(p)
	}
}

func (h *Host) act(p *process, out *engine.Output) {
	for _, e := range out.Events {
		h.log(p, e)
	}
	if out.Persist != nil {
		h.persist(p, out.Persist)
	}
	if out.SaveRing != nil {
		h.saveRing(p, out.SaveRing)
	}
	for i := range out.Send {
		if len(p.lies) > 0 {
			h.lie(p, &out.Send[i])
		}
		h.w.net.send(h.number, &out.Send[i])
	}
	h.stateWorkOf(p, &out.State)
	for _, d := range out.Deliver {
		h.deliver(p, d)
	}
	if len(p.deliveries) > 0 && h.w.over == "" {
		h.w.fail("log", fmt.Sprintf("host %d logged %d deliveries that the application did not get", h.number, len(p.deliveries)))
	}
	h.checkAnswered(p, out)
	if out.Watch != nil {
		h.setWatch(p, out.Watch.Targets)
	}
	if out.Stop != nil && h.proc == p {
		h.stopped(p, out.Stop)
	}
}

// arm makes sure that a wake event stands no later than the engine's deadline.
// A later deadline leaves the armed event alone: it re-arms when it comes.
func (h *Host) arm(p *process) {
	d := p.eng.Deadline()
	if d == 0 {
		return
	}
	at := max(h.clock.world(d), h.w.now)
	if p.wakeAt != 0 && p.wakeAt <= at {
		return
	}
	switch {
	case chance(h.r, h.w.opts.LateWake):
		h.w.cover.hit(coverLateWake)
		at = at.Add(h.w.opts.scaled(logBetween(h.r, time.Millisecond, 50*time.Millisecond)))
	case chance(h.r, h.w.opts.EarlyWake):
		h.w.cover.hit(coverEarlyWake)
		at = h.w.now + (at-h.w.now)/views.Instant(between(h.r, 2, 10))
	}
	p.wakeAt = at
	h.w.heap.push(event{at: at, kind: evWake, host: uint16(h.number), gen: p.gen})
}

// wake is the armed event: early ones are a legal Step of their own.
func (h *Host) wake(e *event) {
	p := h.proc
	if p == nil || p.gen != e.gen || p.wakeAt != e.at {
		return
	}
	p.wakeAt = 0
	if p.paused {
		return
	}
	if d := p.eng.Deadline(); d != 0 && d > h.now() && h.w.opts.EarlyWake == 0 {
		h.arm(p)
		return
	}
	h.step(nil)
	if h.proc == p && !p.paused && h.w.now == e.at {
		h.checkProgress(p)
	}
}

// checkProgress fails an engine that asks to be called again at once, for ever.
func (h *Host) checkProgress(p *process) {
	if h.w.stalledAt != h.w.now {
		h.w.stalledAt, h.w.stalls = h.w.now, 0
	}
	h.w.stalls++
	if h.w.stalls > 10_000 {
		h.w.fail("progress", fmt.Sprintf("host %d (%v): 10,000 steps without time passing; deadline %d, now %d",
			h.number, p.id, p.eng.Deadline(), h.now()))
	}
}

// receive hands a frame to the engine; more: another follows at once.
func (h *Host) receive(from int, id uint32, more bool) {
	w := h.w
	w.stats.FramesReceived++
	f := &w.frames.frames[id]
	in := engine.Received{From: addrOf(from), Frame: f.bytes, More: more, Multicast: f.multicast}
	if w.opts.Sealed != 0 {
		h.receiveSealed(in, f.bent)
		return
	}
	h.step(in)
}

// persist starts a disk write.
func (h *Host) persist(p *process, want *engine.Persist) {
	var late time.Duration
	if chance(h.r, h.w.opts.SlowPersist) {
		h.w.cover.hit(coverSlowPersist)
		late = h.w.opts.scaled(logBetween(h.r, time.Millisecond, 500*time.Millisecond))
	}
	wr := h.disk.begin(h.w.now, want, late)
	h.w.heap.push(event{at: wr.done, kind: evDisk, host: uint16(h.number), gen: p.gen})
}

// persisted ends the oldest disk write.
func (h *Host) persisted(e *event) {
	p := h.proc
	if p == nil || p.gen != e.gen {
		return
	}
	wr := h.disk.end()
	if wr.err != nil {
		h.w.cover.hit(coverDiskError)
	}
	if p.paused {
		p.queue(queued{kind: evDisk, token: wr.token, err: wr.err}, 0)
		return
	}
	h.answerPersist(p, wr.token, wr.err)
}

func (h *Host) answerPersist(p *process, token uint64, err error) {
	h.step(engine.Persisted{Token: token, Err: err})
	if err != nil && h.proc == p {
		h.w.fail("driver", fmt.Sprintf("host %d went on after its disk failed", h.number))
	}
}

// Kill ends the daemon at once. With power the machine goes, too: nobody says
// that the socket closed.
func (h *Host) Kill(power bool) {
	p := h.proc
	h.wish++
	if power {
		h.powered = false
	}
	if p == nil {
		h.disk.crash(power) // what an earlier daemon wrote may not be synced
		return
	}
	h.w.note(hashKill, uint64(h.number), uint64(b2i(power)))
	h.w.crashed(h, p)
	h.ended = "killed"
	h.gone(p)
}

// gone frees what a process held and lets its watchers know.
func (h *Host) gone(p *process) {
	for _, q := range p.inbox {
		h.w.discard(q)
	}
	p.inbox = nil
	h.disk.crash(!h.powered)
	h.proc = nil
	h.w.identity.gone(p)
	if h.powered {
		h.w.tellWatchers(h, p)
	}
}

// stopped is the engine's own end; a supervisor starts the daemon again.
func (h *Host) stopped(p *process, s *engine.Stop) {
	h.w.cover.hit(coverStop)
	h.w.note(hashStop, uint64(h.number), uint64(s.Code))
	h.ended = s.How
	if s.Code != views.RefuseNone {
		h.ended = "refused: " + s.Code.String()
		h.w.cover.refused[s.Code]++
	}
	h.w.ended(h, p, s)
	h.gone(p)
	if !h.wanted || h.spare {
		return
	}
	h.w.identity.repair(h, s.Code)
	if h.down == 0 {
		h.plan(logBetween(h.r, 100*time.Millisecond, 5*time.Second))
	}
}

// Pause stops the daemon as SIGSTOP does: no step, and arrivals wait.
func (h *Host) Pause() {
	if h.proc != nil && !h.proc.paused {
		h.proc.paused = true
		h.w.note(hashPause, uint64(h.number), 0)
	}
}

// Resume lets a stopped daemon go on. Either its timer fires first or what
// waited in its socket is read first: both happen in the field.
func (h *Host) Resume() {
	p := h.proc
	if p == nil || !p.paused {
		return
	}
	p.paused = false
	p.wakeAt = 0
	h.w.note(hashResume, uint64(h.number), 0)
	if d := p.eng.Deadline(); d != 0 && d <= h.now() && chance(h.r, 500_000) {
		h.step(nil)
	}
	inbox := p.inbox
	p.inbox, p.frames = nil, 0
	for i, q := range inbox {
		if h.proc != p || p.paused {
			for _, rest := range inbox[i:] {
				h.w.discard(rest)
			}
			return
		}
		more := i+1 < len(inbox) && inbox[i+1].kind == evFrame
		h.takeQueued(p, q, more)
	}
	if h.proc == p && !p.paused {
		h.arm(p)
	}
}

func (h *Host) takeQueued(p *process, q queued, more bool) {
	switch q.kind {
	case evFrame:
		h.receive(int(q.from), q.arg, more)
		h.w.frames.release(q.arg)
	case evDisk:
		h.answerPersist(p, q.token, q.err)
	case evEvidence:
		h.step(h.w.evidence[q.arg])
	default:
	}
}
