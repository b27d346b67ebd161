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

// loop is the one goroutine that owns the engine. Everything that happens
// outside comes to it as an input, everything the engine wants is done by it,
// or, for the disk, by the writer it feeds. Two more goroutines belong to it,
// one receives, one writes; with a check command a third. Nothing else ticks: at
// rest the loop sleeps until a datagram or the engine's own deadline.
type loop struct {
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

	now     views.Instant // of the input at hand; never falls
	timer   *time.Timer
	armed   views.Instant // what the timer is set to; 0: nothing
	n       uint64        // of the last record
	records []trace.Record
	sending bool // the last frame could be sent

	ended    bool
	stopSeen bool // the engine logged its stop itself
	err      error
	state    string   // after the end
	notices  []string // of the start
}

// run is the life of a host.
func (l *loop) run() {
	l.workers.Go(func() { l.inbox.receive(l.tr, func() { l.host.counts.receiveErrors.Add(1) }) })
	l.workers.Go(func() { l.disk.write(l.store) })
	l.timer = time.NewTimer(time.Hour)
	l.timer.Stop()
	endCheck := l.startCheck()
	l.step(nil)
	for !l.ended {
		l.arm()
		l.take()
		if d := l.engine.Deadline(); !l.ended && d != 0 && d <= l.now {
			l.step(nil)
		}
		l.feed()
		l.watchBacklog()
		l.cutSilent()
	}
	endCheck()
	l.finish()
}

// arm sets the one timer to the engine's deadline, where that has moved.
func (l *loop) arm() {
	d := views.Earliest(l.engine.Deadline(), l.lookAt)
	d = views.Earliest(d, l.ports.blockUntil)
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

// take waits for one thing to happen and handles it. While the disk is far
// behind only the disk and the end are listened to.
func (l *loop) take() {
	full, commands, evidence, results := l.inbox.full, l.host.commands, l.tr.Evidence(), l.states.results
	if l.disk.full() {
		full, commands, evidence, results = nil, nil, nil, nil
	}
	select {
	case b, open := <-full:
		l.tick()
		if !open {
			l.fatal("the transport broke", l.inbox.failed)
			return
		}
		l.takeBatch(b)
	case <-l.timer.C:
		l.tick()
		l.armed = 0
	case d := <-l.disk.done:
		l.tick()
		l.takeDisk(d)
	case e := <-evidence:
		l.tick()
		l.step(engine.Evidence{Process: e.Process, Found: e.Found})
	case r := <-results:
		l.tick()
		l.takeResult(r)
	case c := <-commands:
		l.tick()
		c(l)
	case <-l.host.outbox.wake: // it is fed after this
		l.tick()
	case <-l.host.listeners.freed:
		l.tick()
	case <-l.host.closing:
		l.end(StateStopped, ErrClosed)
	}
}

func (l *loop) tick() { l.now = max(l.now, l.clock()) }

// takeBatch hands every frame to the engine and gives the buffers back.
func (l *loop) takeBatch(b *batch) {
	var held engine.Received // until it is known whether it is the last
	for i := range b.frames[:b.n] {
		in := &b.frames[i]
		for frame := range in.Frames() {
			if held.Frame != nil {
				l.step(held)
			}
			held = engine.Received{From: in.From, Frame: frame, More: true}
		}
	}
	if held.Frame != nil {
		held.More = false
		l.step(held)
	}
	b.n = 0
	l.inbox.free <- b
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
	l.ended, l.state, l.err = true, state, err
}

// finish closes everything, tells those who wait, and is the last of the host.
func (l *loop) finish() {
	l.timer.Stop()
	l.host.outbox.close(stoppedFor(l.err)) // first, since a disk may keep us waiting
	l.closed("transport", l.tr.Close())
	close(l.quit)
	l.endStates()
	close(l.disk.jobs)
	l.workers.Wait()
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
