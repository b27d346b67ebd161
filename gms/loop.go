package gms

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// loop owns the engine. Everything that happens outside comes to it as an input,
// everything the engine wants is done by it, or, for the disk, by the writer it
// feeds. Its own goroutine does so; two more belong to it, one receives, one writes;
// with a check command a third. Nothing else ticks: at rest the loop sleeps until a
// datagram or the engine's own deadline.
//
// A lone datagram is handled by who receives it, if nothing else is at hand: another
// goroutine would have to be woken for it. So whoever handles something holds turn.
type loop struct {
	turn sync.Mutex

	host     *Host
	self     views.Process
	engine   machine
	tr       transport.Transport
	store    store
	eventLog *eventLog
	log      *slog.Logger
	clock    func() views.Instant

	inbox   *inbox
	quit    chan struct{} // ends the receiver's waiting for a batch
	disk    *disk
	keeper  *keeper
	doctor  physician
	patient patient
	workers sync.WaitGroup
	calls   calls
	ports   ports
	states  states
	// window is how much may be under way in the group; level how many of them the
	// listeners are behind, as the engine was told; lookAt is when to see who of
	// them does not read.
	window int
	level  int
	lookAt views.Instant
	out    []transport.Outbound
	check  *checker // nil: none decides over the started bit
	seeker seeker
	// namesakes are the members that share a name, as was said.
	namesakes []views.HostID

	now     views.Instant // of the input at hand; never falls
	timer   *time.Timer
	armed   views.Instant // what the timer is set to; 0: nothing
	n       uint64        // of the last record
	records []trace.Record
	sending bool // the last frame could be sent

	ended    bool
	over     chan struct{} // closed when ended is set
	stopSeen bool          // the engine logged its stop itself
	err      error
	state    string   // after the end
	notices  []string // of the start
}

// run is the life of a host.
func (l *loop) run() {
	l.workers.Go(func() { l.disk.write(l.store) })
	l.workers.Go(func() { l.keeper.write(l.quit) })
	l.timer = time.NewTimer(time.Hour)
	l.timer.Stop()
	endCheck := l.startCheck()
	l.handle(func() { l.step(nil) })
	l.workers.Go(func() { l.inbox.receive(l.tr, l.takeStraight, func() { l.host.counts.receiveErrors.Add(1) }) })
	for l.take() {
	}
	endCheck()
	l.endExaminations()
	l.finish()
}

// handle takes its turn at one thing that happened, and at what is due after it. At
// the end nothing is handled any more.
func (l *loop) handle(what func()) {
	l.turn.Lock()
	defer l.turn.Unlock()
	if !l.ended {
		l.handleNow(what)
	}
}

// handleNow is handle for who has the turn.
func (l *loop) handleNow(what func()) {
	l.tick()
	l.notePause()
	what()
	if d := l.engine.Deadline(); !l.ended && d != 0 && d <= l.now {
		l.step(nil)
	}
	l.feed()
	l.watchBacklog()
	l.cutSilent()
	l.lookAround()
	l.advanceDoctor()
	if !l.ended {
		l.arm()
	}
}

// takeStraight handles a batch on the goroutine that received it, false where the loop
// is to do that: it is at something else, or more than one datagram came, and it
// better handles them while the next are received.
func (l *loop) takeStraight(b *batch) bool {
	if b.n > 1 || b.frames[0].Count() > 1 || l.inbox.waiting.Load() > 0 || !l.turn.TryLock() {
		return false
	}
	defer l.turn.Unlock()
	if l.ended || l.disk.room() < 2 { // that the disk has become full only the loop may find
		return false
	}
	l.handleNow(func() { l.takeBatch(b) })
	return true
}

// arm sets the one timer to the engine's deadline, where that has moved.
func (l *loop) arm() {
	d := views.Earliest(l.engine.Deadline(), l.lookAt)
	d = views.Earliest(d, l.ports.blockUntil)
	d = views.Earliest(d, l.seeker.lookAt)
	d = views.Earliest(d, l.doctor.lookAt)
	if d == l.armed {
		return
	}
	l.armed = d
	if d == 0 {
		l.timer.Stop()
		return
	}
	l.timer.Reset(max(0, d.Sub(l.clock())))
}

// take waits for one thing to happen and handles it, false at the end. While the disk
// is far behind only the disk and the end are listened to.
func (l *loop) take() bool {
	full, commands, evidence, results := l.inbox.full, l.host.commands, l.tr.Evidence(), l.states.results
	if l.behind() {
		full, commands, evidence, results = nil, nil, nil, nil
	}
	select {
	case b, open := <-full:
		l.handle(func() { l.takeWaiting(b, open) })
	case <-l.timer.C:
		l.handle(func() { l.armed = 0 })
	case d := <-l.disk.done:
		l.handle(func() { l.takeDisk(d) })
	case e := <-evidence:
		l.handle(func() { l.step(engine.Evidence{Process: e.Process, Found: e.Found}) })
	case f := <-l.doctor.facts.found:
		l.handle(func() { l.takeFact(f) })
	case f := <-l.doctor.idling.found:
		l.handle(func() { l.takeLong(f) })
	case f := <-l.doctor.facts.heard:
		l.handle(func() { l.takeHeard(f) })
	case j := <-l.doctor.judged:
		l.handle(func() { l.takeJudgement(j) })
	case s := <-l.keeper.done:
		l.handle(func() { l.takeSaved(s) })
	case r := <-results:
		l.handle(func() { l.takeResult(r) })
	case c := <-commands:
		l.handle(func() { c(l) })
	case <-l.host.outbox.wake:
		l.handle(func() {}) // it is fed after this
	case <-l.host.listeners.freed:
		l.handle(func() {})
	case <-l.host.closing:
		l.handle(func() { l.end(StateStopped, ErrClosed) })
	case <-l.over:
		return false
	}
	return true
}

func (l *loop) behind() bool {
	l.turn.Lock()
	defer l.turn.Unlock()
	return l.disk.full()
}

func (l *loop) tick() { l.now = max(l.now, l.clock()) }

// takeWaiting takes a batch that waited for the loop, and gives the buffers back.
func (l *loop) takeWaiting(b *batch, open bool) {
	if !open {
		l.fatal("the transport broke", l.inbox.failed)
		return
	}
	l.takeBatch(b)
	l.inbox.waiting.Add(-1)
	l.inbox.free <- b
}

// takeBatch hands every frame to the engine.
func (l *loop) takeBatch(b *batch) {
	var held engine.Received // until it is known whether it is the last
	for i := range b.frames[:b.n] {
		in := &b.frames[i]
		for frame := range in.Frames() {
			if held.Frame != nil {
				l.step(held)
			}
			held = engine.Received{From: in.From, Frame: frame, More: true, Multicast: in.Multicast}
		}
	}
	if held.Frame != nil {
		held.More = false
		l.step(held)
	}
	b.n = 0
}

// takeDisk answers a finished write, after the next one is on its way.
func (l *loop) takeDisk(d diskDone) {
	l.disk.ended(d)
	if len(d.tokens) == 0 && d.err != nil {
		l.log.Warn("cannot note whom this host is with; the next start may take longer to find them", "err", d.err)
	}
	for _, token := range d.tokens {
		l.step(engine.Persisted{Token: token, Err: d.err})
	}
}

// step gives the engine an input and does what follows from it.
func (l *loop) step(in engine.Input) {
	if l.ended {
		return
	}
	l.host.counts.steps.Add(1)
	l.act(l.engine.Step(l.now, in))
	l.runSoon()
}

// fatal ends the host because the runtime can no longer serve it.
func (l *loop) fatal(what string, err error) {
	if err != nil {
		what = fmt.Sprintf("%s: %v", what, err)
	}
	l.record([]trace.Event{trace.Stop{How: trace.StopFatal}})
	l.end(StateStopped, &FatalError{How: trace.StopFatal, Detail: what, Err: err})
}

func (l *loop) end(state string, err error) {
	first := !l.ended
	l.ended, l.state, l.err = true, state, err
	if first {
		close(l.over)
	}
}

// finish closes everything, tells those who wait, and is the last of the host: it keeps
// its turn.
func (l *loop) finish() {
	l.turn.Lock()
	l.timer.Stop()
	l.host.outbox.close(stoppedFor(l.err)) // first, since a disk may keep us waiting
	l.closed("transport", l.tr.Close())
	close(l.quit)
	l.endStates()
	close(l.disk.jobs)
	close(l.keeper.next)
	l.workers.Wait()
	l.closed("discovery", l.seeker.layers.Close())
	l.closed("data directory", l.store.Close())
	l.closed("event log", l.eventLog.end())
	h := l.host
	if s := h.board.current(); s != nil {
		last := *s
		last.State = l.state
		h.board.amend(&last)
	}
	h.err = l.err
	h.ring.close()
	l.loseSends(stoppedFor(l.err))
	l.endPorts(member.ErrClosed)
	h.listeners.close()
	h.board.close()
	close(h.done)
}

// watchBacklog tells the engine how far the listeners are behind, and cuts those
// that have stopped reading.
func (l *loop) watchBacklog() {
	if l.ended {
		return
	}
	set := &l.host.listeners
	backlog := set.unread(l.window)
	if level := backlog / l.window; level != l.level {
		l.level = level
		l.step(engine.Backlog{Bytes: backlog})
	}
	switch {
	case l.level == 0:
		if l.lookAt != 0 {
			set.forgive()
		}
		l.lookAt = 0
	case l.lookAt == 0:
		l.lookAt = l.now.Add(lookEvery)
	case l.lookAt <= l.now:
		l.lookAt = l.now.Add(lookEvery)
		l.cutPorts(set.cutStale(l.window))
		l.cutStuck()
	}
}

func (l *loop) closed(what string, err error) {
	if err != nil {
		l.log.Warn("close", "what", what, "err", err)
	}
}
